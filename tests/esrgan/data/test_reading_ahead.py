from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import DegradeError, InputError
from esrgan.data import read_ahead
from tests.torture.children import wait_until


def _squared(key: int) -> int:
    return key * key


@pytest.mark.parametrize("processes", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 4, 23])
def test_read_ahead_keeps_the_order(processes: int, count: int) -> None:
    read = read_ahead(_squared, range(count), processes)
    assert list(read) == [key * key for key in range(count)]
    assert not multiprocessing.active_children()


def _large(key: int) -> np.ndarray:
    return np.full(3_000_000, key, np.uint8)


def test_read_ahead_sends_what_no_pipe_holds_at_once() -> None:
    keys = [(number, "k" * 300_000) for number in range(6)]
    values = list(read_ahead(_first_large, keys, 2))
    assert [int(value[-1]) for value in values] == list(range(6))
    assert {value.size for value in values} == {3_000_000}


def _first_large(key: tuple[int, str]) -> np.ndarray:
    return _large(key[0])


def _die_so_often(folder: Path, often: int, key: int) -> int:
    """Die ``often`` times of the key 3."""
    if key == 3:
        for number in range(often):
            try:
                (folder / f"death {number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            os.kill(os.getpid(), signal.SIGKILL)
    return key


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_is_killed_is_replaced_once(tmp_path: Path, processes: int) -> None:
    read = functools.partial(_die_so_often, tmp_path, 1)
    assert list(read_ahead(read, range(9), processes)) == list(range(9))
    assert (tmp_path / "death 0").exists()


def test_a_process_that_is_killed_twice_is_named_with_what_to_do(tmp_path: Path) -> None:
    read = functools.partial(_die_so_often, tmp_path, 99)
    values: list[int] = []
    with pytest.raises(DegradeError, match=r"ended twice by SIGKILL, .* use fewer `workers`"):
        values.extend(read_ahead(read, range(9), 2))
    # It reads ahead: it may die before it has sent the value that it read before.
    assert values in ([0], [0, 1, 2])
    assert not multiprocessing.active_children()


def _refuse(key: int) -> int:
    raise InputError("a file", f"bad {key}", "mend it")


def _fail(key: int) -> int:
    raise KeyError(key)


def test_errors_come_as_they_were_raised() -> None:
    with pytest.raises(InputError, match=r"^a file: bad 0; mend it$"):
        next(read_ahead(_refuse, range(3), 2))
    with pytest.raises(KeyError) as caught:
        next(read_ahead(_fail, range(3), 2))
    assert "in _fail" in caught.value.__notes__[0]


_PARENT = """
import multiprocessing, sys, time
from tests.esrgan.data.test_reading_ahead import _squared
from esrgan.data import read_ahead
values = read_ahead(_squared, iter(int, 1), 3)
next(values)
print(*(child.pid for child in multiprocessing.active_children()), flush=True)
time.sleep(250)
"""


def test_processes_end_with_a_parent_that_is_killed() -> None:
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True, cwd=root
    ) as parent:
        assert parent.stdout is not None
        children = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 3
    assert wait_until(lambda: not any(_is_alive(pid) for pid in children))


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
