"""One visit a photo, for all measurements that are missing of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pipelines.measuring.measure_photos as measure_photos
from degrade.errors import DegradeError
from degrade.images.image_io import write_png
from degrade.images.sources import SourceFile
from degrade.pool import DegradationPool, Findings
from degrade.rng import rng_for
from kernelgan import KernelGANConfig
from pipelines import (
    BuildPairsConfig,
    BuildPoolConfig,
    build_pairs,
    build_pool,
    estimate_kernels,
    extract_noise,
)
from pipelines.executors import InProcessExecutor, ProcessExecutor, TaskResult, WorkerDiedError
from pipelines.measuring.collector import Collector
from pipelines.measuring.kernel_methods import KernelGANMethod, SpectralMethod
from pipelines.measuring.visits import Visit
from pipelines.pool.measurements import MEASUREMENTS
from pipelines.shared.photo_scan import ScannedPhoto
from tests.pipelines.measuring.counting import Calls, pool_of
from tests.pipelines.measuring.toy import Deadly, MeanLevel
from tests.pipelines.photographs import take_photo

NAMES = ["a.png", "b.png", "c.png"]


class Opens(Counter[str]):
    """Counts how often each file below a folder is opened in this process, by whatever means."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._below = f"{folder}{os.sep}"
        sys.addaudithook(self._hear)  # there to stay, but deaf once the folder is forgotten

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and self._below and str(arguments[0]).startswith(self._below):
            self[Path(str(arguments[0])).name] += 1

    def forget(self) -> None:
        self._below = ""


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    counted = Opens(tmp_path / "photos")
    yield counted
    counted.forget()


def test_on_the_way_to_pairs_a_photo_is_read_parsed_and_decoded_twice(
    tmp_path: Path, config: BuildPoolConfig, calls: Calls
) -> None:
    build_pool(config, executor=InProcessExecutor())
    each = {"reads": 1, "parses": 1, "decodes": 1, "kernels": 1, "noise": 1}
    assert calls == {name: 3 * times for name, times in each.items()}
    pairs = BuildPairsConfig(pool=config.noise.pool, out=tmp_path / "pairs", scale=2, hr_size=16)
    assert build_pairs(pairs).done > 3
    assert [calls[name] for name in ("reads", "parses", "decodes")] == [6, 6, 6]


def test_no_file_is_opened_but_to_be_read(
    tmp_path: Path, config: BuildPoolConfig, opens: Opens
) -> None:
    """Once for all measurements; twice where all photos must be known before the first."""
    each = dict.fromkeys(NAMES, 1)
    build_pool(config)
    assert opens == each
    build_pairs(BuildPairsConfig(pool=config.noise.pool, out=tmp_path / "p", scale=2, hr_size=16))
    assert opens == dict.fromkeys(each, 2)
    for change in ({"shared": True}, {"out_mat": tmp_path / "mat"}):
        opens.clear()
        place = tmp_path / "-".join(change)
        kernels = replace(config.kernels, pool=place, **change)  # type: ignore[arg-type]
        build_pool(BuildPoolConfig(kernels=kernels, noise=replace(config.noise, pool=place)))
        assert opens == dict.fromkeys(each, 2)
        estimate_kernels(kernels)  # cameras, which are not among the fixture's two measurements
        opens.clear()
        estimate_kernels(kernels)
        assert opens == each, "what is known is looked at"


def test_what_is_there_is_looked_at_and_not_measured_again(
    tmp_path: Path, config: BuildPoolConfig, calls: Calls
) -> None:
    first = build_pool(config)
    calls.clear()
    (tmp_path / "photos" / "a.png").rename(tmp_path / "photos" / "renamed.png")
    again = build_pool(config)
    assert (again.done, again.skipped) == (0, first.done)
    assert calls == {"reads": 3, "parses": 3}
    assert {photo.name for photo in pool_of(config).photos} == {"renamed.png", *NAMES[1:]}


def test_single_jobs_ask_for_their_own_measurement_and_leave_the_rest_to_build_pool(
    config: BuildPoolConfig, calls: Calls
) -> None:
    extract_noise(config.noise)
    assert (calls["noise"], calls["kernels"]) == (3, 0)
    build_pool(config)
    assert (calls["noise"], calls["kernels"]) == (3, 3)
    other = replace(config, kernels=replace(config.kernels, scale=3))
    build_pool(other)
    assert (calls["noise"], calls["kernels"]) == (3, 6)
    assert estimate_kernels(config.kernels).skipped == 3


