"""The ROS graph around the core. This is the only place that imports rclpy."""
