"""Run all benchmarks at a modest size, and put their figures beside the documented ones.

    python -m benchmarks.all [PHOTO…] [--only NAME…] [--long] [--go-on] [--out FOLDER]
        [--limit SECONDS]

Photos are PNGs of two megapixels and more; without any, the three largest of ``../shared/data/hr``
are taken. Each benchmark runs in a process of its own, and its output is kept in FOLDER
(``bench``); one that fails is named, and the others go on. What wants research data is skipped with
a word where that is absent. Ends with one table, and ``figures.json`` in FOLDER holds what is done
so far. After an interruption, or a failure that was mended, the same command with ``--go-on`` runs
only what has not ended well there.

``--long`` adds those that take minutes. Not among them: ``benchmarks.chain``, for photos that
one chooses, ``benchmarks.peers``, which compares with the peers' own code, and
``benchmarks.beside_realsr``, which wants RealSR's weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.listed import (
    BENCHMARKS,
    CLEAN,
    FIRST,
    KEPT,
    PHOTOS,
    PLACES,
    ROOT,
    Benchmark,
    Figure,
)
from benchmarks.parts import write_json
from degrade.disk.files import make_folder, read_file
from degrade.disk.results import Results

__all__ = ["Found", "main", "read_figures", "run", "table_of"]

_FIGURES = "figures.json"
_MOST_PHOTOS = 3
_TICK = 60.0
"""Seconds between two signs that a benchmark still runs."""


class Found(NamedTuple):
    """What came of a benchmark.

    Attributes
    ----------
    benchmark : Benchmark
    values : tuple of float or None
        One for each figure; None: it is not in the output.
    seconds : float
    trouble : str
        Why it was skipped or failed; empty otherwise.
    """

    benchmark: Benchmark
    values: tuple[float | None, ...]
    seconds: float
    trouble: str = ""


class Given(NamedTuple):
    """What a benchmark is given.

    Attributes
    ----------
    arguments : list of str or None
        None: something of them is absent.
    files : list of str or None
        Of each that is a file, or a folder of files, but for the benchmark's own: a hash of their
        names, lengths and times of change.
    """

    arguments: list[str] | None
    files: list[str] | None


def read_figures(benchmark: Benchmark, output: str) -> tuple[float | None, ...]:
    """Return the numbers that a benchmark has printed; None for one that is not there."""

    def value(figure: Figure) -> float | None:
        found = [float(text.replace(",", "")) for text in re.findall(figure.pattern, output)]
        return statistics.median(found) if found else None

    return tuple(map(value, benchmark.figures))


def run(benchmark: Benchmark, photos: Sequence[Path], log: Path, limit: float) -> Found:
    """Run a benchmark in processes of its own; what it printed goes to ``log``, too."""
    nothing: tuple[None, ...] = (None,) * len(benchmark.figures)
    try:
        words = list(_words_of(benchmark, photos, log.with_suffix("").absolute()))
    except FileNotFoundError as error:
        return Found(benchmark, nothing, 0, f"skipped: {error}")
    start, trouble = time.monotonic(), ""
    with tempfile.TemporaryFile() as file:
        process = subprocess.Popen(
            [sys.executable, "-m", f"benchmarks.{benchmark.name}", *words],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its own processes can be ended with it
        )
        try:
            code = _wait(process, limit)
            if code is None:
                trouble = f"stopped after {limit:.0f} s"
            elif code:
                trouble = "failed"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        file.seek(0)
        printed = file.read()
    Results(log.parent, "benchmarks").write(log, printed)
    output = printed.decode(errors="replace")
    if trouble:
        trouble += f": {(output.strip().splitlines() or ['it printed nothing'])[-1]}"
    return Found(benchmark, read_figures(benchmark, output), time.monotonic() - start, trouble)


def _wait(process: subprocess.Popen[bytes], limit: float) -> int | None:
    """Return the exit code, None after so many seconds; a dot a minute shows that it runs."""
    end = time.monotonic() + limit
    while (left := end - time.monotonic()) > 0:
        try:
            return process.wait(min(left, _TICK))
        except subprocess.TimeoutExpired:
            print(".", end="", flush=True)
    return process.poll()


def _words_of(benchmark: Benchmark, photos: Sequence[Path], kept: Path) -> Iterator[str]:
    """Yield a benchmark's arguments; FileNotFoundError says what is absent."""
    for word in benchmark.words:
        if word in (PHOTOS, FIRST):
            if not photos:
                raise FileNotFoundError("it needs photos; name some, as ../shared is absent")
            yield from map(str, photos if word == PHOTOS else photos[:1])
        elif word == KEPT:
            yield str(kept)
        elif word in PLACES:
            if not PLACES[word].exists():
                raise FileNotFoundError(f"it needs ../{PLACES[word].relative_to(ROOT.parent)}")
            yield str(PLACES[word])
        else:
            yield word


def table_of(found: Sequence[Found]) -> str:
    """Return the table of all figures, and below it what brought none."""
    rows = [("benchmark", "figure", "here", "wanted", "documented")]
    for each in found:
        for figure, value in zip(each.benchmark.figures, each.values, strict=True):
            shown = "–" if value is None else f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"
            documented = figure.documented.strip("| *(").replace("**", "")
            rows.append((each.benchmark.name, figure.name, shown, figure.wanted, documented))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += [f"{each.benchmark.name}: {each.trouble}" for each in found if each.trouble]
    return "\n".join(lines)