def test_copies_are_measured_once(tmp_path: Path, config: BuildPoolConfig, calls: Calls) -> None:
    shutil.copy(tmp_path / "photos" / "a.png", tmp_path / "photos" / "z.png")
    assert "with the very content of another, and passed over: 1 file" in build_pool(config).lines
    assert (calls["decodes"], calls["kernels"], calls["reads"]) == (3, 3, 5)
    assert {photo.name for photo in pool_of(config).photos} == set(NAMES)


def test_another_photo_of_the_length_of_a_known_one_is_measured(
    tmp_path: Path, config: BuildPoolConfig, calls: Calls
) -> None:
    build_pool(config)
    known = (tmp_path / "photos" / "a.png").read_bytes()
    other = tmp_path / "photos" / "other.png"
    write_png(other, take_photo("other", side=100))
    data = other.read_bytes()
    assert len(data) < len(known)
    other.write_bytes(data + bytes(len(known) - len(data)))
    calls.clear()
    build_pool(config)
    assert (calls["kernels"], calls["noise"], calls["decodes"]) == (1, 1, 1)
    assert len(pool_of(config).photos) == 4


def test_a_photo_that_fails_one_measurement_gives_the_others(
    tmp_path: Path, config: BuildPoolConfig
) -> None:
    grain = rng_for(0, "grain").normal(128, 3.0, (60, 60, 3))
    write_png(tmp_path / "photos" / "small.png", np.rint(grain).astype(np.uint8))
    write_png(tmp_path / "photos" / "thin.png", take_photo("thin", side=110)[:14])
    report = build_pool(config)
    reasons = {(Path(r.path).name, r.reason.split(" ")[-1]) for r in report.rejects}
    assert {name for name, _ in reasons} == {"small.png", "thin.png"}
    (small,) = [r for r in report.rejects if "small.png" in r.path]
    assert "too few for a kernel" in small.reason
    thin = sorted(r.reason for r in report.rejects if "thin.png" in r.path)
    assert any("smaller than a noise patch of 16" in reason for reason in thin)
    assert any("too few for a kernel" in reason for reason in thin)
    known = {record.provenance.source_name for record in pool_of(config).noise}
    assert "small.png" in known and "thin.png" not in known


def test_results_do_not_depend_on_the_executor(tmp_path: Path, config: BuildPoolConfig) -> None:
    build_pool(config, executor=InProcessExecutor())
    kernels = replace(config.kernels, pool=tmp_path / "two")
    two = BuildPoolConfig(kernels=kernels, noise=replace(config.noise, pool=tmp_path / "two"))
    build_pool(two, executor=ProcessExecutor(2))
    one, other = pool_of(config), pool_of(two)
    assert one.measurements == other.measurements and one.photos == other.photos
    assert one.digest(2) == other.digest(2) and len(one.noise) > 0


def test_an_interrupted_run_keeps_what_is_done_of_every_measurement(
    config: BuildPoolConfig, calls: Calls
) -> None:
    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    report = build_pool(config, executor=InProcessExecutor(), on_progress=stop)
    assert report.exit_code == 130
    kinds = Counter(record.kind for record in pool_of(config).measurements)
    assert kinds == {"kernel": 2, "noise": 2}
    calls.clear()
    seen: list[tuple[int, int]] = []
    build_pool(config, on_progress=lambda *now: seen.append(now))
    assert seen == [(2, 3), (3, 3)] and (calls["kernels"], calls["noise"]) == (1, 1)


class _Fragile(InProcessExecutor):
    """Loses its worker over one file."""

    def run(self, function: Callable[[Any], Any], tasks: Any) -> Iterator[Any]:
        for index, task in enumerate(tasks):
            if hasattr(task, "file") and task.file.name == "b.png":
                yield TaskResult(index, None, WorkerDiedError("its worker was killed"))
            else:
                yield TaskResult(index, function(task))


def test_a_photo_that_kills_its_worker_is_named_and_the_rest_goes_on(
    config: BuildPoolConfig,
) -> None:
    report = build_pool(config, executor=_Fragile())
    (reject,) = report.rejects
    assert Path(reject.path).name == "b.png" and reject.reason == "its worker was killed"
    assert len(pool_of(config).photos) == 2


