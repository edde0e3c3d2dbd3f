"""The numbers in the interface files are those of the exceptions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scene_r1_ros.errors import error_codes

MSG = Path(__file__).resolve().parents[1] / "msg"
CONSTANT = re.compile(r"^uint16\s+([A-Z][A-Z0-9_]*)\s*=\s*(\d+)", re.MULTILINE)
ANSWERS = sorted([*MSG.glob("srv/*.srv"), *MSG.glob("action/*.action")], key=lambda path: path.stem)


def answer_of(path: Path) -> str:
    """The part of a service or action definition that is sent back as the result."""
    return path.read_text().split("\n---\n")[1]


def test_there_are_answers_to_check() -> None:
    assert len(ANSWERS) >= 8


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_every_constant_has_the_number_of_its_exception(path: Path) -> None:
    constants = {name: int(number) for name, number in CONSTANT.findall(path.read_text())}
    known = error_codes()
    assert {name: known.get(name) for name in constants} == constants


@pytest.mark.parametrize("path", ANSWERS, ids=lambda path: path.stem)
def test_every_answer_carries_a_code_and_a_message(path: Path) -> None:
    answer = answer_of(path)
    assert re.search(r"^uint16 error_code\b", answer, re.MULTILINE)
    assert re.search(r"^string message\b", answer, re.MULTILINE)
    assert dict(CONSTANT.findall(answer))["OK"] == "0"


@pytest.mark.parametrize("name", ["GroundQuery", "Ground"])
def test_a_query_can_report_every_failure_of_its_stages(name: str) -> None:
    (path,) = [path for path in ANSWERS if path.stem == name]
    declared = {int(number) for _, number in CONSTANT.findall(answer_of(path))}
    stages = {
        number
        for number in error_codes().values()
        if 100 <= number < 200 or 300 <= number < 600  # the window, reasoning, tracking, lifting
    }
    assert stages <= declared


def test_action_and_service_answer_alike() -> None:
    by_name = {path.stem: answer_of(path).strip() for path in ANSWERS}
    assert by_name["Ground"] == by_name["GroundQuery"]


def test_no_two_exceptions_share_a_number() -> None:
    numbers = list(error_codes().values())
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("path", sorted(MSG.glob("*/*")), ids=lambda path: path.name)
def test_every_interface_begins_with_what_it_is(path: Path) -> None:
    assert path.read_text().startswith("# ")
