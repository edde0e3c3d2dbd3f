"""Workers: their share of the cores, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from scene_r1_training.parallel import run_each
from waiting import wait_for

PROGRAM = """
import sys
from parallel_work import wait_here
from scene_r1_training.parallel import run_each

if __name__ == "__main__":
    list(run_each(wait_here, [sys.argv[1]] * 2, jobs=2))
"""


def threads_of(name: str) -> str:
    return os.environ[name]


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    (outcome,) = run_each(threads_of, ["OMP_NUM_THREADS"], jobs=2)
    assert outcome.result == str(max(1, (os.cpu_count() or 1) // 2))
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (outcome,) = run_each(threads_of, ["OMP_NUM_THREADS"], jobs=2)
    assert outcome.result == "7"


def test_workers_end_with_a_run_that_is_killed(tmp_path):
    (tmp_path / "parallel_work.py").write_text(
        "import os, time\n"
        "from pathlib import Path\n"
        "def wait_here(folder):\n"
        "    Path(folder, str(os.getpid())).touch()\n"
        "    time.sleep(600)\n"
    )
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    pids = tmp_path / "pids"
    pids.mkdir()
    path = os.pathsep.join([str(tmp_path), *sys.path])
    run = subprocess.Popen(
        [sys.executable, str(program), str(pids)], env={**os.environ, "PYTHONPATH": path}
    )
    wait_for(lambda: len(list(pids.iterdir())) == 2)
    run.send_signal(signal.SIGKILL)
    run.wait()
    workers = [int(one.name) for one in pids.iterdir()]
    wait_for(lambda: not any(alive(pid) for pid in workers))


def alive(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"
