"""Every field of the interface package is explained, and Python sees what the files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

MSG = Path(__file__).resolve().parents[1] / "msg"
FILES = sorted([*MSG.glob("msg/*"), *MSG.glob("srv/*"), *MSG.glob("action/*")])
FIELD = re.compile(r"^[A-Za-z][\w/]*(?:\[\d*\])? +[a-z]\w* *(#.*)?$")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_field_says_what_it_is(path: Path) -> None:
    lines = path.read_text().splitlines()
    bare = [line for line in lines if (match := FIELD.match(line)) and not match.group(1)]
    assert bare == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_interface_is_generated(path: Path) -> None:
    assert f'"{path.parent.name}/{path.name}"' in (MSG / "CMakeLists.txt").read_text()


def test_python_sees_constants_and_fields() -> None:
    actions = pytest.importorskip("scene_r1_msgs.action", reason="needs ROS 2")
    messages = pytest.importorskip("scene_r1_msgs.msg")
    services = pytest.importorskip("scene_r1_msgs.srv")
    assert services.GroundQuery.Response.BUSY == 2
    assert actions.Ground.Result.TOO_FEW_POINTS == 501
    assert actions.Ground.Feedback.TEMPORAL == "temporal"
    assert messages.StageStatus.LIFTING == 2
    fields = messages.GroundedObject.get_fields_and_field_types()
    assert fields["points"] == "uint32"
    assert fields["pose"] == "geometry_msgs/Pose"
    assert services.AnswerQuestion.Response.get_fields_and_field_types()["evidence_stamps"] == (
        "sequence<builtin_interfaces/Time>"
    )
