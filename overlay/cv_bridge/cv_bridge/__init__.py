"""Images between ROS messages and OpenCV arrays: the names of ``cv_bridge`` in Python."""

from cv_bridge.core import CvBridge, CvBridgeError
from cv_bridge.display import cvtColorForDisplay
from cv_bridge.encodings import getCvType

__all__ = ["CvBridge", "CvBridgeError", "cvtColorForDisplay", "getCvType"]
