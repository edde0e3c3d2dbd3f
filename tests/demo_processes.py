"""Commands as processes of their own on a domain of their own, and what is left of them."""

import os
import signal
import subprocess
import sys

import psutil

DOMAIN = str(215 + os.getpid() % 17)
MARK = f"SCENE_R1_TEST_{os.getpid()}"


def command(*args):
    environment = {**os.environ, "ROS_DOMAIN_ID": DOMAIN, MARK: "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "scene_r1_ros.cli.main", *map(str, args)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background has them ignore it, and so their children
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def marked_processes():
    """Commands of the processes that inherited the mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if MARK in process.environ():
                found.append(" ".join(process.cmdline()))
        except (psutil.Error, OSError):
            continue
    return found
