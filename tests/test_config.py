"""Settings declared once: checked values, and where they come from."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import pytest

from scene_r1_ros.cli.options import add_config_arguments, config_from
from scene_r1_ros.cli.settings import GivenSettings
from scene_r1_ros.config import Config, option
from scene_r1_ros.errors import ConfigError


@dataclass(frozen=True)
class Example(Config):
    """An example."""

    seconds: float = option(3.0, "How long.", minimum=0.5, maximum=10.0, unit="s")
    count: int = option(2, "How many.", minimum=0)
    mode: str = option("fast", "How.", choices=("fast", "slow"))
    on: bool = option(True, "Whether.")


def test_defaults_are_as_declared():
    assert Example() == Example(3.0, 2, "fast", True)


def test_a_whole_number_is_taken_for_a_real_one():
    assert Example(seconds=4).seconds == 4.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seconds": 0.1}, r"seconds = 0.1: must lie in 0.5 to 10"),
        ({"seconds": float("nan")}, "must lie in"),
        ({"seconds": "long"}, "seconds = 'long': needs a float, got a str"),
        ({"count": 1.5}, "needs a int, got a float"),
        ({"count": True}, "needs a int, got a bool"),
        ({"mode": "medium"}, "mode = 'medium': choose one of fast, slow"),
        ({"on": 1}, "needs a bool"),
    ],
)
def test_a_wrong_value_is_refused_with_name_value_and_limits(values, message):
    with pytest.raises(ConfigError, match=message):
        Example(**values)


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="unknown setting secs of Example; known are count, mode"):
        Example.from_mapping({"secs": 1})


def test_a_changed_copy_is_checked_too():
    assert Example().replace(count=7).count == 7
    with pytest.raises(ConfigError, match="count = -1"):
        Example().replace(count=-1)


def test_the_description_has_unit_limits_and_choices():
    texts = {spec.name: spec.describe() for spec in Example.options()}
    assert texts["seconds"] == "How long. [s, 0.5 to 10]"
    assert texts["mode"] == "How. [fast | slow]"


def parser():
    one = argparse.ArgumentParser()
    add_config_arguments(one, Example)
    return one


def test_flags_are_made_from_settings():
    args = parser().parse_args(["--seconds", "5", "--no-on", "--mode", "slow"])
    assert config_from(args, Example) == Example(5.0, 2, "slow", False)


def test_a_wrong_flag_ends_with_status_2(capsys):
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["--seconds", "99"])
    assert end.value.code == 2
    assert "must lie in 0.5 to 10" in capsys.readouterr().err


SECTIONS = (("", Example), ("deep", Example))


def test_assignments_reach_their_section():
    settings = GivenSettings(SECTIONS, ["seconds=5", "deep.count=9", "deep.on=false"])
    assert settings("", Example) == Example(seconds=5.0)
    assert settings("deep", Example) == Example(count=9, on=False)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("depth.count=1", r"there is no setting depth\.count; did you mean deep\.count\?"),
        ("count", "needs NAME=VALUE"),
        ("count=many", "count=many: needs a int"),
        ("on=yes", "on=yes: needs true or false"),
        ("seconds=99", "must lie in"),
    ],
)
def test_a_wrong_assignment_is_refused(item, message):
    with pytest.raises(ConfigError, match=message):
        GivenSettings(SECTIONS, [item])
