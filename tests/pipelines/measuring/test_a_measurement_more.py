"""A measurement more is one row: old pools, settings, reports."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from degrade.degradation.index import Measured, PoolIndex
from degrade.pool import Findings
from pipelines import (
    BuildPoolConfig,
    build_pool,
)
from pipelines.measuring.collector import Collector
from pipelines.pool.inspect_pool import inspect_pool
from pipelines.pool.measurements import MEASUREMENTS
from pipelines.shared.photo_scan import OpenPhoto
from tests.pipelines.measuring.counting import Calls, pool_of
from tests.pipelines.measuring.toy import MeanLevel


def test_a_measurement_more_is_one_row_and_measures_an_old_pool_for_itself_alone(
    config: BuildPoolConfig, calls: Calls, request: pytest.FixtureRequest
) -> None:
    build_pool(config)
    before = pool_of(config)
    digest, offered = before.digest(2), before.index(2)
    assert offered.measured == {} and len(before.measurements) == 6
    calls.clear()
    toy = request.getfixturevalue("toy")

    report = build_pool(config)
    assert (calls["kernels"], calls["noise"], calls["decodes"]) == (0, 0, 2)
    (part,) = [part for part in report.parts if part.job == "measure mean-level"]
    assert (part.done, part.skipped) == (2, 0) and part.lines[0].startswith("b.png: level ")
    assert part.lines[0].endswith("; confidence 0.50")
    (reject,) = report.rejects
    assert Path(reject.path).name == "a.png" and reject.reason == "too narrow for a mean"

    pool = pool_of(config)
    measured = pool.measured("mean-level", toy.settings)
    names = {photo.sha256: photo.name for photo in pool.photos}
    assert {names[sha256] for sha256 in measured} == {"b.png", "c.png"}
    index = pool.index(2)
    assert (index.kernel_ids, index.noise) == (offered.kernel_ids, offered.noise)
    assert index.measured == {
        "mean-level": tuple(
            Measured(sha256, record.values) for sha256, record in sorted(measured.items())
        )
    }
    assert pool.digest(2) != digest, "plans may draw more than they did"

    calls.clear()
    assert build_pool(config).parts[-1].skipped == 2
    assert calls["decodes"] == 0


def test_a_measurement_more_is_inspected(config: BuildPoolConfig, toy: MeanLevel) -> None:
    build_pool(config)
    found = inspect_pool(config.noise.pool)
    lines = found.lines()
    start = lines.index("mean-level (2):")
    assert all(" level " in line for line in lines[start + 1 : start + 3])
    data = json.loads(json.dumps(found.to_json()))
    (values, _) = [r["values"] for r in data["measurements"] if r["kind"] == toy.kind]
    assert 0 < values["level"] < 255
    assert data["photos"][0]["format"] == "png" and data["photos"][0]["bit_depth"] == 8


def test_a_measurement_that_needs_no_pixels_decodes_nothing(
    monkeypatch: pytest.MonkeyPatch, config: BuildPoolConfig, calls: Calls
) -> None:
    def measure_header(self: MeanLevel, photo: OpenPhoto) -> Findings:
        values = {"bit depth": photo.header.bit_depth}
        return Findings(kind=self.kind, settings=self.settings, values=values)

    monkeypatch.setattr(MeanLevel, "measure", measure_header)
    monkeypatch.setitem(MEASUREMENTS, "mean-level", lambda _: Collector(MeanLevel()))
    for kind in ("noise", "kernel"):
        monkeypatch.delitem(MEASUREMENTS, kind)
    assert build_pool(config).done == 3
    assert (calls["reads"], calls["parses"], calls["decodes"]) == (3, 3, 0)


class Above(MeanLevel):
    """Finds another level for other settings."""

    def measure(self, photo: OpenPhoto) -> Findings:
        level = photo.photo.pixels.mean() - self.least
        return Findings(kind=self.kind, settings=self.settings, values={"level": float(level)})


def test_settings_that_are_asked_for_again_count_again(
    config: BuildPoolConfig, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offered(least: int) -> PoolIndex:
        row: Callable[[BuildPoolConfig], Collector] = lambda _: Collector(  # noqa: E731
            Above(least=least)
        )
        monkeypatch.setitem(MEASUREMENTS, "mean-level", row)
        build_pool(config)
        return pool_of(config).index(2, ["mean-level"])

    first, second = offered(100), offered(101)
    assert first.measured["mean-level"] != second.measured["mean-level"]
    index = config.noise.pool / "index.jsonl"
    calls.clear()
    assert offered(100) == first and calls["decodes"] == 0
    before = index.read_bytes()
    assert offered(100) == first and index.read_bytes() == before
    assert offered(101) == second
