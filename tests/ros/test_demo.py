"""The demonstration end to end: its own processes over real DDS, then nothing is left."""

import json
import signal
import socket
import threading

import pytest
from demo_processes import command, marked_processes
from report_builders import ROOM, room_recording
from waiting import wait_for

from scene_r1_ros.ros.child_process import ChildCommand
from scene_r1_ros.ros.private_domain import free_domain, use_private_domain

pytestmark = pytest.mark.timeout(300)  # its processes start slowly on a busy machine


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A demonstration kept running, looked at live, then ended with Ctrl-C."""
    place = tmp_path_factory.mktemp("demo")
    folder, number, box = room_recording(place / "room")
    demo = command(
        "demo", "--source", folder, "--frame", number, "--box", *box, "--label", "red box",
        "--out", place / "out", "--rate", 8, "--keep", "--json",
    )  # fmt: skip
    said = []
    reader = threading.Thread(target=lambda: said.extend(demo.stderr), daemon=True)
    reader.start()
    try:
        over = lambda: "keeps running" in "".join(said) or demo.poll() is not None  # noqa: E731
        wait_for(over, 150.0, "the answer")
        running = marked_processes()
        view = command(
            "view", "--live", "--seconds", 2, "--wait", 60, "--save", place / "live.rrd", "--json"
        )
        live, _ = view.communicate(timeout=90)
        demo.send_signal(signal.SIGINT)
        out = demo.stdout.read()
        status = demo.wait(60)
        reader.join(5)
    finally:
        demo.kill()
    assert status == 0, "".join(said)
    return {
        "record": json.loads(out.splitlines()[-1]),
        "said": "".join(said),
        "running": running,
        "live": json.loads(live.splitlines()[-1]),
        "out": place / "out",
        "truth": ROOM.boxes["red"][0],
    }


def test_the_object_is_where_it_is(shown):
    record = shown["record"]
    assert record["found"]
    assert record["label"] == "red box"
    assert record["truth"]["center"] == list(shown["truth"].center)
    assert record["iou"] > 0.5
    assert record["object"]["views"] >= 5
    assert record["seconds"]["tracking"] > 0


def test_report_and_cloud_are_written_where_it_says(shown):
    page = (shown["out"] / "report.html").read_text()
    assert shown["record"]["report"] == str(shown["out"] / "report.html")
    assert "red box" in page
    header = (shown["out"] / "object.ply").read_bytes()[:120]
    assert f"element vertex {shown['record']['object']['points']}".encode() in header


def test_every_phase_and_the_object_are_told(shown):
    for text in ("starting nodes", "playing", "10 frames", "tracking, lifting", "3D IoU"):
        assert text in shown["said"]


def test_live_view_sees_the_object_in_the_kept_graph(shown):
    assert shown["live"]["objects"] == 1
    assert (shown["out"].parent / "live.rrd").stat().st_size > 1000


def test_ctrl_c_leaves_no_process(shown):
    assert any(" up " in line for line in shown["running"])
    assert marked_processes() == []


def test_box_without_source_is_refused():
    demo = command("demo", "--frame", 1, "--box", 0, 0, 5, 5)
    _, said = demo.communicate(timeout=90)
    assert demo.returncode == 2
    assert "--source" in said


def test_command_that_fails_tells_the_end_of_its_log(tmp_path):
    child = ChildCommand(["play", str(tmp_path / "nothing")], tmp_path / "play.log")
    child.process.wait(90)
    with pytest.raises(Exception, match=r"`scene-r1 play` ended with status 1(.|\n)*nothing"):
        child.check()


def test_private_domain_is_free_and_stays_on_this_machine():
    environment = {}
    domain = use_private_domain(environment)
    assert environment["ROS_DOMAIN_ID"] == str(domain)
    assert environment["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert use_private_domain({"ROS_DOMAIN_ID": "7"}) is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 7410 + 250 * domain))
        assert free_domain() != domain
