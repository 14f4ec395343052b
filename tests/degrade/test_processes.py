from __future__ import annotations

import os
import subprocess
import sys

from degrade.processes import is_left_over, process_start, unique_token


def test_unique_token_never_repeats() -> None:
    assert len({unique_token() for _ in range(1000)}) == 1000


def test_process_start_tells_processes_apart() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert process_start(child.pid) not in (None, process_start(os.getpid()))
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert process_start(child.pid) is None, "a zombie has ended"
    assert process_start(child.pid) is None
    assert process_start(10**30) is None


def test_is_left_over_spares_what_lives_or_is_not_ours() -> None:
    own = unique_token()
    host, _, chance = own.split("-")
    dead = f"{host}-{2**22 + 1}-{chance}"
    assert is_left_over(f"run.json.{dead}.tmp") and is_left_over(f".lock.{dead}.stale")
    assert is_left_over(f"line\nbreak.{dead}.tmp")
    assert not is_left_over(f"run.json.{own}.tmp")
    assert not is_left_over(f"run.json.{dead}")
    assert not is_left_over(f"run.json.{'0' * 8}-{2**22 + 1}-{chance}.tmp"), "another machine"
    assert not is_left_over("notes.tmp")
