"""A node's view of the window: its own, filled by its own feed, or one shared in the process."""

from __future__ import annotations

import time

from std_msgs.msg import Header

from ..control import Control
from ..errors import NoSuchFrameError, WindowEmptyError
from ..feed_config import FeedConfig
from ..frames import VideoWindow, WindowConfig, WindowSnapshot
from .conversions import stamp_to_ns
from .feed import CameraFeed
from .node_base import RELIABLE, SceneNode

SECTIONS = (("", FeedConfig), ("window", WindowConfig))
CLEAR_TOPIC = "window_cleared"
_POLL = 0.02


class WindowAccess:
    """Gives a node its window.

    With ``shared`` the window belongs to another node of the process, which feeds it; otherwise
    this node subscribes to the camera itself while it is active. A window that is not shared is
    cleared when ``window_cleared`` says so.
    """

    def __init__(self, node: SceneNode, shared: VideoWindow | None) -> None:
        self._node = node
        self._shared = shared is not None
        self.window = VideoWindow() if shared is None else shared
        self.feed: CameraFeed | None = None
        self.config = FeedConfig()

    def setup(self) -> None:
        """Read the settings.

        Raises:
            ConfigError: for a topic that cannot be one.
        """
        self.config = self._node.settings("", FeedConfig)
        for name in ("color_topic", "depth_topic", "camera_info_topic", "pose_topic"):
            self._node.check_topic(name, getattr(self.config, name))
        if not self._shared:
            self.window.reconfigure(self._node.settings("window", WindowConfig))

    def start(self) -> None:
        """Begin to fill the window, unless another node does."""
        if self._shared:
            return
        self.feed = CameraFeed(self._node, self.config, self.window)
        self._subscription = self._node.subscribe(Header, CLEAR_TOPIC, self._on_cleared, RELIABLE)

    def stop(self) -> None:
        """Cease to fill the window."""
        if self.feed is not None:
            self._node.destroy_subscription(self._subscription)
            self.feed.close()
            self.feed = None

    def snapshot_with(self, stamp_ns: int, patience: float, control: Control) -> WindowSnapshot:
        """The window once it holds the frame at ``stamp_ns``.

        A process with a window of its own may see that frame a moment later than the one that
        grounded the query, so this waits up to ``patience`` seconds.

        Raises:
            NoSuchFrameError, WindowEmptyError: if the frame does not come.
        """
        deadline = time.monotonic() + patience
        while True:
            control.check("waiting for the frame")
            try:
                if self.window.keep(stamp_ns):
                    return self.window.snapshot()
                self.window.snapshot(passing="recent").at(stamp_ns)
            except (NoSuchFrameError, WindowEmptyError):
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_POLL)

    def _on_cleared(self, msg: Header) -> None:
        newest = stamp_to_ns(msg.stamp)
        try:
            end = self.window.snapshot().end_ns
        except WindowEmptyError:
            return
        if end <= newest:
            self.window.clear()
