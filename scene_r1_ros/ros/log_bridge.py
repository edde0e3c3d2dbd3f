"""What the core logs in Python appears in the node's ROS log."""

from __future__ import annotations

import logging
from typing import Any

CORE = "scene_r1_ros"


class RosLogHandler(logging.Handler):
    """Hands records to a ROS logger, with their level."""

    def __init__(self, logger: Any) -> None:
        super().__init__(logging.INFO)
        self._logger = logger

    def emit(self, record: logging.LogRecord) -> None:
        """One record."""
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self._logger.error(text)
        elif record.levelno >= logging.WARNING:
            self._logger.warning(text)
        else:
            self._logger.info(text)


def bridge_core_log(logger: Any) -> None:
    """Send the core's log to ``logger`` instead of standard error."""
    core = logging.getLogger(CORE)
    core.handlers = [h for h in core.handlers if not isinstance(h, RosLogHandler)]
    core.addHandler(RosLogHandler(logger))
    core.setLevel(logging.INFO)
    core.propagate = False
