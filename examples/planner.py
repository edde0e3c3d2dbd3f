"""A planner node: asks for an object when told to fetch it, and sends the goal where it stands."""

import rclpy
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from std_msgs.msg import String

from scene_r1_ros.errors import SceneR1Error
from scene_r1_ros.ros.client import GroundingClient


class Planner(Node):
    def __init__(self):
        super().__init__("planner")
        self.objects = GroundingClient()  # has a node and a thread of its own
        self.goals = self.create_publisher(PoseStamped, "goal_pose", 1)
        self.create_subscription(String, "fetch", self.on_fetch, 1)

    def on_fetch(self, msg):
        try:
            found = self.objects.ground(msg.data, timeout=60.0)  # blocks; no deadlock
        except SceneR1Error as error:  # not found, ambiguous, busy, too late: error.code says
            self.get_logger().warning(f"cannot fetch {msg.data!r}: {error}")
            return
        self.goals.publish(PoseStamped(header=found.header, pose=found.pose))


def main():
    rclpy.init()
    rclpy.spin(Planner())


if __name__ == "__main__":
    main()
