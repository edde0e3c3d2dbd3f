"""scene_r1_ros: language queries about what a robot's RGB-D camera has seen, answered in 3D."""

__version__ = "0.1.0"
