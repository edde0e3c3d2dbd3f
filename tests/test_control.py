"""Progress, deadline and cancellation of a request."""

from __future__ import annotations

import pytest

from scene_r1_ros.control import Control
from scene_r1_ros.errors import CancelledError, DeadlineError


def test_without_deadline_work_goes_on():
    control = Control.within(0.0)
    control.check()
    assert control.remaining() is None


def test_after_the_deadline_the_stage_is_named():
    with pytest.raises(DeadlineError, match="tracking did not finish before its deadline"):
        Control(deadline=0.0).check("tracking")


def test_after_cancel_the_stage_is_named():
    control = Control()
    control.cancel()
    with pytest.raises(CancelledError, match="lifting was cancelled"):
        control.check("lifting")


def test_a_part_ends_with_its_request_and_without_it():
    request = Control.within(60.0)
    one, other = request.part(), request.part()
    one.cancel()
    assert (one.cancelled, other.cancelled, request.cancelled) == (True, False, False)
    assert other.deadline == request.deadline
    request.cancel()
    with pytest.raises(CancelledError, match="asking was cancelled"):
        other.check("asking")


def test_progress_is_a_share():
    heard = []
    control = Control(on_progress=lambda *values: heard.append(values))
    control.progress("tracking", 1.7, "done")
    control.progress("tracking", -1)
    assert heard == [("tracking", 1.0, "done"), ("tracking", 0.0, "")]
