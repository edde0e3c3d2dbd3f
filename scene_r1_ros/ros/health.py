"""The service ``health`` and the topic ``/diagnostics``: what is missing, and what mends it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.qos import QoSCompatibility, qos_check_compatible
from scene_r1_msgs.srv import GetHealth

from .conversions import header
from .feed import CameraFeed, qos_profile
from .node_base import succeed
from .preconditions import Facts, Precondition, TopicFacts, check, first_unmet

if TYPE_CHECKING:
    from .grounding_node import GroundingNode

_STAGES = (("masks", "tracking"), ("objects", "lifting"))
_LEVELS = (DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR)
_SIMILAR = 5


class Health:
    """Looks at the grounding node and its graph, on request and once a second."""

    def __init__(self, node: GroundingNode) -> None:
        self._node = node
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._service = node.serve(GetHealth, "health", self._serve, always=True)
        self._timer = node.create_timer(
            1.0, lambda: self._publisher.publish(self._diagnostics(self.look()))
        )

    def look(self) -> list[Precondition]:
        """Every precondition as it is now."""
        node, feed = self._node, self._node.access.feed
        queries = node.queries
        return check(
            Facts(
                now=time.monotonic(),
                active=node.active,
                node=node.get_fully_qualified_name(),
                counts=feed.stats.counts() if feed else None,
                topics=self._topics(feed) if feed else {},
                slop=node.access.config.sync_slop,
                fixed_frame=node.access.config.fixed_frame,
                window=node.window,
                missing_nodes=tuple(
                    name for topic, name in _STAGES if node.count_publishers(topic) == 0
                ),
                model=queries.status(),
                waiting=queries.worker.busy,
                places=queries.worker.places,
            )
        )

    def close(self) -> None:
        """End service, topic and timer."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_service(self._service)
        self._node.destroy_publisher(self._publisher)

    def _serve(self, _: Any, response: GetHealth.Response) -> None:
        found = self.look()
        unmet = first_unmet(found)
        response.ready = unmet is None
        if unmet is not None:
            response.precondition = f"{unmet.name}: {unmet.detail}"
            response.remedy = unmet.remedy
        response.diagnostics = self._diagnostics(found)
        succeed(response)

    def _diagnostics(self, found: list[Precondition]) -> DiagnosticArray:
        namespace = self._node.get_namespace().strip("/")
        return DiagnosticArray(
            header=header(self._node.get_clock().now().nanoseconds, ""),
            status=[
                DiagnosticStatus(
                    level=_LEVELS[item.level],
                    name=f"{namespace}: {item.name}",
                    message=item.detail,
                    hardware_id=namespace,
                    values=[KeyValue(key="remedy", value=item.remedy)] if item.remedy else [],
                )
                for item in found
            ],
        )

    def _topics(self, feed: CameraFeed) -> dict[str, TopicFacts]:
        config = feed.config
        names = {
            "color": config.color_qos,
            "depth": config.depth_qos,
            "camera_info": config.camera_info_qos,
        }
        types = dict(self._node.get_topic_names_and_types())
        facts = {}
        for role, stats in feed.stats.counts().topics.items():
            publishers = self._node.get_publishers_info_by_topic(stats.topic)
            ours = qos_profile(names.get(role, "sensor_data"), config.qos_depth)
            mismatched = []
            for publisher in publishers:
                compatible, reason = qos_check_compatible(publisher.qos_profile, ours)
                if compatible == QoSCompatibility.ERROR:
                    mismatched.append(f"{publisher.node_name}: {reason.strip()}")
            mine = feed.type_name(role)
            similar = sorted(
                topic
                for topic, kinds in types.items()
                if mine in kinds and topic != stats.topic and self._others_publish(topic)
            )
            facts[role] = TopicFacts(len(publishers), tuple(mismatched), tuple(similar[:_SIMILAR]))
        return facts

    def _others_publish(self, topic: str) -> bool:
        own = topic.startswith(self._node.get_namespace() + "/")
        return not own and self._node.count_publishers(topic) > 0
