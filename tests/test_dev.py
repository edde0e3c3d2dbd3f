"""The entry script: fast when nothing changed, plain when something is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

needs_own_venv = pytest.mark.skipif(
    Path(sys.prefix).resolve() != (ROOT / ".venv").resolve(),
    reason="the environment was not made by ./dev setup",
)


def dev(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "dev"), *arguments],
        env=os.environ | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
    )


def bash(script: str, state: Path) -> subprocess.CompletedProcess[str]:
    """Run ``script`` with the functions of the set-up and a state folder of its own."""
    head = f"""
    set -euo pipefail
    ROOT={ROOT} VENV={state} STATE={state}
    . {ROOT}/tools/setup/common.sh; . {ROOT}/tools/setup/steps.sh
    . {ROOT}/tools/setup/environment.sh
    """
    return subprocess.run(["bash", "-c", head + script], capture_output=True, text=True, timeout=30)


def test_an_unknown_command_prints_the_help_and_exits_2() -> None:
    done = dev("frobnicate")
    assert done.returncode == 2
    assert "there is no command 'frobnicate'" in done.stderr
    assert "usage: ./dev" in done.stderr


def test_help_names_every_command() -> None:
    done = dev("help")
    assert done.returncode == 0
    for command in ("setup", "demo", "test", "lint", "bench", "exec"):
        assert f"\n  {command}" in done.stdout


def test_an_unknown_option_of_setup_exits_2() -> None:
    assert dev("setup", "--everything").returncode == 2


@needs_own_venv
def test_setup_takes_under_three_seconds_when_nothing_changed() -> None:
    first = dev("setup")  # whoever works on the tree while the tests run has given it work to do
    assert first.returncode == 0, first.stderr
    begin = time.monotonic()
    second = dev("setup")
    assert time.monotonic() - begin < 3.0, second.stderr


@needs_own_venv
def test_exec_hands_on_arguments_and_exit_status() -> None:
    done = dev("exec", "python", "-c", "import sys; print(sys.argv[1]); sys.exit(7)", "a  b")
    assert (done.returncode, done.stdout) == (7, "a  b\n")


@needs_own_venv
def test_exec_sets_the_fast_dds_profile_unless_the_user_did() -> None:
    show = ("exec", "sh", "-c", 'echo "${FASTRTPS_DEFAULT_PROFILES_FILE-}"')
    own = {"FASTRTPS_DEFAULT_PROFILES_FILE": "", "FASTDDS_DEFAULT_PROFILES_FILE": ""}
    assert dev(*show, **own).stdout.strip() == str(ROOT / "config" / "fastdds_shm.xml")
    own["FASTDDS_DEFAULT_PROFILES_FILE"] = "/tmp/mine.xml"
    assert dev(*show, **own).stdout.strip() == ""


def test_missing_debian_packages_stop_a_user_with_the_line_to_run(tmp_path: Path) -> None:
    done = bash(
        """
        id() { echo 1000; }
        dpkg-query() { [ "${@: -1}" != cmake ] && echo "install ok installed"; }
        install_debian_packages robot; echo went on
        """,
        tmp_path,
    )
    assert done.returncode == 1
    assert "\n  sudo apt-get install -y cmake\n" in done.stderr
    assert "went on" not in done.stdout


def test_a_missing_python_is_named_with_the_way_out(tmp_path: Path) -> None:
    done = bash("SCENE_R1_PYTHON=python9.9 check_python", tmp_path)
    assert done.returncode == 1
    assert "there is no python9.9" in done.stderr
    assert "SCENE_R1_PYTHON=" in done.stderr


def test_an_environment_that_was_moved_is_refused_with_the_way_out(tmp_path: Path) -> None:
    done = bash(
        """
        install_debian_packages() { :; }; check_python() { :; }
        mkdir -p "$STATE/stamps"; echo /elsewhere/.venv >"$STATE/stamps/venv"
        setup
        """,
        tmp_path,
    )
    assert done.returncode == 1
    assert "was made as /elsewhere/.venv" in done.stderr
    assert f"rm -rf {tmp_path}" in done.stderr


def test_a_step_runs_again_only_when_its_inputs_change(tmp_path: Path) -> None:
    done = bash(
        """
        work() { echo ran >>"$STATE/count"; }
        step demo one "works" work; step demo one "works" work; step demo two "works" work
        wc -l <"$STATE/count"
        """,
        tmp_path,
    )
    assert done.stdout.split()[-1] == "2", done.stderr


def test_only_ros_packages_that_changed_are_built(tmp_path: Path) -> None:
    for folder, name in (("msg", "demo_msgs"), ("overlay/first", "first")):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "package.xml").write_text(f"<package><name>{name}</name></package>")
    done = bash(
        """
        ROOT="$STATE"; mkdir -p "$STATE/stamps"
        colcon() { echo "built:" "$(sed 's/.*--packages-select \\(.*\\) --merge.*/\\1/' <<<"$*")"; }
        build_ros_packages
        build_ros_packages
        cd "$ROOT"; echo changed >overlay/first/module.py
        build_ros_packages
        """,
        tmp_path,
    )
    assert done.stdout.splitlines() == ["built: demo_msgs first", "built: first"], done.stderr


@pytest.mark.parametrize(
    ("symptom", "advice"),
    [
        ("ERROR: No matching distribution found for x==1", "ROS 2 wheels exist for x86_64"),
        ("Failed to establish a new connection", "check the network"),
        ("OSError: [Errno 28] No space left on device", "free some disk space"),
    ],
)
def test_a_failed_step_shows_its_output_and_what_to_do(
    tmp_path: Path, symptom: str, advice: str
) -> None:
    done = bash(
        f'work() {{ echo "{symptom}"; false; echo unreachable; }}; step demo one "works" work',
        tmp_path,
    )
    assert done.returncode == 1
    assert symptom in done.stderr
    assert advice in done.stderr
    assert "unreachable" not in done.stderr
    assert not (tmp_path / "stamps" / "demo").exists(), "a failed step is tried again"
