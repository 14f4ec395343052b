"""Steps that were left to training are the steps of a plan, made by the code that builds pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.degradation import (
    DegradationPlan,
    Pair,
    apply_degradation,
    clean_up,
    make_pair,
    prepare_hr,
)
from degrade.degradation.steps import Residual, Rounding
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.noise import NoisePatch
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, NoiseRecord
from degrade.rng import rng_for
from esrgan.data import NoiseSource, PairDataset
from pipelines import BuildPairsConfig, build_pairs
from tests.making import fill_pool, make_scene

SCALE = 2


def whole_levels(mean: int) -> U8Array:
    """Return noise whose mean is a whole level in each channel."""
    pixels = np.rint(rng_for(0, "whole levels").normal(mean, 3, (64, 64, 3))).astype(np.uint8)
    for channel in range(3):
        plane = pixels[..., channel].reshape(-1)
        missing = mean * plane.size - int(plane.sum(dtype=np.int64))
        plane[: abs(missing)] += np.uint8(np.sign(missing) % 256)
        pixels[..., channel] = plane.reshape(64, 64)
    return pixels


@pytest.fixture(scope="module")
def deferred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with pairs whose noise was deferred, their photos and pool."""
    folder = tmp_path_factory.mktemp("deferred")
    (folder / "hr").mkdir()
    for name in ("a", "b"):
        write_png(folder / "hr" / f"{name}.png", quantise(make_scene(name, 300, 260)))
    pool = fill_pool(folder / "pool", means=tuple(120 + (n + 0.5) / 16 for n in range(16)))
    with pool.writing():
        patch = NoisePatch(whole_levels(120), 9.0, 120.0, "by hand", (0, 0, 64, 64))
        pool.add_noise(patch, pool.noise[0].provenance)
    build_pairs(
        BuildPairsConfig(
            pool=folder / "pool",
            hr=(folder / "hr",),
            out=folder / "pairs",
            scale=SCALE,
            hr_size=128,
            noise="defer",
            model_error="none",
            omitted=("linear-light",),
            clean_up=2,
        )
    )
    return folder


def noise_of(folder: Path, *, whole: bool) -> list[NoiseRecord]:
    """Return the noise patches whose means are whole levels, or those whose are not."""
    noise = DegradationPool.open(folder / "pool").noise
    return [n for n in noise if np.array_equal(n.means, np.rint(n.means)) == whole]


def pair_of(folder: Path, plan: DegradationPlan) -> tuple[Pair, FloatArray]:
    """Return what building makes of a plan, and LR before it is rounded."""
    photo = read_photo(folder / "hr" / f"{plan.key[0]}.png").as_u8()
    pool = DegradationPool.open(folder / "pool")
    hr = prepare_hr(clean_up(photo, plan.clean_up), [plan], pool)
    return make_pair(hr, plan, pool), apply_degradation(hr, plan, pool)


def baked(plan: DegradationPlan) -> DegradationPlan:
    """Return the plan without the rounding in between."""
    steps = tuple(step for step in plan.steps if not isinstance(step, Rounding))
    return replace(plan, steps=steps)


def test_training_sees_what_building_makes_of_the_completed_plan(deferred: Path) -> None:
    dataset = PairDataset(deferred / "pairs", hr_patch=64, seed=4, augment=False)
    kinds = set()
    for key in [(epoch, index) for epoch in range(3) for index in range(len(dataset))]:
        plan = dataset.read_plan(key)
        kinds.add(tuple(step.kind for step in plan.steps))
        pair, _ = pair_of(deferred, plan)
        lr, hr = (side.permute(1, 2, 0).numpy() for side in dataset[key])
        assert np.array_equal(lr, pair.lr_u8) and np.array_equal(hr, pair.hr_u8)
        assert DegradationPlan.from_json(plan.to_json()) == plan
    assert kinds == {("blur", "rounding", "window", "residual")}


