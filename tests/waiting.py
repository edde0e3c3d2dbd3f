"""Waiting for a condition instead of a time."""

from __future__ import annotations

import time


def wait_for(condition, timeout=60.0, what="the condition", seen=None):
    """Poll until ``condition()`` is true and return its value; fail after ``timeout`` seconds.

    ``seen()`` is what there is instead, for the failure's message.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    instead = "" if seen is None else f"; instead: {seen()}"
    raise AssertionError(f"{what} did not come about within {timeout} s{instead}")
