"""An action client whose requests may be made while another thread spins its node."""

from __future__ import annotations

import threading
from typing import Any

from rclpy.action import ActionClient


class ThreadedActionClient(ActionClient):
    """rclpy's action client, which waits with each answer until its request is registered.

    Without that, an answer that comes while ``send_goal_async`` is still at work in another thread
    is ignored, and its future never completes (https://github.com/ros2/rclpy/issues/1123).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._registering = threading.RLock()
        super().__init__(*args, **kwargs)

    def send_goal_async(self, *args: Any, **kwargs: Any) -> Any:
        """As the base class."""
        with self._registering:
            return super().send_goal_async(*args, **kwargs)

    def _cancel_goal_async(self, *args: Any, **kwargs: Any) -> Any:
        with self._registering:
            return super()._cancel_goal_async(*args, **kwargs)

    def _get_result_async(self, *args: Any, **kwargs: Any) -> Any:
        with self._registering:
            return super()._get_result_async(*args, **kwargs)

    async def execute(self, taken_data: dict[str, Any]) -> None:
        """As the base class."""
        with self._registering:
            pass  # what has been taken was asked for by a request that is registered now
        await super().execute(taken_data)
