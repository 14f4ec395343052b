from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from pipelines.shared.interrupts import Interrupted, uninterrupted
from tests.torture.children import PATIENCE


def test_uninterrupted_lets_a_signal_wait_for_the_end_of_the_block() -> None:
    done = False
    with pytest.raises(Interrupted) as caught, uninterrupted():
        os.kill(os.getpid(), signal.SIGTERM)
        done = True
    assert done and caught.value.signum == signal.SIGTERM


def test_uninterrupted_leaves_alone_what_is_ignored() -> None:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, previous)


_STOPPED_AMID_A_LOCK = """
import os, signal, sys, threading
from pipelines.shared.interrupts import Interrupted, ending_by_signals

def stop(frame, event, _argument):
    inner, outer = frame.f_code, frame.f_back.f_code
    if inner is threading.Condition.__exit__.__code__ and outer.co_name == "acquire":
        sys.settrace(None)
        os.kill(os.getpid(), signal.SIGTERM)

semaphore = threading.Semaphore()
try:
    with ending_by_signals([]):
        sys.settrace(stop)
        semaphore.acquire()
        threading.Event().wait()
except Interrupted as error:
    print("stopped by", error.signum, semaphore._cond.acquire(blocking=False))
"""


def test_a_signal_amid_a_lock_of_threads_leaves_it_free() -> None:
    """Who waits for the threads would wait for ever: they need it to end."""
    words = [sys.executable, "-c", _STOPPED_AMID_A_LOCK]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped by 15 True\n", "")
