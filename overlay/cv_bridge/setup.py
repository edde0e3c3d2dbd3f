from setuptools import setup

PACKAGE = "cv_bridge"

setup(
    name=PACKAGE,
    version="4.1.0",
    packages=[PACKAGE],
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    zip_safe=True,
    maintainer="scene_r1_ros maintainers",
    maintainer_email="maintainers@scene-r1-ros.invalid",
    description="cv_bridge for Python, for hosts that have ROS 2 from wheels.",
    license="Apache-2.0",
)
