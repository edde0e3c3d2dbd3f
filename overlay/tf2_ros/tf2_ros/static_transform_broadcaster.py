"""Sends transforms that hold at every time."""

from __future__ import annotations

from collections.abc import Iterable

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from tf2_ros.transform_broadcaster import as_list


class StaticTransformBroadcaster:
    """Publishes on ``/tf_static``, so that listeners that come later get everything sent so far.

    :param qos: profile or history depth of the publisher; one transient local message by default.
    """

    def __init__(self, node: Node, qos: QoSProfile | int | None = None) -> None:
        if qos is None:
            qos = QoSProfile(
                depth=1,
                durability=DurabilityPolicy.TRANSIENT_LOCAL,
                history=HistoryPolicy.KEEP_LAST,
            )
        self.pub_tf = node.create_publisher(TFMessage, "/tf_static", qos)
        self.net_message = TFMessage()

    def sendTransform(self, transform: TransformStamped | Iterable[TransformStamped]) -> None:
        """Send a transform or several, together with those sent before.

        A transform of the same child frame takes the place of the one sent before.
        """
        by_child = {sent.child_frame_id: sent for sent in self.net_message.transforms}
        by_child.update((new.child_frame_id, new) for new in as_list(transform))
        self.net_message.transforms = list(by_child.values())
        self.pub_tf.publish(self.net_message)
