"""A small synthetic recording, made on the spot, looped through the graph, with RViz.

ros2 launch scene_r1_ros demo.launch.py
"""

import os
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from launch import LaunchDescription

SHARE = get_package_share_directory("scene_r1_ros")


def play(context):
    from scene_r1_ros.synthetic import demo_recording

    folder = Path(LaunchConfiguration("folder").perform(context)).expanduser()
    if not folder.exists():
        demo_recording(folder)
    launch_file = os.path.join(SHARE, "launch", "recording.launch.py")
    arguments = {"source": str(folder), "loop": "true"}
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(launch_file), launch_arguments=arguments.items()
        )
    ]


def generate_launch_description():
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "folder",
                default_value="~/.cache/scene_r1_ros/demo",
                description="Where the recording is kept.",
            ),
            DeclareLaunchArgument("rviz", default_value="true", description="Start RViz."),
            OpaqueFunction(function=play),
        ]
    )
