"""The tree is an ordinary member of a ROS 2 workspace."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("launch", "config", "checkpoints")  # folders that go to share/


def colcon(*arguments: str, cwd: Path = ROOT, log: Path) -> str:
    """Run colcon of this environment and return what it printed."""
    pytest.importorskip("colcon_core", reason="colcon is not in this environment")
    done = subprocess.run(
        [sys.executable, "-m", "colcon", "--log-base", str(log), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_colcon_finds_every_package_with_the_documented_base_paths(tmp_path: Path) -> None:
    listed = colcon("list", "--base-paths", ".", "msg", "overlay", log=tmp_path)
    found = {line.split("\t")[0]: line.split("\t")[2] for line in listed.splitlines()}
    assert found["scene_r1_ros"] == "(ros.ament_python)"
    assert found["scene_r1_msgs"] == "(ros.ament_cmake)"
    overlay = {path.parent.name for path in ROOT.glob("overlay/*/package.xml")}
    assert {"tf2_msgs", "message_filters", "tf2_ros", "cv_bridge"} <= overlay
    assert overlay <= found.keys()


def test_the_root_package_builds_with_colcon(tmp_path: Path) -> None:
    source = tmp_path / "src" / "scene_r1_ros"
    source.mkdir(parents=True)
    for name in ("package.xml", "setup.py", "setup.cfg", "pyproject.toml"):
        shutil.copy(ROOT / name, source)
    for name in ("scene_r1_ros", "training", "resource", *SHIPPED):
        if (ROOT / name).is_dir():
            skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(ROOT / name, source / name, ignore=skip)
    example = source / "checkpoints" / "example" / "config.json"
    example.parent.mkdir(parents=True)
    example.write_text("{}")
    install = tmp_path / "install"
    colcon("build", "--base-paths", "src", "--merge-install", cwd=tmp_path, log=tmp_path / "log")

    share = install / "share" / "scene_r1_ros"
    assert (share / "package.xml").is_file()
    assert (install / "share/ament_index/resource_index/packages/scene_r1_ros").is_file()
    for folder in SHIPPED:
        shipped = {p.relative_to(source) for p in (source / folder).rglob("*") if p.is_file()}
        assert {path for path in shipped if not (share / path).is_file()} == set()
    executables = {path.name for path in (install / "lib" / "scene_r1_ros").iterdir()}
    assert {"scene-r1", "scene_r1_node", "player_node"} <= executables

    site = next((install / "lib").glob("python3*/site-packages"))
    files = {p.relative_to(source) for p in (source / "scene_r1_ros").rglob("*") if p.is_file()}
    missing = {str(path) for path in files if not (site / path).is_file()}
    assert missing == set(), "not installed; does a folder lack its __init__.py?"
    if (source / "training").is_dir():
        assert (site / "scene_r1_training").is_dir()
        assert not (site / "training").exists()


def test_package_xml_names_what_the_code_imports() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    declared = {e.text for e in manifest if e.tag in ("depend", "exec_depend")}
    assert manifest.get("format") == "3"
    assert manifest.findtext("license") == "Apache-2.0"
    interfaces = {f"{p.name}" for p in Path(sys.prefix, "share").glob("*_msgs")}
    own_code = "".join(path.read_text() for path in (ROOT / "scene_r1_ros").rglob("*.py"))
    ros = {"rclpy", "message_filters", "tf2_ros", "cv_bridge", "builtin_interfaces", *interfaces}
    # vision_msgs is used when it happens to be there
    used = {name for name in ros if f"from {name}" in own_code or f"import {name}" in own_code}
    assert used - {"vision_msgs"} <= declared


def test_only_the_ros_adapters_import_ros() -> None:
    ros = ("rclpy", "message_filters", "tf2_ros", "cv_bridge", "sensor_msgs", "scene_r1_msgs")
    for path in (ROOT / "scene_r1_ros").rglob("*.py"):
        if "ros" in path.relative_to(ROOT / "scene_r1_ros").parts[:-1]:
            continue
        lines = [line.split() for line in path.read_text().splitlines()]
        imported = {
            words[1].split(".")[0]
            for words in lines
            if len(words) > 1 and words[0] in ("import", "from")
        }
        assert not imported & set(ros), path


def test_every_pin_is_exact_and_agrees_with_the_constraints() -> None:
    folder = ROOT / "requirements"

    def pins(path: Path) -> dict[str, str]:
        lines = [line.split("#")[0].strip() for line in path.read_text().splitlines()]
        pairs = [line.split("==") for line in lines if line]
        return {name.split("[")[0].lower().replace("_", "-"): version for name, version in pairs}

    locked = pins(folder / "constraints.txt")
    for path in sorted(folder.glob("*.txt")):
        for name, version in pins(path).items():
            assert locked.get(name) == version, f"{path.name}: {name}"


@pytest.mark.skipif(os.name != "posix", reason="Fast DDS shared memory needs POSIX")
def test_the_fast_dds_profile_has_room_for_images() -> None:
    namespace = "{http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles}"
    profile = ElementTree.parse(ROOT / "config" / "fastdds_shm.xml").getroot()
    kinds = [element.text for element in profile.iter(f"{namespace}type")]
    assert kinds == ["SHM", "UDPv4"]
    (segment,) = (int(element.text or 0) for element in profile.iter(f"{namespace}segment_size"))
    (message,) = (int(element.text or 0) for element in profile.iter(f"{namespace}maxMessageSize"))
    assert message >= 1920 * 1080 * 3
    assert segment >= 4 * message
