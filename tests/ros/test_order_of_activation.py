"""A model is begun before the first image is asked for."""

from __future__ import annotations

from scripted_backend import ScriptedBackend
from waiting import wait_for

from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.ros.grounding_node import GroundingNode


class Starting(ScriptedBackend):
    """Counts who subscribes to the camera while it starts, as a library is imported there."""

    def __init__(self, count):
        super().__init__([])
        self.count = count
        self.seen: list[int] = []

    def start(self) -> None:
        self.seen.append(self.count())


def test_no_image_comes_while_the_library_of_a_model_is_imported(graph):
    topic = f"{graph.namespace}/rgb"
    nodes: list[GroundingNode] = []
    backend = Starting(lambda: nodes[0].count_subscribers(topic))
    settings = {"color_topic": topic}
    node = graph.add(
        GroundingNode,
        reasoner=TwoStageReasoner(backend),
        parameters=settings,
        autostart=False,
    )
    nodes.append(node)
    assert node.autostart()
    assert backend.seen == [0]
    wait_for(lambda: node.count_subscribers(topic) == 1, what="the subscription")
