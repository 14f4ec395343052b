from __future__ import annotations

import os
import signal

import pytest

from pipelines.shared.interrupts import Interrupted, uninterrupted


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
