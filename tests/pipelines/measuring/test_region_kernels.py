"""Kernels of regions as a job: into the pool, known again, drawn, told of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.images.image_io import write_png
from degrade.kernels.regions import RegionGrid
from degrade.pool import DegradationPool
from degrade.pool.camera_groups import NAMED
from degrade.pool.region_records import PhotoRegions, radius_curves, region_records
from pipelines import EstimateKernelsConfig, estimate_kernels
from pipelines.executors import ProcessExecutor
from pipelines.pool.fingerprints import FingerprintConfig, write_fingerprint
from pipelines.pool.inspect_pool import inspect_pool
from pipelines.shared.reports import Fact, RunReport
from tests.pipelines.photographs import take_photo, take_soft_cornered

GROWTH = 1.5
PHOTOS = 6


@pytest.fixture(scope="module")
def soft_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("soft")
    for number in range(PHOTOS):
        photo = take_soft_cornered(f"soft {number}", growth=GROWTH)
        if number == 0:
            photo[:150, :190] = 250  # a sky in the first region
        write_png(folder / f"{number}.png", photo)
    return folder


@pytest.fixture
def config(tmp_path: Path, soft_photos: Path) -> EstimateKernelsConfig:
    return EstimateKernelsConfig(
        sources=(soft_photos,), pool=tmp_path / "pool", scale=2, regions=RegionGrid(3, 3)
    )


@pytest.fixture
def one(config: EstimateKernelsConfig, soft_photos: Path) -> EstimateKernelsConfig:
    return replace(config, sources=(soft_photos / "0.png",))


def pool_of(config: EstimateKernelsConfig) -> DegradationPool:
    assert config.pool is not None
    return DegradationPool.open(config.pool)


def facts(report: RunReport, kind: str) -> list[Fact]:
    return [fact for fact in report.facts if fact.kind == kind]


def test_regions_are_in_the_pool_with_their_places(one: EstimateKernelsConfig) -> None:
    report = estimate_kernels(one)
    pool = pool_of(one)
    assert (report.done, len(pool.kernels), report.exit_code) == (8, 8, 0)
    ((record, found),) = region_records(pool)
    assert [(r.row, r.column) for r in found.regions if r.reason] == [(1, 1)]
    assert found.regions[0].reason == "flat" and found.regions[0].sigma is None
    assert record.settings["regions"] == [3, 3] and len(record.objects or ()) == 8
    places = set()
    for kernel in pool.kernels:
        known = kernel.provenance
        assert known.source_name == "0.png" and known.source_sha256 == record.photo
        assert known.box is not None and known.box[2] < 160
        places.add((known.values["row"], known.values["column"], known.values["radius"]))
    wanted = [(r.row, r.column, r.radius) for r in RegionGrid(3, 3).regions(304, 400)]
    assert places == set(wanted[1:])
    (fact,) = facts(report, "kernel_regions")
    assert fact.words.startswith("0.png: ×2, 3×3 regions, 8 tell; sigma – ")
    assert "cannot tell: flat 1" in fact.words
    assert json.loads(json.dumps(fact.values))["regions"][4]["radius"] == 0


def test_the_pool_knows_the_camera_of_photos_with_kernels_of_regions(
    config: EstimateKernelsConfig, soft_photos: Path
) -> None:
    """Recipes draw what is of the camera of a kernel, whichever command has measured it."""
    estimate_kernels(replace(config, camera="mine"))
    known = pool_of(config).drawn_values("camera")
    assert {record.photo for record in known} == {
        kernel.provenance.source_sha256 for kernel in pool_of(config).kernels
    }
    assert len(known) == PHOTOS and {record.values[NAMED] for record in known} == {"mine"}
    again = estimate_kernels(replace(config, camera="other"))
    assert again.done == 0
    assert {r.values[NAMED] for r in pool_of(config).drawn_values("camera")} == {"other"}


def test_width_by_radius_follows_what_was_planted(config: EstimateKernelsConfig) -> None:
    report = estimate_kernels(config)
    (curve,) = radius_curves(pool_of(config)).values()
    assert (curve.reference, curve.photos) == (0, PHOTOS)
    for ring in curve.told:
        assert ring.radius is not None and ring.interval is not None
        assert ring.ratio == pytest.approx(1 + GROWTH * ring.radius**2, rel=0.15)
    assert curve.told[-1].interval is not None and curve.told[-1].interval[0] > 1.2
    (fact,) = facts(report, "width_by_radius")
    assert fact.words.startswith("width by radius, unknown camera ×2: ")
    shown = inspect_pool(pool_of(config).path)
    assert fact.words in shown.lines()
    values = json.loads(json.dumps(shown.to_json()))["width_by_radius"]
    assert values == [json.loads(json.dumps(dict(fact.values)))]
    assert any("row 3, column 1, at 0.67 of the half diagonal" in line for line in shown.lines())


def test_too_few_photos_tell_no_curve(one: EstimateKernelsConfig) -> None:
    (fact,) = facts(estimate_kernels(one), "no_width_by_radius")
    assert "cannot be told of unknown camera ×2: 6 photos must tell" in fact.words
    even = replace(one, regions=RegionGrid(2, 2), pool=one.pool and one.pool / "even")
    (fact,) = facts(estimate_kernels(even), "no_width_by_radius")
    assert (
        "equally far from the middle; use more: `degrade estimate-kernels regions=3x3`"
        in fact.words
    )


def test_the_pool_has_the_same_bytes_in_any_number_of_workers(
    tmp_path: Path, config: EstimateKernelsConfig
) -> None:
    other = replace(config, pool=tmp_path / "other")
    estimate_kernels(config)
    estimate_kernels(other, executor=ProcessExecutor(2))
    one, two = (
        {k.id: (k, pool.read_kernel(k.id).weights.tobytes()) for k in pool.kernels}
        for pool in map(pool_of, (config, other))
    )
    assert one == two and len(one) == 9 * PHOTOS - 1
    assert pool_of(config).measurements == pool_of(other).measurements
    assert pool_of(config).digest(2) == pool_of(other).digest(2)


def test_known_regions_are_not_measured_again(one: EstimateKernelsConfig) -> None:
    estimate_kernels(one)
    index = pool_of(one).path / "index.jsonl"
    before = index.read_bytes()
    again = estimate_kernels(one)
    assert (again.done, again.skipped, index.read_bytes()) == (0, 8, before)


@pytest.mark.parametrize("second", [RegionGrid(2, 2), None])
def test_other_regions_in_one_pool_are_said(
    one: EstimateKernelsConfig, second: RegionGrid | None
) -> None:
    assert not facts(estimate_kernels(one), "mixed_kernels")
    (fact,) = facts(estimate_kernels(replace(one, regions=second)), "mixed_kernels")
    assert "8 of 3×3 regions" in fact.words and "give a new `pool`" in fact.words
    assert ("of 2×2 regions" in fact.words) is (second is not None)
    assert ("1 of whole photos or files" in fact.words) is (second is None)
    index = pool_of(one).index(2)
    assert len(index.kernels_by_photo) == 1, "all of one photo still have one chance"
    (_, found), *more = region_records(pool_of(one))
    assert not more and found.grid == RegionGrid(3, 3), "the finest grid is shown"


def test_regions_that_are_less_sure_are_left_out_and_taken_later(
    one: EstimateKernelsConfig,
) -> None:
    estimate_kernels(one)
    confidences = sorted(k.provenance.values["confidence"] for k in pool_of(one).kernels)
    floor = (confidences[2] + confidences[3]) / 2
    picky = replace(one, min_confidence=floor, pool=one.pool and one.pool.parent / "picky")
    report = estimate_kernels(picky)
    assert report.done == len(pool_of(picky).kernels) == 5
    assert f"cannot tell: confidence below {floor:g} 3, flat 1" in report.lines[0]
    assert estimate_kernels(picky).skipped == 5
    assert estimate_kernels(replace(picky, min_confidence=0.0)).done == 8
    assert len(pool_of(picky).kernels) == 8
    (reject,) = estimate_kernels(replace(picky, min_confidence=floor)).rejects
    assert reject.reason.startswith("3 kernels of its regions, of confidence below")
    none = replace(one, min_confidence=1.0, pool=one.pool and one.pool.parent / "none")
    (reject,) = estimate_kernels(none).rejects
    assert reject.reason == "none of its regions tells: confidence below 1 8, flat 1"
    assert "lower `min_confidence`" in reject.remedy and pool_of(none).kernels == ()


def test_a_photo_with_many_regions_weighs_as_much_as_others(
    tmp_path: Path, one: EstimateKernelsConfig
) -> None:
    estimate_kernels(one)
    for number in range(3):
        write_png(tmp_path / "more" / f"{number}.png", take_photo(f"more {number}", side=120))
    estimate_kernels(replace(one, sources=(tmp_path / "more",), regions=None))
    index = pool_of(one).index(2)
    assert sorted(map(len, index.kernels_by_photo)) == [1, 1, 1, 8]
    write_fingerprint(FingerprintConfig(pool=pool_of(one).path, out=tmp_path / "camera.json"))
    made = DegradationPool.open(tmp_path / "camera.json").index(2)
    assert sorted(map(len, made.kernels_by_photo)) == [1, 1, 1, 8]


def test_small_photos_are_named_with_the_finest_grid(
    tmp_path: Path, config: EstimateKernelsConfig
) -> None:
    write_png(tmp_path / "small" / "a.png", take_photo("a", side=200))
    small = replace(config, sources=(tmp_path / "small",))
    report = estimate_kernels(small)
    (reject,) = report.rejects
    assert "220×200 pixels are too few for 3×3 regions" in reject.reason
    assert reject.remedy == "use `regions=2x2` at the most, or larger photos"


def test_a_photo_none_of_whose_regions_tells_is_rejected(
    tmp_path: Path, config: EstimateKernelsConfig
) -> None:
    slope = np.linspace(60, 180, 400)[None, :, None] * np.ones((300, 1, 3))
    write_png(tmp_path / "flat" / "a.png", slope.astype(np.uint8))
    (reject,) = estimate_kernels(replace(config, sources=(tmp_path / "flat",))).rejects
    assert reject.reason == "none of its 3×3 regions tells a kernel: too smooth 9"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"shared": True}, "`shared`"),
        ({"out_mat": Path("mats")}, "`out_mat`"),
        ({"method": "kernelgan"}, "KernelGAN takes one kernel"),
    ],
)
def test_settings_that_want_one_kernel_are_refused(
    config: EstimateKernelsConfig, changes: dict[str, object], text: str
) -> None:
    with pytest.raises(InvalidValueError, match="regions") as caught:
        replace(config, **changes)  # type: ignore[arg-type]
    assert text in str(caught.value)


def test_one_region_is_the_whole_photo(config: EstimateKernelsConfig) -> None:
    assert replace(config, regions=RegionGrid(1, 1)) == replace(config, regions=None)


def test_from_record_reads_nothing_that_was_changed(one: EstimateKernelsConfig) -> None:
    estimate_kernels(one)
    ((record, found),) = region_records(pool_of(one))
    assert PhotoRegions.from_record(record) == found
    values = dict(record.values)
    for name, bad in (("rows", 2), ("rows", 99), ("regions", []), ("regions", "x"), ("more", 1)):
        changed = msgspec.structs.replace(record, values={**values, name: bad})
        assert PhotoRegions.from_record(changed) is None
    fewer = msgspec.structs.replace(record, objects=(record.objects or ())[1:])
    assert PhotoRegions.from_record(fewer) is None
    other = msgspec.structs.replace(record, settings={**record.settings, "scale": "x"})
    assert PhotoRegions.from_record(other) is None
