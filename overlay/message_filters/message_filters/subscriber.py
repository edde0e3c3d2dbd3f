"""A topic as the source of a chain of filters."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from message_filters.simple_filter import SimpleFilter


class Subscriber(SimpleFilter):
    """Passes on the messages of a topic; takes what ``Node.create_subscription`` takes.

    :param node: the node that subscribes.
    :param msg_type: the type of the messages.
    :param topic: the name of the topic.
    :param qos_profile: a profile or a history depth.
    :param kwargs: further keyword arguments of ``Node.create_subscription``.
    """

    def __init__(
        self,
        node: Node,
        msg_type: type,
        topic: str,
        qos_profile: QoSProfile | int = 10,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.node = node
        self.topic = topic
        self.sub = node.create_subscription(
            msg_type, topic, self.callback, qos_profile=qos_profile, **kwargs
        )

    def callback(self, msg: Any) -> None:
        """Receive a message of the topic."""
        self.signalMessage(msg)

    def getTopic(self) -> str:
        """Return the name of the topic as it was given."""
        return self.topic

    def __getattr__(self, key: str) -> Any:
        """Offer the attributes of the rclpy subscription, such as ``topic_name``."""
        if key == "sub":  # not made yet: create_subscription raised
            raise AttributeError(key)
        return getattr(self.sub, key)
