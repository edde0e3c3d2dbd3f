"""Training of the network that draws masks of boxed objects (scene_r1_ros.tracking)."""
