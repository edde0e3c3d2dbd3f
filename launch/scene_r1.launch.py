"""The graph on a camera's topics.

ros2 launch scene_r1_ros scene_r1.launch.py color_topic:=/head/rgb depth_topic:=/head/depth \
    camera_info_topic:=/head/info fixed_frame:=odom rviz:=true
"""

import os

from ament_index_python.packages import get_package_share_directory
from launch.actions import DeclareLaunchArgument, GroupAction, SetEnvironmentVariable
from launch.conditions import IfCondition, UnlessCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchDescription

SHARE = get_package_share_directory("scene_r1_ros")
PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")

ARGUMENTS = {
    "namespace": ("scene_r1", "Namespace of the nodes."),
    "color_topic": ("/camera/color/image_raw", "Colour image."),
    "depth_topic": (
        "/camera/aligned_depth_to_color/image_raw",
        "Depth image, registered to colour.",
    ),
    "camera_info_topic": ("/camera/color/camera_info", "Intrinsics of the colour image."),
    "color_transport": ("raw", "raw or compressed."),
    "depth_transport": ("raw", "raw or compressedDepth."),
    "fixed_frame": ("map", "The z-up frame that objects are given in."),
    "pose_source": ("tf", "Camera pose from tf, or from a pose or odometry topic."),
    "pose_topic": ("/camera/pose", "The topic, when the pose comes from one."),
    "params_file": (os.path.join(SHARE, "config", "scene_r1.yaml"), "ROS parameter file."),
    "use_sim_time": ("false", "Follow /clock."),
    "composed": ("true", "All nodes in one process, sharing one window."),
    "autostart": ("true", "Configure and activate without a lifecycle manager."),
    "log_level": ("info", "debug, info, warn or error."),
    "rviz": ("false", "Start RViz with this package's configuration."),
}
TOPIC_ARGUMENTS = (
    "color_topic",
    "depth_topic",
    "camera_info_topic",
    "color_transport",
    "depth_transport",
    "fixed_frame",
    "pose_source",
    "pose_topic",
)


def generate_launch_description():
    value = {name: LaunchConfiguration(name) for name in ARGUMENTS}
    parameters = [
        value["params_file"],
        {
            "use_sim_time": ParameterValue(value["use_sim_time"], value_type=bool),
            "autostart": ParameterValue(value["autostart"], value_type=bool),
            **{name: ParameterValue(value[name], value_type=str) for name in TOPIC_ARGUMENTS},
        },
    ]

    def node(executable, condition):
        return Node(
            package="scene_r1_ros",
            executable=executable,
            namespace=value["namespace"],
            parameters=parameters,
            arguments=["--ros-args", "--log-level", value["log_level"]],
            condition=condition,
            output="screen",
            emulate_tty=True,
            sigterm_timeout="10",
        )

    composed, separate = IfCondition(value["composed"]), UnlessCondition(value["composed"])
    executables = ("lifting_node", "tracking_node", "grounding_node")
    profile = os.path.join(SHARE, "config", "fastdds_shm.xml")
    chosen = any(os.environ.get(variable) for variable in PROFILE_VARIABLES)
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text)
                for name, (default, text) in ARGUMENTS.items()
            ),
            *([] if chosen else [SetEnvironmentVariable(v, profile) for v in PROFILE_VARIABLES]),
            node("scene_r1_node", composed),
            GroupAction([node(name, separate) for name in executables]),
            Node(
                package="rviz2",
                executable="rviz2",
                arguments=["-d", os.path.join(SHARE, "config", "scene_r1.rviz")],
                parameters=[
                    {"use_sim_time": ParameterValue(value["use_sim_time"], value_type=bool)}
                ],
                condition=IfCondition(value["rviz"]),
            ),
        ]
    )