def test_model_error_is_left_to_training_and_equals_the_completed_plan(deferred: Path) -> None:
    pairs = deferred / "with-model-error"
    build_pairs(
        BuildPairsConfig(
            pool=deferred / "pool",
            hr=(deferred / "hr",),
            out=pairs,
            scale=SCALE,
            hr_size=128,
            noise="defer",
        )
    )
    dataset = PairDataset(pairs, hr_patch=64, seed=4, augment=False)
    without = PairDataset(deferred / "pairs", hr_patch=64, seed=4, augment=False)
    assert dataset.fingerprint != without.fingerprint
    errors = []
    for key in [(epoch, index) for epoch in range(2) for index in range(len(dataset))]:
        plan = dataset.read_plan(key)
        kinds = [step.kind for step in plan.steps]
        assert kinds == ["blur", "linear-light", "rounding", "window", "model-error", "residual"]
        pair, levels = pair_of(deferred, plan)
        lr, hr = (side.permute(1, 2, 0).numpy() for side in dataset[key])
        assert np.array_equal(lr, pair.lr_u8) and np.array_equal(hr, pair.hr_u8)
        errors.append(levels - pair_of(deferred, baked(plan))[1])
    # Rounding in between costs 1/12 level², and next to nothing through the gradient.
    assert float(np.var(np.stack(errors))) == pytest.approx(1 / 12, rel=0.06)


