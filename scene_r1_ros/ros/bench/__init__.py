"""The sides of the benchmarks that speak ROS."""
