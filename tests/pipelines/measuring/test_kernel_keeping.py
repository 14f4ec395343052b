"""Doubtful kernels are kept out or marked; photos of one camera share a kernel."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.images.image_io import write_png
from degrade.kernels.metrics import kernel_psnr
from degrade.pool import DegradationPool
from pipelines import EstimateKernelsConfig, estimate_kernels
from pipelines.executors import ProcessExecutor
from pipelines.measuring.estimate_kernels import TooFewPhotosError
from pipelines.measuring.kernel_reports import confidence_text
from tests.degrade.images.test_exif import exif
from tests.pipelines.photographs import take_photo

NOISE = {"clean.png": 0.0, "grainy.png": 4.0, "bad.png": 40.0}


@pytest.fixture
def noisy(tmp_path: Path) -> EstimateKernelsConfig:
    """Return a configuration for one photo with less and more noise."""
    for name, noise in NOISE.items():
        write_png(tmp_path / "noisy" / name, take_photo("one", sigma=1.0, noise=noise))
    return EstimateKernelsConfig(
        sources=(tmp_path / "noisy",), pool=tmp_path / "pool", out_mat=tmp_path / "mat", scale=2
    )


def confidences(path: Path | None) -> dict[str, float]:
    assert path is not None
    return {
        record.provenance.source_name: record.provenance.values["confidence"]
        for record in DegradationPool.open(path).kernels
    }


def mats(config: EstimateKernelsConfig) -> set[str]:
    assert config.out_mat is not None
    return {path.parent.name for path in config.out_mat.rglob("*.mat")}


def test_estimates_carry_confidence_expectation_and_verdicts(
    noisy: EstimateKernelsConfig,
) -> None:
    report = estimate_kernels(noisy)
    found = confidences(noisy.pool)
    assert 0 <= found["bad.png"] < min(found["grainy.png"], found["clean.png"]) <= 1
    assert noisy.pool is not None
    (bad,) = (
        record.provenance
        for record in DegradationPool.open(noisy.pool).kernels
        if record.provenance.source_name == "bad.png"
    )
    assert bad.flags == ("too noisy",)
    assert 10 < bad.values["expected_kpsnr"] < 50
    line = next(line for line in report.lines if line.startswith("bad.png: "))
    assert f"confidence {confidence_text(bad.values['confidence'])} (" in line
    assert f"({bad.values['expected_kpsnr']:.1f} dB expected)" in line
    assert line.endswith("; flagged: too noisy")
    assert any(line.startswith("flagged (too noisy 1): 1 of 3 kernels") for line in report.lines)


def test_min_confidence_keeps_doubtful_kernels_out_until_it_is_lowered(
    tmp_path: Path, noisy: EstimateKernelsConfig
) -> None:
    estimate_kernels(replace(noisy, out_mat=None))
    known = confidences(noisy.pool)
    floor = (known["bad.png"] + min(known["grainy.png"], known["clean.png"])) / 2
    strict = replace(noisy, pool=tmp_path / "pool3", min_confidence=floor)

    report = estimate_kernels(strict)
    assert (report.done, report.exit_code) == (2, 3)
    assert set(confidences(strict.pool)) == {"clean.png", "grainy.png"}
    assert mats(strict) == {"clean", "grainy"}
    (reject,) = report.rejects
    assert Path(reject.path).name == "bad.png"
    assert reject.reason.startswith("confidence 0.")
    assert f"is below {floor:g} (" in reject.reason
    assert "dB expected, too noisy)" in reject.reason
    assert "more light" in reject.remedy and "lower `min_confidence`" in reject.remedy
    (line,) = (tmp_path / "pool3" / "rejects.jsonl").read_text().splitlines()
    assert json.loads(line) == reject.to_json()

    again = estimate_kernels(strict)
    assert (again.done, again.skipped, again.exit_code) == (0, 2, 3)
    rest = estimate_kernels(replace(strict, min_confidence=0))
    assert (rest.done, rest.skipped, rest.exit_code) == (1, 2, 0)
    assert confidences(strict.pool) == known
    assert mats(strict) == {"clean", "grainy", "bad"}


def test_min_confidence_names_doubtful_kernels_that_the_pool_has_already(
    noisy: EstimateKernelsConfig,
) -> None:
    estimate_kernels(replace(noisy, out_mat=None))
    known = confidences(noisy.pool)
    floor = (known["bad.png"] + min(known["grainy.png"], known["clean.png"])) / 2
    report = estimate_kernels(replace(noisy, min_confidence=floor))
    assert (report.done, report.skipped, report.exit_code) == (0, 2, 3)
    (reject,) = report.rejects
    assert "in the pool from an earlier run" in reject.reason and "new `pool`" in reject.remedy
    assert mats(noisy) == {"clean", "grainy"}


@pytest.fixture
def camera(tmp_path: Path) -> EstimateKernelsConfig:
    """Return a configuration for four photos of one camera and one of another."""
    for index in range(4):
        write_png(tmp_path / "src" / f"IMG {index}.png", take_photo(f"p{index}", sigma=0.6))
    write_png(tmp_path / "src" / "other.png", take_photo("other", sigma=1.6))
    return EstimateKernelsConfig(
        sources=(tmp_path / "src",),
        pool=tmp_path / "pool",
        out_mat=tmp_path / "mat",
        scale=2,
        shared=True,
    )


def test_shared_keeps_one_kernel_and_names_the_photo_that_disagrees(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    report = estimate_kernels(camera)
    assert (report.done, report.exit_code) == (1, 0)
    pool = DegradationPool.open(tmp_path / "pool")
    (record,) = pool.kernels
    assert len(pool.photos) == 4, "the one that was left out is not what was measured"
    assert record.provenance.source_name == "4 photos: IMG 0.png, IMG 1.png, IMG 2.png, IMG 3.png"
    assert record.provenance.values["outliers"] == 1
    assert mats(camera) == {"shared"}
    (outlier,) = (line for line in report.lines if "left out" in line)
    assert "other.png, whose sigma is " in outlier and " times as far off as " in outlier
    assert not any(line.startswith("warning") for line in report.lines)
    assert any(line.startswith("shared by 4 of 5 photos: ×2") for line in report.lines)

    separate = replace(camera, shared=False, pool=tmp_path / "each", out_mat=None)
    estimate_kernels(separate)
    each = DegradationPool.open(tmp_path / "each")
    shared = pool.read_kernel(record.id).weights
    distance = {
        one.provenance.source_name: kernel_psnr(each.read_kernel(one.id).weights, shared)
        for one in each.kernels
    }
    assert min(distance, key=lambda name: distance[name]) == "other.png"


def test_shared_is_skipped_for_the_same_photos_and_settings_only(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    estimate_kernels(camera)
    (tmp_path / "mat" / "shared" / "shared_kernel_x2.mat").unlink()
    again = estimate_kernels(camera)
    assert (again.done, again.skipped) == (0, 1)
    assert mats(camera) == {"shared"}
    assert estimate_kernels(replace(camera, min_confidence=1e-9)).skipped == 0
    assert estimate_kernels(replace(camera, shared=False)).done == 5
    write_png(tmp_path / "src" / "IMG 4.png", take_photo("p4", sigma=0.6))
    more = estimate_kernels(camera)
    assert (more.done, more.skipped) == (1, 0)


def test_shared_is_the_same_in_any_number_of_workers(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    estimate_kernels(camera)
    other = replace(camera, pool=tmp_path / "pool3")
    estimate_kernels(other, executor=ProcessExecutor(2))
    ids = [DegradationPool.open(tmp_path / name).kernels[0].id for name in ("pool", "pool3")]
    assert ids[0] == ids[1]


def test_shared_leaves_doubtful_photos_out_before_sharing(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    write_png(tmp_path / "src" / "bad.png", take_photo("p0", sigma=0.6, noise=40))
    estimate_kernels(replace(camera, shared=False, pool=tmp_path / "each"))
    known = confidences(tmp_path / "each")
    bad = known.pop("bad.png")
    assert bad < min(known.values())
    floor = (bad + min(known.values())) / 2
    report = estimate_kernels(replace(camera, min_confidence=floor))
    assert (report.done, report.exit_code) == (1, 3)
    assert [Path(reject.path).name for reject in report.rejects] == ["bad.png"]
    pool = DegradationPool.open(tmp_path / "pool")
    assert {photo.name for photo in pool.photos} == set(known) - {"other.png"}


def test_shared_of_fewer_than_two_photos_says_so_and_keeps_the_reasons(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    for index in range(4):
        flat = np.full((120, 120, 3), 40 + index, np.uint8)
        write_png(tmp_path / "src" / f"IMG {index}.png", flat)
    with pytest.raises(
        TooFewPhotosError, match=r"two photos.*got 1 of 5; .*IMG 0\.png: "
    ) as caught:
        estimate_kernels(camera)
    assert len(caught.value.report.rejects) == 4
    assert len((tmp_path / "pool" / "rejects.jsonl").read_text().splitlines()) == 4
    pool = DegradationPool.open(tmp_path / "pool")
    assert not pool.kernels and not pool.photos and not mats(camera)


def test_shared_warns_of_many_that_disagree_and_of_several_cameras(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    for index in range(2):
        blurred = take_photo(f"blurred {index}", sigma=2.4)
        write_png(tmp_path / "src" / f"blurred {index}.png", blurred)
    for name, model in (("IMG 0", b"One"), ("IMG 1", b"One"), ("IMG 2", b"Two")):
        path = tmp_path / "src" / f"{name}.png"
        data = path.read_bytes()
        block = exif(b"Maker", model)
        chunk = b"eXIf" + block
        crc = zlib.crc32(chunk).to_bytes(4, "big")
        path.write_bytes(data[:33] + len(block).to_bytes(4, "big") + chunk + crc + data[33:])
    warnings = [line for line in estimate_kernels(camera).lines if "warning" in line]
    assert len(warnings) == 2
    # The two of 2.4 LR pixels and the one of 1.6 among four of 0.6.
    assert warnings[0].startswith("warning: 3 of 7 photos disagree with the others")
    assert warnings[1].startswith(
        "warning: the photos are of 2 cameras: Maker One (2), Maker Two (1)"
    )


def test_shared_goes_on_with_single_estimates_of_an_interrupted_run(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    estimate_kernels(replace(camera, pool=tmp_path / "whole"))

    def stop(done: int, _total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    first = estimate_kernels(camera, on_progress=stop)
    assert (first.done, first.exit_code) == (0, 130)
    assert "3 estimates of single photos kept for the next run" in first.lines
    seen: list[int] = []
    second = estimate_kernels(camera, on_progress=lambda done, _total: seen.append(done))
    assert (second.done, second.exit_code, seen[0]) == (1, 0, 3)
    assert "3 estimates of single photos from an earlier run" in second.lines
    ids = [DegradationPool.open(tmp_path / name).kernels for name in ("pool", "whole")]
    assert [record.id for record in ids[0]] == [record.id for record in ids[1]]
    # What is not settled by the shared kernel is no part of the pool.
    assert DegradationPool.open(tmp_path / "pool").verify() == []
    assert len(DegradationPool.open(tmp_path / "pool" / "singles").kernels) == 5


def test_shared_keeps_single_estimates_inside_the_pool(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    assert camera.pool is not None
    DegradationPool.create(camera.pool)
    (tmp_path / "away").mkdir()
    (camera.pool / "singles").symlink_to(tmp_path / "away")
    with pytest.raises(DegradeError, match="leads outside"):
        estimate_kernels(camera)
    assert not list((tmp_path / "away").iterdir())


def test_shared_takes_the_kernels_that_the_pool_has_of_each_photo(
    camera: EstimateKernelsConfig,
) -> None:
    estimate_kernels(replace(camera, shared=False))
    seen: list[int] = []
    report = estimate_kernels(camera, on_progress=lambda done, _total: seen.append(done))
    assert report.done == 1 and seen == [5]
    assert report.lines[-1].startswith("warning: the pool has 5 other kernels of this scale")
    assert camera.pool is not None and not (camera.pool / "singles").exists()


def test_shared_estimates_again_what_is_damaged(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    estimate_kernels(camera)
    damaged = next((tmp_path / "pool" / "singles" / "kernels").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-9])
    write_png(tmp_path / "src" / "IMG 4.png", take_photo("p4", sigma=0.6))
    report = estimate_kernels(camera)
    assert "4 estimates of single photos from an earlier run" in report.lines
    assert DegradationPool.open(tmp_path / "pool" / "singles").verify() == []


def test_a_device_that_is_not_there_leaves_nothing_behind(
    tmp_path: Path, camera: EstimateKernelsConfig
) -> None:
    wrong = replace(camera, method="kernelgan", device="nonsense")
    with pytest.raises(DegradeError, match="device must be cpu or cuda, got 'nonsense'"):
        estimate_kernels(wrong)
    assert not (tmp_path / "pool").exists()


def test_shared_shortens_long_lists_of_names(tmp_path: Path) -> None:
    for index in range(8):
        path = tmp_path / "src" / f"holiday {index} {'x' * 20}.png"
        write_png(path, take_photo(f"p{index}", side=100))
    config = EstimateKernelsConfig(
        sources=(tmp_path / "src",), pool=tmp_path / "pool", scale=2, shared=True
    )
    estimate_kernels(config)
    (record,) = DegradationPool.open(tmp_path / "pool").kernels
    name = record.provenance.source_name
    assert name.startswith("8 photos: holiday 0 x") and name.endswith("…") and len(name) <= 70


def test_facts_of_kernels_have_values_and_summaries_are_of_a_kind_of_their_own(
    noisy: EstimateKernelsConfig,
) -> None:
    report = estimate_kernels(noisy)
    facts = [fact.to_json() for fact in report.facts if fact.kind == "kernel"]
    assert [fact["name"] for fact in facts] == sorted(NOISE)
    assert {fact["name"]: fact["confidence"] for fact in facts} == confidences(noisy.pool)
    assert facts[0]["flags"] == ["too noisy"] and facts[0]["scale"] == 2
    assert facts[0]["sigmas"][0] >= facts[0]["sigmas"][1] > 0
    (flagged,) = (fact for fact in report.facts if fact.kind == "flagged_kernels")
    assert flagged.values == {"kernels": 1, "of": 3, "flags": {"too noisy": 1}}
    assert all(fact.values for fact in report.facts)
    json.dumps(report.to_json(), allow_nan=False)


def test_facts_of_a_shared_kernel_have_values(camera: EstimateKernelsConfig) -> None:
    facts = estimate_kernels(camera).facts
    by_kind = {
        kind: [f.values for f in facts if f.kind == kind] for kind in {f.kind for f in facts}
    }
    assert len(by_kind["kernel"]) == 5
    (shared,) = by_kind["shared_kernel"]
    assert (shared["photos"], shared["of"], shared["name"]) == (4, 5, "shared")
    assert shared.keys() - by_kind["kernel"][0].keys() == {"photos", "of"}
    (outlier,) = by_kind["outlier"]
    assert outlier["name"] == "other.png" and outlier["times_its_error"] > 1
    assert all(fact.values for fact in facts)
