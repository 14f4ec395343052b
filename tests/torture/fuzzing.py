"""Damaged files for every reader: the documented error or sound content, nothing else.

A child reads case after case and says through shared memory which one it is at, so that one that
crashes, hangs or eats the memory is known by its number.
"""

from __future__ import annotations

import itertools
import mmap
import os
import resource
import struct
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from degrade.errors import DegradeError
from tests.torture import readers, readers_of_folders, readers_of_given_files, readers_of_weights
from tests.torture.children import Child
from tests.torture.parts import Cases, Part, Rounds
from tests.torture.readers import Reader

_LONGEST = 60.0
"""Seconds for one file, on a machine that has other things to do."""

_ENOUGH = 20
"""Failures after which a reader is given up."""

_MOST_MEMORY = 2**30
_LIMIT = 6 * 2**30
_NUMBER = struct.Struct("<q")
_LACK = ("MemoryError", "nsufficient memory", "nable to allocate", "out of memory", "bad_alloc")


def read_damaged(reader: Reader, count: int, rounds: Rounds, folder: Path) -> Cases:
    """Read damaged files; a new child goes on after each one that did harm."""
    at, failures = rounds.first, 0
    while at < count and failures < _ENOUGH:
        shown = mmap.mmap(-1, _NUMBER.size)
        _show(shown, at)
        child = Child(partial(_read_cases, reader, rounds, range(at, count), shown))
        watch, harm = _Watch(shown), None
        try:
            while not child.ends_within(0.2) and harm is None:
                harm, now = watch.hang(), _shown(shown)
                yield from itertools.repeat(None, now - at)
                at = now
        finally:
            child.kill()
            ended = child.end()
        yield from itertools.repeat(None, _shown(shown) - at)
        at = _shown(shown)
        harm = harm or ended.value or ended.complaint
        if harm is not None:
            failures += 1
            yield f"{reader.name} (case {at} of seed {rounds.seed}): {harm}"
            at += 1


def _show(shown: mmap.mmap, number: int) -> None:
    shown[:] = _NUMBER.pack(number)


def _shown(shown: mmap.mmap) -> int:
    return int(_NUMBER.unpack(shown[:])[0])


class _Watch:
    """Sees when a child does not come away from a case."""

    def __init__(self, shown: mmap.mmap) -> None:
        self._shown, self._last, self._since = shown, -1, time.monotonic()

    def hang(self) -> str | None:
        """Say so when the same case has been there for too long."""
        now = _shown(self._shown)
        if now != self._last:
            self._last, self._since = now, time.monotonic()
        elif time.monotonic() - self._since > _LONGEST:
            return f"hung for {_LONGEST:.0f} s"
        return None


def _read_cases(reader: Reader, rounds: Rounds, numbers: range, shown: mmap.mmap) -> str | None:
    """Read cases until one does harm; return what it did."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        _be_quiet()
        seeds, read = reader.make(Path(folder))
        for seed in seeds:  # sound once, so that what is loaded late is in memory
            read(seed)
        _limit_memory()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in numbers:
            _show(shown, number)
            data = reader.case(seeds, rounds.chance("fuzz", reader.name, number))
            harm = _harm_of(read, data, Path(folder))
            grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
            if harm is None and grown > _MOST_MEMORY:
                harm = f"took {grown / 2**20:.0f} MiB"
            if harm is not None:
                return harm
        _show(shown, numbers.stop)
    return None


def _be_quiet() -> None:
    """Keep what the decoders say of damaged files from the terminal."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)


def _limit_memory() -> None:
    """Let what asks for far too much fail before it takes the machine."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _LIMIT
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _harm_of(read: Callable[[bytes], None], data: bytes, folder: Path) -> str | None:
    try:
        read(data)
    except DegradeError as error:
        text = str(error)
        if "\n" in text:
            return f"said in several lines: {text!r}"
        if str(folder) not in text:
            return f"did not name the file: {text!r}"
        chain = list(itertools.islice(_causes(error), 10))
        lack = any(word in f"{type(e).__name__} {e}" for e in chain for word in _LACK)
        return f"wanted too much memory: {chain!r}" if lack else None
    except BaseException:
        return "".join(traceback.format_exc().splitlines(keepends=True)[-7:])
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def all_readers() -> Iterator[Reader]:
    """Yield every reader of files that are not trusted."""
    for module in (readers, readers_of_folders, readers_of_given_files, readers_of_weights):
        yield from module.readers()


def parts() -> Iterator[Part]:
    """Yield a part for each reader."""
    for reader in all_readers():
        yield Part("fuzz", "damaged files", "7 9 15-18 20", reader.name, partial(_fuzz, reader))


def _fuzz(reader: Reader, rounds: Rounds, folder: Path) -> Cases:
    return read_damaged(reader, rounds.fuzz, rounds, folder)