def test_a_measurement_that_kills_its_worker_takes_no_other_along(
    config: BuildPoolConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(MEASUREMENTS, "deadly", lambda _: Collector(Deadly(name="b.png")))
    seen: list[tuple[int, int]] = []
    report = build_pool(
        config, executor=ProcessExecutor(2), on_progress=lambda *now: seen.append(now)
    )
    (reject,) = report.rejects
    assert Path(reject.path).name == "b.png" and "killed, most likely for want" in reject.reason
    noise, kernels, deadly = report.parts
    assert not noise.rejects and not kernels.rejects and deadly.rejects == (reject,)
    assert (kernels.done, deadly.done) == (3, 2) and noise.done > 0
    kinds = Counter(record.kind for record in pool_of(config).measurements)
    assert kinds == {"noise": 3, "kernel": 3, "deadly": 2}
    assert seen == [(done, 3) for done in range(4)]


def test_a_photo_that_is_damaged_beyond_its_header_is_rejected_once(
    tmp_path: Path, config: BuildPoolConfig
) -> None:
    path = tmp_path / "photos" / "b.png"
    data = bytearray(path.read_bytes())
    data[60:2000] = bytes(1940)
    path.write_bytes(bytes(data))
    report = build_pool(config)
    assert [Path(reject.path).name for reject in report.rejects] == ["b.png"]
    for part in report.parts:
        assert [Path(reject.path).name for reject in part.rejects] == ["b.png"]


def test_files_that_are_no_photos_end_the_run_with_the_reason(
    tmp_path: Path, config: BuildPoolConfig
) -> None:
    for name in NAMES:
        (tmp_path / "photos" / name).write_text(name * len(name))
    with pytest.raises(DegradeError, match="no photo can be used, 3 inputs rejected"):
        build_pool(config)
    assert not config.noise.pool.exists()  # a start that fails leaves nothing
    DegradationPool.create(config.noise.pool)
    with pytest.raises(DegradeError, match="no photo can be used, 3 inputs rejected"):
        build_pool(config)
    assert DegradationPool.open(config.noise.pool).photos == ()  # what was there stays


def test_choose_executor_starts_workers_for_long_work_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.executors.available_cores", lambda: 4)
    path = tmp_path / "a.jpg"
    path.write_bytes(b"")
    os.truncate(path, 4_000_000)  # as a camera's photo of 12 megapixels
    file = SourceFile(path, "a.jpg")
    quick = Visit(file, None, (0,), (SpectralMethod(2),), 10**8)
    slow = replace(quick, measurements=(KernelGANMethod(KernelGANConfig(), 0, "cpu"),))
    choose = measure_photos._choose_executor
    assert isinstance(choose([quick]), InProcessExecutor)
    assert isinstance(choose([quick] * 10), ProcessExecutor)
    assert isinstance(choose([slow]), ProcessExecutor)


def test_a_signal_while_findings_are_kept_waits_until_the_pool_has_what_is_counted(
    config: BuildPoolConfig, toy: MeanLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted_first: list[str] = []
    keep = Collector.keep

    def keep_and_be_stopped(
        self: Collector, photo: ScannedPhoto, findings: Findings
    ) -> Findings | None:
        kept = keep(self, photo, findings)
        counted_first.append(photo.sha256)
        os.kill(os.getpid(), signal.SIGINT)
        return kept

    monkeypatch.setattr(Collector, "keep", keep_and_be_stopped)
    report = build_pool(config)
    assert report.interrupted == signal.SIGINT and len(counted_first) == 1
    pool = DegradationPool.open(config.noise.pool)
    assert set(pool.measured(toy.kind, toy.settings)) == set(counted_first)
    done = {part.job: part.done for part in report.parts}
    assert done["extract-noise"] == len(pool.noise) > 0
    assert done["estimate-kernels"] == len(pool.kernels) > 0


def test_build_pool_tells_one_time_for_all_that_was_measured_at_once(
    config: BuildPoolConfig,
) -> None:
    report = build_pool(config)
    head, *lines = report.summary().splitlines()
    assert head.endswith(" s") and report.seconds is not None
    parts = [line for line in lines if line[2] != " "]
    jobs = {line.split(":")[0].strip() for line in parts}
    assert jobs == {"extract-noise", "estimate-kernels"}
    assert not any(line.endswith(" s") for line in parts)
    assert [part["seconds"] for part in report.to_json()["parts"]] == [None, None]
    assert estimate_kernels(config.kernels).seconds is not None