def _usual_photos() -> list[Path]:
    """Return the largest photos of the research data; none where it is absent."""
    photos = sorted(PLACES[CLEAN].glob("*.png"), key=lambda path: path.stat().st_size)
    return photos[-_MOST_PHOTOS:][::-1]


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmarks, print the table and write JSON; return 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.all", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--only", nargs="+", choices=names, help="these alone", metavar="NAME")
    parser.add_argument("--long", action="store_true", help="also those that take minutes")
    parser.add_argument("--go-on", action="store_true", help="not again what has ended well there")
    parser.add_argument("--out", type=Path, default=Path("bench"), help="for output and figures")
    parser.add_argument("--limit", type=float, default=900, help="seconds for each")
    given = parser.parse_args(words)
    make_folder(given.out)
    photos = [path.resolve() for path in given.photos] or _usual_photos()
    chosen = [
        benchmark
        for benchmark in BENCHMARKS
        if (benchmark.name in given.only if given.only else given.long or not benchmark.is_long)
    ]
    words_of = {each.name: _arguments(each, photos, given.out) for each in BENCHMARKS}
    # As they are now: what is changed while benchmarks run is measured again the next time.
    givens = {
        name: Given(words, _states(words, but=_own_folder(name, given.out)))
        for name, words in words_of.items()
    }
    known = _ended_well(given.out, givens) if given.go_on else {}
    found: list[Found] = []
    for number, benchmark in enumerate(chosen, 1):
        left = sum(each.minutes for each in chosen[number - 1 :] if each.name not in known)
        about = f"about {benchmark.minutes:g} of {left:g} minutes that are left"
        before = known.get(benchmark.name)
        about = about if before is None else "done before"
        print(f"{number} of {len(chosen)}: {benchmark.name} ({about})", end=" … ", flush=True)
        log = given.out / f"{benchmark.name}.txt"
        found.append(before or run(benchmark, photos, log, given.limit))
        print(found[-1].trouble or f"{found[-1].seconds:.0f} s", flush=True)
        # At once, so that what is done outlives whatever comes next.
        names = {each.benchmark.name for each in found}
        kept = [each for name, each in known.items() if name not in names]
        figures = [_plain(each, givens[each.benchmark.name]) for each in (*found, *kept)]
        write_json(given.out / _FIGURES, {"benchmarks": figures})
    print(f"\n{table_of(found)}")
    left_out = [benchmark.name for benchmark in BENCHMARKS if benchmark not in chosen]
    if left_out:
        print(f"not run: {', '.join(left_out)}")
    return int(any(each.trouble and not each.trouble.startswith("skipped") for each in found))


def _arguments(benchmark: Benchmark, photos: Sequence[Path], out: Path) -> list[str] | None:
    """Return what a benchmark is given in a run with this output; None where that is absent."""
    try:
        return list(_words_of(benchmark, photos, _own_folder(benchmark.name, out)))
    except FileNotFoundError:
        return None


def _own_folder(name: str, out: Path) -> Path:
    """Return where a benchmark keeps what it goes on with, in a run with this output."""
    return (out / name).absolute()


def _states(arguments: Sequence[str] | None, *, but: Path) -> list[str]:
    """Return what changes with the files, and the files in folders, among the arguments.

    A folder that the benchmark fills itself is left out.
    """
    found = []
    for place in map(Path, arguments or ()):
        # Photos and places are absolute; a word such as "bench" is no folder of that name.
        if place == but or not place.is_absolute() or not place.exists():
            continue
        files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
        states = [(path.relative_to(place).as_posix(), path.stat()) for path in files]
        listed = [[name, status.st_size, status.st_mtime_ns] for name, status in states]
        found.append(hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:32])
    return found


def _ended_well(out: Path, givens: Mapping[str, Given]) -> dict[str, Found]:
    """Return what an earlier run with this output has done, by name.

    Nothing of other photos or arguments, or photos that were changed since, or whose output is not
    there.
    """
    listed = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    path = out / _FIGURES
    done = json.loads(read_file(path)).get("benchmarks", []) if path.exists() else []
    found = {}
    for each in done:
        benchmark = listed.get(each.get("name"))
        # Older versions have kept neither arguments nor files.
        before = Given(each.get("arguments"), each.get("files"))
        if benchmark is None or each.get("trouble") or None in before:
            continue
        log = out / f"{benchmark.name}.txt"
        if log.is_file() and before == givens[benchmark.name]:
            values = read_figures(benchmark, read_file(log).decode(errors="replace"))
            found[benchmark.name] = Found(benchmark, values, each.get("seconds", 0.0))
    return found


def _plain(found: Found, given: Given) -> dict[str, object]:
    figures = zip(found.benchmark.figures, found.values, strict=True)
    return {
        "name": found.benchmark.name,
        "arguments": given.arguments,
        "files": given.files,
        "seconds": found.seconds,
        "trouble": found.trouble,
        "figures": [
            {
                "name": figure.name,
                "value": value,
                "wanted": figure.wanted,
                "documented": figure.documented,
            }
            for figure, value in figures
        ],
    }


if __name__ == "__main__":
    # Ends the benchmark that runs, too, which has a session of its own.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sys.exit(main())
