"""The viewer of the running graph: what it shows of what was said before it came."""

import threading
import time

import pytest
from scene_r1_msgs.msg import GroundedObject, GroundedObjectArray
from waiting import wait_for

from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.ros.end_signals import Ended
from scene_r1_ros.ros.live_view import LiveView
from scene_r1_ros.ros.node_base import OBJECTS_QOS
from scene_r1_ros.viewer.scene import ViewerScene, new_stream


@pytest.fixture
def view(tmp_path, graph):
    one = LiveView(
        ViewerScene(new_stream(tmp_path / "live.rrd")), FeedConfig(), graph.namespace.strip("/")
    )
    yield one
    one.close()


def said_objects(graph, *identities):
    node = graph.listener("memory")
    publisher = node.create_publisher(GroundedObjectArray, "objects", OBJECTS_QOS)
    items = [GroundedObject(object_id=identity) for identity in identities]
    for item in items:
        item.pose.orientation.w = 1.0
        item.size.x = item.size.y = item.size.z = 0.5
    publisher.publish(GroundedObjectArray(objects=items))
    return publisher


def test_its_seconds_begin_when_the_graph_is_found(view, graph):
    ended = Ended()
    run = threading.Thread(target=view.run, args=(ended, 0.1, 60.0), daemon=True)
    run.start()
    run.join(0.5)
    assert run.is_alive()
    said_objects(graph, "chair_1", "sofa_1")
    run.join(60.0)
    assert not run.is_alive()
    assert view.objects == 2


def test_objects_said_before_it_came_are_shown(view, graph):
    said_objects(graph, "chair_1")
    wait_for(lambda: view.objects == 1, what="the object kept for late joiners")


def test_without_a_graph_its_seconds_begin_after_the_patience(view):
    began = time.monotonic()
    view.run(Ended(), seconds=0.1, patience=0.2)
    assert time.monotonic() - began >= 0.3
    assert not view.found.is_set()
