from setuptools import setup

PACKAGE = "tf2_ros"

setup(
    name=PACKAGE,
    version="0.36.0",
    packages=[PACKAGE, "tf2_py"],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="scene_r1_ros maintainers",
    maintainer_email="maintainers@scene-r1-ros.invalid",
    description="tf2_ros and tf2_py for Python, for hosts that have ROS 2 from wheels.",
    license="Apache-2.0",
)
