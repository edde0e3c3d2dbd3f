"""A DDS domain of one's own on this machine, so that two graphs never hear each other."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import MutableMapping

# Domains whose ports lie below Linux's ephemeral range (docs.ros.org, "The ROS_DOMAIN_ID").
_DOMAINS = range(1, 102)


def use_private_domain(environment: MutableMapping[str, str] | None = None) -> int | None:
    """Choose a free domain and keep discovery on this machine, unless the user has set a domain.

    Call it before ``rclpy.init``; child processes inherit it. Returns the domain chosen, or None
    if the user's is used.
    """
    environment = os.environ if environment is None else environment
    if environment.get("ROS_DOMAIN_ID"):
        return None
    domain = free_domain()
    environment["ROS_DOMAIN_ID"] = str(domain)
    if environment.get("ROS_DISTRO") == "humble":
        environment.setdefault("ROS_LOCALHOST_ONLY", "1")
    else:
        environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return domain


def free_domain() -> int:
    """A domain that nobody on this machine takes part in; a random one if all are in use."""
    domains = random.sample(_DOMAINS, len(_DOMAINS))
    return next((domain for domain in domains if not _in_use(domain)), domains[0])


def _in_use(domain: int) -> bool:
    """Whether somebody holds the port of the domain's first participant (RTPS 2.2, 9.6.1.1)."""
    port = 7400 + 250 * domain + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return True
    return False
