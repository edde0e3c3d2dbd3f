"""Nodes as processes of their own: killed, restarted, interrupted, beside other graphs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from ros_graph import best_seen
from scene_r1_msgs.msg import Grounding, StageStatus
from waiting import wait_for

from scene_r1_ros import errors
from scene_r1_ros.recordings import open_recording
from scene_r1_ros.ros.client import GroundingClient

NODES = ("lifting_node", "tracking_node", "grounding_node")
CAMERA = ("color_topic", "depth_topic", "camera_info_topic")


class Processes:
    """Node processes of one namespace, their output in files."""

    def __init__(self, namespace, folder, **parameters):
        self.namespace, self.folder = namespace, folder
        self.parameters = {name: f"{namespace}/{name}" for name in CAMERA} | parameters
        self.running = {}

    def start(self, module, **parameters):
        command = [sys.executable, "-c", f"import sys; from scene_r1_ros.ros.{module} import main;"]
        command[-1] += "sys.exit(main())"
        command += ["--ros-args", "-r", f"__ns:={self.namespace}"]
        for name, value in (self.parameters | parameters).items():
            command += ["-p", f"{name}:={value}"]
        output = (self.folder / f"{module}.log").open("w")
        process = subprocess.Popen(command, stdout=output, stderr=output)
        self.running[module] = process
        return process

    def said(self, module):
        return (self.folder / f"{module}.log").read_text()

    def kill(self, module):
        self.running[module].kill()
        self.running.pop(module).wait(30)

    def end(self, module, number=signal.SIGINT):
        """Exit status and seconds until the end."""
        process, began = self.running.pop(module), time.monotonic()
        for _ in range(3):  # a terminal and a launch file both pass Ctrl-C on
            process.send_signal(number)
            time.sleep(0.05)
        return process.wait(40), time.monotonic() - began

    def close(self):
        for process in self.running.values():
            process.kill()
        for process in self.running.values():
            process.wait(30)


@pytest.fixture(scope="module")
def prompt(recording_dir):
    """Seconds after the first frame, box and label of what the recording shows best."""
    thing, view = best_seen(recording_dir)
    with open_recording(recording_dir) as recording:
        stamp = int(recording.stamps_ns[view["index"]])
    return stamp, tuple(view["box"]), thing["label"]


@pytest.fixture(scope="module")
def separate(recording_dir, tmp_path_factory):
    """Three nodes and a looping player in four processes, and a client."""
    folder = tmp_path_factory.mktemp("processes")
    graph = Processes(
        "/apart",
        folder,
        **{"model.backend": "none", "window.keyframe_interval": 0.0, "window.max_seconds": 6.0},
    )
    graph.memory = folder / "memory.npz"
    graph.more = {"lifting_node": {"lifting_node.memory_file": str(graph.memory)}}
    for module in NODES:
        graph.start(module, **graph.more.get(module, {}))
    graph.start("player_node", source=str(recording_dir), rate=3.0, loop=True, restamp=True)
    graph.client = GroundingClient(graph.namespace, discovery_timeout=30.0)
    try:
        yield graph
    finally:
        graph.client.close()
        graph.close()


# What a prompt meets while nodes start, or where the latest frame shows something else.
_PASSING = (errors.WindowError, errors.TrackingError, errors.LiftingError, errors.NotActiveError)


def ask(client, box, label, patience=30.0):
    """Prompt with the latest frame until one shows something inside the box."""
    deadline = time.monotonic() + patience
    while True:
        try:
            return client.track_box(box, label=label, timeout=20.0)
        except (
            errors.WindowError,
            errors.TrackingError,
            errors.LiftingError,
            errors.NotActiveError,
        ):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


@contextmanager
def told(separate, kind, topic):
    """Messages of one topic of the graph, from now on."""
    node, messages = separate.client.node, []
    subscription = node.create_subscription(kind, topic, messages.append, 10)
    wait_for(lambda: node.count_publishers(subscription.topic_name), what=f"who tells {topic}")
    yield messages
    node.destroy_subscription(subscription)


def test_a_prompt_goes_through_three_processes(separate, prompt):
    _, box, label = prompt
    item = ask(separate.client, box, label)
    assert item.label == label
    assert item.points > 0
    assert [o.object_id for o in separate.client.list_objects()] == [item.object_id]


def test_a_tracker_killed_in_a_query_is_told_soon_and_its_successor_works(separate, prompt):
    _, box, label = prompt
    separate.running["tracking_node"].send_signal(signal.SIGSTOP)  # the query is in its hands
    with told(separate, Grounding, "grounding") as groundings:
        answer = separate.client.track_box_async(box, label=label, timeout=40.0)
        wait_for(lambda: groundings, what="the prompt on its way to the tracker")
    began = time.monotonic()
    separate.kill("tracking_node")
    with pytest.raises(errors.NotActiveError, match="tracking"):
        answer.result(30)
    assert time.monotonic() - began < 8.0
    separate.start("tracking_node")
    assert ask(separate.client, box, label).points > 0


def test_a_killed_lifting_node_remembers_its_objects(separate, prompt):
    _, box, label = prompt
    before = {o.object_id for o in separate.client.list_objects()}
    assert before
    separate.kill("lifting_node")
    separate.start("lifting_node", **separate.more["lifting_node"])
    wait_for(lambda: "restored from" in separate.said("lifting_node"), what="the restart")
    listed = wait_for(lambda: _list(separate.client), what="the list of objects")
    assert {o.object_id for o in listed} == before
    assert ask(separate.client, box, label).points > 0


def _list(client):
    try:
        return client.list_objects()
    except errors.SceneR1Error:
        return None


def test_another_graph_is_not_disturbed(separate, prompt, tmp_path):
    _, box, _ = prompt
    other = Processes("/beside", tmp_path, **{"model.backend": "none"})
    other.parameters |= {name: separate.parameters[name] for name in CAMERA}
    try:
        other.start("scene_r1_node")
        with GroundingClient("/beside", discovery_timeout=30.0) as client:
            item = ask(client, box, "theirs")
            assert item.label == "theirs"
            assert "theirs" not in {o.label for o in separate.client.list_objects()}
            client.forget_all()
            assert separate.client.list_objects()
            assert other.end("scene_r1_node", signal.SIGTERM)[0] == 0
    finally:
        other.close()


def test_interrupted_in_the_middle_of_a_query_all_end_cleanly(separate, prompt):
    _, box, label = prompt
    with told(separate, StageStatus, "stage_status") as statuses:
        answers = [separate.client.track_box_async(box, label=label) for _ in range(3)]
        wait_for(lambda: statuses, what="a stage at work")
    signals = {"tracking_node": signal.SIGTERM, "lifting_node": signal.SIGTERM}
    ends = {
        module: separate.end(module, signals.get(module, signal.SIGINT))
        for module in ("tracking_node", "lifting_node", "grounding_node", "player_node")
    }
    assert {module: status for module, (status, _) in ends.items()} == dict.fromkeys(ends, 0)
    assert max(seconds for _, seconds in ends.values()) < 10.0
    for module in ends:
        assert "Traceback" not in separate.said(module), separate.said(module)
        assert "terminate called" not in separate.said(module)
    for answer in answers:  # each was answered, well or with an error
        assert answer.exception(30) is None or isinstance(answer.exception(), errors.SceneR1Error)


@pytest.mark.parametrize(("arguments", "words"), [
    (["-p", "pose_source:=gps"], "error: parameter pose_source: .*choose one of tf"),
    (["--params-file", "BROKEN"], "error: the ROS arguments cannot be used: "),
])  # fmt: skip
def test_a_wrong_setting_is_one_sentence_and_status_2(tmp_path, arguments, words):
    broken = tmp_path / "broken.yaml"
    broken.write_text("/**:\n  ros__parameters: [")
    arguments = [str(broken) if item == "BROKEN" else item for item in arguments]
    command = [sys.executable, "-c", "from scene_r1_ros.ros.tracking_node import main; main()"]
    command[-1] = command[-1].replace("; main()", "; raise SystemExit(main())")
    done = subprocess.run(
        [*command, "--ros-args", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    *others, sentence = done.stderr.strip().splitlines()
    assert re.match(words, sentence), done.stderr
    assert all("[rcl]" in line for line in others)  # rcl has its own say about files
