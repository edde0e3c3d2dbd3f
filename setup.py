"""Packaging of scene_r1_ros, for pip and for colcon (ament_python) alike."""

from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = "scene_r1_ros"
SHARE = f"share/{PACKAGE}"


def data_of(folder):
    """Every file below ``folder`` that is not Python, relative to it: templates, checkpoints."""
    return [
        str(path.relative_to(folder))
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]


packages = find_packages(include=[PACKAGE, f"{PACKAGE}.*"])
package_dir = {}
package_data = {PACKAGE: data_of(PACKAGE)}
if Path("training").is_dir():
    # "training" is too general a name for site-packages
    packages += ["scene_r1_training"]
    packages += [f"scene_r1_training.{name}" for name in find_packages("training")]
    package_dir["scene_r1_training"] = "training"
    package_data["scene_r1_training"] = data_of("training")


def shared(folder):
    """(destination, files) for every folder below ``folder``, as data_files wants them."""
    found = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            found.setdefault(f"{SHARE}/{path.parent}", []).append(str(path))
    return list(found.items())


setup(
    name=PACKAGE,
    version="0.1.0",
    description="Ask a robot about what its RGB-D camera has seen",
    license="Apache-2.0",
    maintainer="scene_r1_ros maintainers",
    maintainer_email="maintainers@scene-r1-ros.invalid",
    packages=packages,
    package_dir=package_dir,
    package_data=package_data,
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (SHARE, ["package.xml"]),
        *shared("launch"),
        *shared("config"),
        *shared("checkpoints"),
    ],
    python_requires=">=3.10",
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "scene-r1 = scene_r1_ros.cli.main:main",
            "scene_r1_node = scene_r1_ros.ros.scene_r1_node:main",
            "grounding_node = scene_r1_ros.ros.grounding_node:main",
            "tracking_node = scene_r1_ros.ros.tracking_node:main",
            "lifting_node = scene_r1_ros.ros.lifting_node:main",
            "player_node = scene_r1_ros.ros.player_node:main",
        ],
    },
)
