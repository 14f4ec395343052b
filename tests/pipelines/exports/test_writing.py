"""An export that is stopped, killed or refused by the disk goes on, or says what is wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from degrade.errors import CorruptDataError
from degrade.pairs import open_pairs
from pipelines.executors import TaskResult, WorkerDiedError
from pipelines.executors.base import Task, Value
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from tests.pipelines.exported import (
    FORMATS,
    assert_holds,
    digests,
    make_pairs,
    readers,
)


@pytest.fixture
def pairs(tmp_path: Path, pool: Path) -> Path:
    return make_pairs(tmp_path / "pairs", pool)


class _LosingExecutor:
    """Returns the first task last, as one whose worker died twice."""

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        for index, task in enumerate(tasks[1:], 1):
            yield TaskResult(index, function(task))
        yield TaskResult(0, None, WorkerDiedError("it was killed"))


def test_export_pairs_does_not_wait_for_a_task_that_lost_its_worker(
    tmp_path: Path, pairs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.exports.writing._TASK_BYTES", 1)
    config = ExportConfig(pairs=pairs, out=tmp_path / "one", format="webdataset")
    with pytest.raises(WorkerDiedError):
        export_pairs(config, executor=_LosingExecutor())
    monkeypatch.setattr("pipelines.exports.writing._MOST_EARLY", 3)
    export_pairs(config, executor=_LosingExecutor())
    export_pairs(replace(config, out=tmp_path / "two"))
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


@pytest.mark.parametrize("store", ["hdf5", "lmdb"])
def test_export_pairs_names_a_damaged_shard_and_leaves_nothing_that_looks_whole(
    tmp_path: Path, pool: Path, store: Literal["hdf5", "lmdb"]
) -> None:
    pairs = make_pairs(tmp_path / "pairs", pool, format=store)
    with open_pairs(pairs) as reader:
        lr, _ = reader.read(7)
    path = pairs / {"hdf5": "shard-00001.h5", "lmdb": "shard-00001_LR.lmdb/data.mdb"}[store]
    data = bytearray(path.read_bytes())
    place = data.find(lr.tobytes()) + 100 if store == "hdf5" else data.rfind(b"IDAT") + 30
    data[place] ^= 4
    path.write_bytes(data)
    for format in FORMATS:
        out = tmp_path / format
        with pytest.raises(CorruptDataError, match="shard-00001"):
            export_pairs(ExportConfig(pairs=pairs, out=out, format=format))
        assert sorted(path.name for path in out.iterdir()) == [".partial"]


@pytest.mark.parametrize("format", FORMATS)
def test_export_pairs_after_an_interrupt_goes_on(tmp_path: Path, pairs: Path, format: str) -> None:
    config = ExportConfig(pairs=pairs, out=tmp_path / "out", format=format)

    def stop(done: int, total: int) -> None:
        if 0 < done < total and done >= 4:
            raise KeyboardInterrupt

    first = export_pairs(config, on_progress=stop)
    assert first.exit_code == 130 and first.done == 4
    assert not (config.out / "export.json").exists()
    second = export_pairs(config)
    assert second.exit_code == 0
    assert second.skipped == (4 if format in ("png", "kair") else 0)
    export_pairs(replace(config, out=tmp_path / "whole"))
    expected = digests(tmp_path / "whole")
    found = digests(config.out)
    assert set(found) == set(expected)
    assert all(found[n] == expected[n] for n in expected if not n.startswith("options"))


_CHILD = """
import sys
from pathlib import Path
from pipelines.exports import writing as export_writing
from pipelines.exports.export_pairs import ExportConfig, export_pairs
export_writing._CHECKPOINT_BYTES = 100_000
export_writing._TASK_BYTES = 40_000
pairs, out, format, most = sys.argv[1:]
def tell(done, total):
    print(done, flush=True)
    if done >= int(most):
        sys.stdin.read()  # until the kill
export_pairs(ExportConfig(pairs=Path(pairs), out=Path(out), format=format), on_progress=tell)
"""


@pytest.mark.parametrize("format", ["basicsr-lmdb", "png", "webdataset"])
def test_export_pairs_after_kills_gives_the_same_bytes(
    tmp_path: Path, pool: Path, format: str
) -> None:
    pairs = make_pairs(tmp_path / "pairs", pool, count=60, hr_size=64)
    expected = ExportConfig(pairs=pairs, out=tmp_path / "expected", format=format)
    export_pairs(expected)
    out = tmp_path / "out"
    for moment, most in ((25, 45), (60, 61)):
        child = subprocess.Popen(
            [sys.executable, "-c", _CHILD, str(pairs), str(out), format, str(most)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[3],
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= moment:
                break
        child.send_signal(signal.SIGKILL)
        child.communicate()
        names = {path.name for path in out.iterdir()}
        assert "export.json" not in names or moment == 60
    report = export_pairs(replace(expected, out=out))
    assert report.exit_code == 0
    wanted, found = digests(expected.out), digests(out)
    assert set(found) == set(wanted)
    assert all(found[name] == wanted[name] for name in wanted if not name.startswith("options"))


_WRITE_WITH_LIMIT = """
import resource, signal, sys
from pathlib import Path
from degrade.errors import DegradeError
from pipelines.exports.export_pairs import ExportConfig, export_pairs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pairs, root = map(Path, sys.argv[1:])
for format in ("basicsr-lmdb", "png", "kair", "webdataset", "h5"):
    config = ExportConfig(pairs=pairs, out=root / format, format=format)
    for limit in (0, 9_000, 20_000, 40_000, 200_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            export_pairs(config)
            result = "written"
        except DegradeError as error:
            result = f"refused {error}"
        resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
        print(format, limit, (config.out / "export.json").exists(), result, flush=True)
"""


def test_failing_writes_end_in_one_error_and_leave_nothing_whole(
    tmp_path: Path, pairs: Path
) -> None:
    """Writes fail beyond a length that grows until every file fits."""
    done = subprocess.run(
        [sys.executable, "-c", _WRITE_WITH_LIMIT, pairs, tmp_path / "out"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    lines = [line.split(" ", 3) for line in done.stdout.splitlines()]
    assert len(lines) == 5 * len(FORMATS)
    for format, limit, marked, result in lines:
        if limit == "0":
            assert marked == "False", (format, limit)
            assert result.startswith("refused") and str(tmp_path / "out" / format) in result
        elif limit == "200000":
            assert (marked, result) == ("True", "written"), (format, result)
        else:
            assert (marked == "True") == (result == "written"), (format, limit, result)
    with open_pairs(pairs) as reader:
        for format in FORMATS:
            for found in readers(format, tmp_path / "out" / format):
                assert_holds(found, reader)
