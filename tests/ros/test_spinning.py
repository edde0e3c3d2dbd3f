"""A callback that fails does not end the spinning of the client, the recorder or the nodes."""

from __future__ import annotations

from std_msgs.msg import String
from waiting import wait_for

from scene_r1_ros.ros.client import GroundingClient


def test_the_client_goes_on_after_a_callback_of_its_node_has_failed(graph):
    heard = []

    def fails_once(msg):
        heard.append(msg.data)
        if len(heard) == 1:
            raise ValueError("a callback of the user")

    node = graph.listener()
    publisher = node.create_publisher(String, "words", 10)
    with GroundingClient(graph.namespace, discovery_timeout=0.1) as client:
        client.node.create_subscription(String, "words", fails_once, 10)
        wait_for(publisher.get_subscription_count, what="discovery")
        publisher.publish(String(data="first"))
        wait_for(lambda: heard == ["first"], what="the first message")
        publisher.publish(String(data="second"))
        wait_for(lambda: heard == ["first", "second"], what="the message after the failure")
