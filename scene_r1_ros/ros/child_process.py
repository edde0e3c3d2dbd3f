"""Commands of this program as child processes that never outlive it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from ..errors import NotActiveError

_PR_SET_PDEATHSIG = 1
_SHOWN_LINES = 8


class ChildCommand:
    """``scene-r1 ARGS`` in a session of its own, its output in ``log``.

    A terminal's Ctrl-C reaches only the parent, which ends its children in order with
    :meth:`stop`; should the parent be killed, Linux ends them.
    """

    def __init__(self, args: list[str], log: Path) -> None:
        self.name = args[0]
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "scene_r1_ros.cli.main", *args],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def check(self) -> None:
        """Return if it runs or has ended well.

        Raises:
            NotActiveError: with the last lines of its output.
        """
        status = self.process.poll()
        if status:
            lines = self.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:]
            said = "\n  ".join(lines) or "(it printed nothing)"
            raise NotActiveError(
                f"`scene-r1 {self.name}` ended with status {status}; the end of {self.log}:\n"
                f"  {said}"
            )

    def stop(self, patience: float = 6.0) -> None:
        """Ask it to end as Ctrl-C does; insist when it has not after ``patience`` seconds."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                return
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:  # the parent ended before the call
            os._exit(1)
