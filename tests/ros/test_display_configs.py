"""RViz and Foxglove are told topics that the nodes really publish."""

from __future__ import annotations

import json

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")

from scene_r1_ros.feed_config import FeedConfig
from scene_r1_ros.resources import config_file

PUBLISHED = {
    f"/scene_r1/{name}"
    for name in ("markers", "object_cloud", "mask_overlay", "grounding", "objects", "masks")
}
CAMERA = {FeedConfig().color_topic, FeedConfig().camera_info_topic}


def test_rviz_shows_our_topics_in_the_fixed_frame():
    manager = yaml.safe_load(config_file("scene_r1.rviz").read_text())["Visualization Manager"]
    assert manager["Global Options"]["Fixed Frame"] == FeedConfig().fixed_frame
    topics = {d["Topic"]["Value"]: d["Topic"] for d in manager["Displays"] if "Topic" in d}
    assert set(topics) <= PUBLISHED | CAMERA
    for latched in ("/scene_r1/markers", "/scene_r1/object_cloud"):
        assert topics[latched]["Durability Policy"] == "Transient Local"
    assert topics[FeedConfig().color_topic]["Reliability Policy"] == "Best Effort"


def test_foxglove_shows_our_topics_in_every_panel_of_its_layout():
    layout = json.loads(config_file("foxglove.json").read_text())
    panels = layout["configById"]
    scene = panels["3D!scene"]
    images = {p["imageMode"]["imageTopic"] for name, p in panels.items() if "imageMode" in p}
    named = set(scene["topics"]) | images | {panels["RawMessages!grounding"]["topicPath"]}
    assert named <= PUBLISHED | CAMERA
    assert scene["followTf"] == FeedConfig().fixed_frame

    def leaves(node):
        if isinstance(node, str):
            return {node}
        return leaves(node["first"]) | leaves(node["second"])

    assert leaves(layout["layout"]) == set(panels)
