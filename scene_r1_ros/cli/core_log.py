"""What the core logs, on standard error, for commands without ROS."""

from __future__ import annotations

import logging
import sys

CORE = "scene_r1_ros"


class _ToStandardError(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr, flush=True)


def show_core_log() -> None:
    """Show what the core says of its choices; called twice it does no more than once."""
    core = logging.getLogger(CORE)
    if not any(isinstance(handler, _ToStandardError) for handler in core.handlers):
        core.addHandler(_ToStandardError(logging.INFO))
    core.setLevel(logging.INFO)
    core.propagate = False