def as_version_2(run: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a run as it was when its settings did not hold the recipe."""
    settings = {name: value for name, value in run["settings"].items() if name != "recipe"}
    return {**run, "settings": {**settings, "version": 2, **changes}}


def test_size_of_a_model_error_of_earlier_runs_must_be_one(deferred: Path, tmp_path: Path) -> None:
    with open_pairs(deferred / "pairs") as reader:
        run = dict(reader.run)
    for wrong in (5, "auto", [1.0], [1.0, None], ["1", "2"], {"a": 1}, None):
        with pytest.raises(CorruptDataError, match="'model_error' must be 'none' or two numbers"):
            NoiseSource.of_run(as_version_2(run, model_error=wrong), tmp_path, None, SCALE)
    for wrong in ([1e9, 0.0], [float("nan"), 0.0]):
        with pytest.raises(CorruptDataError, match="model_error must be of 0 to 64"):
            NoiseSource.of_run(as_version_2(run, model_error=wrong), tmp_path, None, SCALE)
    for size, kinds in (([2.0, 0.5], ["model-error", "residual"]), ("none", ["residual"])):
        source = NoiseSource.of_run(as_version_2(run, model_error=size), tmp_path, None, SCALE)
        assert source is not None and [entry.kind for entry in source.entries] == kinds
    oldest = NoiseSource.of_run(as_version_2(run), tmp_path, None, SCALE)
    assert oldest is not None and [entry.kind for entry in oldest.entries] == ["residual"]


def test_completed_plan_differs_from_baking_as_whole_levels_must(deferred: Path) -> None:
    """What whole levels cannot hold is a fraction u of LR, spread evenly within ±1/2.

    A residual has whole levels less its mean. rint(u + noise) and rint(noise) then differ with the
    probability |f|, f being the fraction of that mean: 1/4 where the means are spread evenly too.
    The variance of LR is larger by that of u: 1/12.
    """
    dataset = PairDataset(deferred / "pairs", hr_patch=64, seed=4, augment=False)
    plans = [dataset.read_plan((0, index)) for index in range(len(dataset))]
    shares, errors = [], []
    for record in noise_of(deferred, whole=False):
        moved = []
        for plan in plans:
            completed = replace(plan, steps=(*plan.steps[:3], Residual(record.id, 3, 5)))
            trained, levels = pair_of(deferred, completed)
            direct, exact = pair_of(deferred, baked(completed))
            moved.append(trained.lr_u8.astype(int) - direct.lr_u8)
            errors.append(levels - exact)
        assert np.abs(moved).max() <= 1
        share = np.mean(np.array(moved) != 0, axis=(0, 1, 2))
        fractions = np.abs(record.means - np.rint(record.means))
        # 8 × 32² pixels: four standard errors of a share are 0.022.
        assert np.abs(share - fractions).max() < 0.022
        shares.append(share)
    assert np.mean(shares) == pytest.approx(0.25, abs=0.01)
    assert float(np.var(np.stack(errors))) == pytest.approx(1 / 12, rel=0.02)


def test_noise_of_whole_levels_makes_deferring_equal_to_baking(deferred: Path) -> None:
    """Exactly so, except where the blur gives a half: rint takes 1/2 to 0, but 3/2 to 2."""
    (noise_id,) = (record.id for record in noise_of(deferred, whole=True))
    dataset = PairDataset(deferred / "pairs", hr_patch=64, seed=4, augment=False)
    halves = pixels = 0
    for key in [(0, index) for index in range(len(dataset))]:
        plan = dataset.read_plan(key)
        plan = replace(plan, steps=(*plan.steps[:3], Residual(noise_id, 3, 5)))
        trained, _ = pair_of(deferred, plan)
        direct, _ = pair_of(deferred, baked(plan))
        _, blurred = pair_of(deferred, replace(plan, steps=(plan.steps[0], plan.steps[2])))
        is_half = blurred - np.floor(blurred) == 0.5
        assert blurred.min() > 0 and blurred.max() < 255  # nothing is clipped in between
        assert np.array_equal(trained.lr_u8[~is_half], direct.lr_u8[~is_half])
        halves, pixels = halves + int(is_half.sum()), pixels + is_half.size
    assert halves < pixels / 1000


def _as_it_was(lr_u8: U8Array, residual: FloatArray) -> U8Array:
    """Add noise on the [0, 1] scale, as the first version did."""
    noisy: AnyArray = lr_u8.astype(np.float32) / np.float32(255) + residual
    return np.rint(np.clip(noisy * np.float32(255), 0, 255)).astype(np.uint8)


def test_arithmetic_in_grey_levels_moves_next_to_no_sample(deferred: Path) -> None:
    """Against the first version, only where level and noise add up to a half of a level."""
    pool = DegradationPool.open(deferred / "pool")
    noise = PairDataset(deferred / "pairs", hr_patch=64, seed=4).noise
    assert noise is not None
    moved = pixels = 0
    for number in range(100):
        rng = rng_for(0, "arithmetic", number)
        lr = rng.integers(0, 256, (48, 48, 3), np.uint8)
        (step,) = noise.draw((48, 48), rng)
        assert isinstance(step, Residual)
        window = pool.read_residual_crop(step.noise_id, step.top, step.left, 48, 48)
        moved += int((noise.apply(lr, (step,)) != _as_it_was(lr, window)).sum())
        pixels += lr.size
    assert moved <= pixels / 10_000


def test_what_was_left_to_training_must_be_known(deferred: Path, tmp_path: Path) -> None:
    with open_pairs(deferred / "pairs") as reader:
        run = dict(reader.run)
    with pytest.raises(CorruptDataError, match="no step 'haze'"):
        NoiseSource.of_run(as_version_2(run, further=["haze"]), tmp_path, None, SCALE)
    for wrong in (5, "jpeg", [1], {"a": 1}):
        with pytest.raises(CorruptDataError, match="'further' must be a list of names"):
            NoiseSource.of_run(as_version_2(run, further=wrong), tmp_path, None, SCALE)
    source = NoiseSource.of_run(as_version_2(run, further=["rounding"]), tmp_path, None, SCALE)
    assert source is not None and [e.kind for e in source.entries] == ["residual", "rounding"]
    for recipe in (5, {}, {"steps": [{"kind": "haze"}]}, {"steps": [{"kind": "residual"}]}):
        settings = {**run["settings"], "recipe": recipe}
        with pytest.raises(CorruptDataError):
            NoiseSource.of_run({**run, "settings": settings}, tmp_path, None, SCALE)


def test_samples_of_baked_pairs_have_no_plan_of_their_own(x2_pairs: Path) -> None:
    with pytest.raises(InvalidValueError, match="no step of its plan was left to training"):
        PairDataset(x2_pairs, hr_patch=32, seed=0).read_plan((0, 0))
