"""The shipped parameter file says what the nodes declare."""

from __future__ import annotations

import pytest
import yaml

pytest.importorskip("rclpy", reason="needs ROS 2; run ./dev test")

from scene_r1_ros.resources import config_file
from scene_r1_ros.ros.parameter_file import parameter_file, sections
from scene_r1_ros.ros.parameters import parameter_name

REWRITE = "python -m scene_r1_ros.ros.parameter_file > config/scene_r1.yaml"


def test_it_is_as_written_from_the_declared_settings():
    assert config_file("scene_r1.yaml").read_text() == parameter_file(), f"run: {REWRITE}"


def test_every_value_is_read_back_as_declared():
    values = yaml.safe_load(parameter_file())["/**"]["ros__parameters"]
    declared = {
        parameter_name(prefix, spec): spec.default
        for prefix, section in sections()
        for spec in section.options()
    }
    assert values == declared
