"""Ctrl-C and SIGTERM while the handler of the one before is still at work."""

import os
import signal

import pytest

from scene_r1_ros.ros.end_signals import Ended, ended_by_signals


@pytest.mark.timeout(20)
def test_a_thousand_signals_at_once_end_it_and_wait_for_nothing():
    parent = os.getpid()
    with ended_by_signals() as ended:
        child = os.fork()
        if child == 0:
            for _ in range(1000):
                os.kill(parent, signal.SIGINT)
                os.kill(parent, signal.SIGTERM)
            os._exit(0)
        while not ended.wait(0.01):
            pass
        os.waitpid(child, 0)
    assert ended.is_set()


def test_handlers_are_given_back():
    before = signal.getsignal(signal.SIGTERM)
    with ended_by_signals() as ended:
        assert not ended.is_set()
        assert not ended.wait(0.0)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_handler_interrupted_by_its_own_signal_comes_to_its_end():
    class Interrupted(Ended):
        depth = 0

        def set(self, *_):
            if self.depth < 3:
                self.depth += 1
                os.kill(os.getpid(), signal.SIGINT)
            super().set()

    ended = Interrupted()
    before = signal.signal(signal.SIGINT, ended.set)
    try:
        os.kill(os.getpid(), signal.SIGINT)
        assert ended.wait(1.0)
    finally:
        signal.signal(signal.SIGINT, before)
