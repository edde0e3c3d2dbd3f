"""The graph on a recording, played as camera topics.

ros2 launch scene_r1_ros recording.launch.py source:=/data/kitchen rate:=2.0 rviz:=true
Arguments of scene_r1.launch.py (namespace, params_file, composed, rviz, ...) may be given too.
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchDescription

SHARE = get_package_share_directory("scene_r1_ros")
PLAYER = {
    "source": (str, None, "Recording: a folder, .sens file or bag."),
    "rate": (float, "1.0", "Speed; 2.0 is twice as fast."),
    "loop": (bool, "false", "Start again at the end."),
    "start": (float, "0.0", "Begin this many seconds after the first frame."),
    "end": (float, "0.0", "End this many seconds after the first frame; 0.0 = all."),
    "clock": (bool, "false", "Publish /clock; give use_sim_time:=true as well."),
}


def generate_launch_description():
    parameters = {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (kind, _, _) in PLAYER.items()
    }
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (_, default, text) in PLAYER.items()
            ),
            IncludeLaunchDescription(
                PythonLaunchDescriptionSource(os.path.join(SHARE, "launch", "scene_r1.launch.py"))
            ),
            Node(
                package="scene_r1_ros",
                executable="player_node",
                namespace=LaunchConfiguration("namespace"),
                parameters=[parameters],
                output="screen",
            ),
        ]
    )
