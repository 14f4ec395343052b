from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from degrade.disk.processes import is_left_over, keep_freed_memory, process_start, unique_token


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


_FAULTS = """
import ctypes, resource, sys
import numpy as np
from degrade.disk.processes import keep_freed_memory
# Huge pages would hide the difference: many systems give them without being asked.
ctypes.CDLL(None).prctl(41, 1, 0, 0, 0)  # PR_SET_THP_DISABLE
if sys.argv[1] == "keep":
    keep_freed_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(8 << 20, np.uint8)
before = faults()
for _ in range(10):
    np.ones(8 << 20, np.uint8)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_keep_freed_memory_spares_fresh_pages() -> None:
    def faults(mode: str) -> int:
        # NumPy asks for huge pages, too.
        env = os.environ | {"NUMPY_MADVISE_HUGEPAGE": "0"}
        command = [sys.executable, "-c", _FAULTS, mode]
        return int(subprocess.run(command, env=env, capture_output=True, check=True).stdout)

    assert faults("keep") < faults("plain") / 10


def test_keep_freed_memory_is_harmless_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    keep_freed_memory()


class OldLibrary:
    """As glibc before 2.35."""

    def __init__(self) -> None:
        self.taken: dict[int, int] = {}

    def mallopt(self, parameter: int, value: int) -> int:
        if parameter == -3 and value > 32 << 20:
            return 0
        self.taken[parameter] = value
        return 1


def test_keep_freed_memory_asks_old_libraries_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    library = OldLibrary()
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: library)
    keep_freed_memory()
    assert library.taken == {-3: 32 << 20, -1: 64 << 20}
