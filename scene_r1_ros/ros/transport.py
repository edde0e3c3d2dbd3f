"""The Fast DDS profile that lets camera images through, for every way of starting a node.

Fast DDS reads it when the first participant is made, so call :func:`use_shared_memory_profile`
before ``rclpy.init``.
"""

from __future__ import annotations

import os

from ..resources import config_file

PROFILE_VARIABLES = ("FASTRTPS_DEFAULT_PROFILES_FILE", "FASTDDS_DEFAULT_PROFILES_FILE")


def use_shared_memory_profile() -> str:
    """Point Fast DDS at the shipped profile unless the user chose one; returns the one in use."""
    for variable in PROFILE_VARIABLES:
        if os.environ.get(variable):
            return os.environ[variable]
    profile = str(config_file("fastdds_shm.xml"))
    for variable in PROFILE_VARIABLES:
        os.environ[variable] = profile
    return profile
