from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import (
    DegradationConfig,
    DegradationPlan,
    NoiseChoice,
    PoolIndex,
    apply_degradation,
    clean_up,
    hr_boxes,
    make_pair,
    plan_degradation,
)
from degrade.degradation.downsampling import PreparedImage
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.images.image_io import quantise, read_photo
from degrade.kernels import BlurKernel, bicubic_kernel, gaussian_kernel, repair_kernel
from degrade.kernels.registration import measure_shift
from degrade.resample import imresize
from degrade.rng import rng_for

POOL = PoolIndex(("k1", "k2", "k3"), (NoiseChoice("n1", 16), NoiseChoice("n2", 40)))
DRAWN = {"clean_up": 1, "scale": 2, "kernel_id": "k"}


def _plan(box: Any, scale: int = 2, **changes: Any) -> DegradationPlan:
    return DegradationPlan(
        **{**DRAWN, "key": "p", "source_sha256": "s", "hr_box": box, "scale": scale, **changes}
    )


def _levels(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def _prepared(hr: np.ndarray, scale: int) -> PreparedImage:
    return PreparedImage(hr, scale, 16)


def _random_kernel(rng: np.random.Generator, scale: int, size: int = 13) -> BlurKernel:
    """Like KernelGAN's: an irregular blob with small negative values, put in phase."""
    base = gaussian_kernel(size, scale, (2.2, 1.2), 0.6).weights.astype(np.float64)
    ragged = base * rng.uniform(0.4, 1.6, base.shape) - 0.002 * rng.random(base.shape)
    return repair_kernel(ragged / ragged.sum(), scale)[0]


ids = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=20)
sides = st.integers(0, 2**40)
plans = st.builds(
    DegradationPlan,
    key=ids,
    source_sha256=ids,
    clean_up=st.sampled_from([1, 2]),
    hr_box=st.tuples(sides, sides, sides, sides),
    scale=st.integers(2, 16),
    kernel_id=ids,
)


@settings(deadline=None)
@given(plans, st.none() | st.tuples(ids, st.tuples(sides, sides)))
def test_plan_json_round_trips(plan: DegradationPlan, noise: Any) -> None:
    if noise is not None:
        plan = dataclasses.replace(plan, noise_id=noise[0], noise_origin=noise[1])
    text = json.dumps(plan.to_json(), allow_nan=False)
    again = DegradationPlan.from_json(json.loads(text))
    assert again == plan
    assert json.dumps(again.to_json()) == text


GOOD = _plan((0, 4, 8, 6), noise_id="n", noise_origin=(1, 2)).to_json()


@pytest.mark.parametrize("field", sorted(GOOD))
def test_plan_from_json_refuses_missing_fields(field: str) -> None:
    with pytest.raises(CorruptDataError):
        DegradationPlan.from_json({k: v for k, v in GOOD.items() if k != field})


@pytest.mark.parametrize(
    "change",
    [
        {"key": ""},
        {"key": 5},
        {"key": None},
        {"source_sha256": []},
        {"clean_up": 0},
        {"clean_up": True},
        {"clean_up": 1.0},
        {"scale": 1},
        {"scale": "2"},
        {"kernel_id": None},
        {"hr_box": [0, 0, 4]},
        {"hr_box": [0, 0, 4, 4, 4]},
        {"hr_box": [0, 0, 4, -4]},
        {"hr_box": [0, 0, 4, 4.0]},
        {"hr_box": None},
        {"hr_box": "0044"},
        {"noise_id": 3},
        {"noise_id": ""},
        {"noise_origin": [1]},
        {"noise_origin": [1, None]},
        {"noise_origin": [-1, 0]},
        {"noise_origin": None},
        {"noise_id": None},
        {"extra": 1},
    ],
    ids=str,
)
def test_plan_from_json_refuses_tampered_fields(change: Any) -> None:
    with pytest.raises(CorruptDataError, match="not a degradation plan"):
        DegradationPlan.from_json({**GOOD, **change})


@pytest.mark.parametrize("noise", ["bake", "defer", "none"])
def test_plan_degradation_repeats_with_the_same_generator(noise: Any) -> None:
    config = DegradationConfig(scale=2, noise=noise)
    plans = [
        plan_degradation("a", "s", (0, 0, 8, 8), pool, config, rng=rng_for(1, "pairs", "a"))
        for pool in (POOL, PoolIndex(POOL.kernel_ids[::-1], POOL.noise[::-1]))
    ]
    assert plans[0] == plans[1]
    assert (plans[0].noise_id is not None) == (plans[0].noise_origin is not None)
    assert (plans[0].noise_id is not None) == (noise == "bake")


def test_plan_degradation_draws_everything_on_offer() -> None:
    config = DegradationConfig(scale=2)
    drawn = [
        plan_degradation(str(i), "s", (0, 0, 32, 32), POOL, config, rng=rng_for(0, "pairs", i))
        for i in range(400)
    ]
    for name, count in (("kernel_id", 3), ("noise_id", 2)):
        _, shares = np.unique([getattr(plan, name) for plan in drawn], return_counts=True)
        assert len(shares) == count
        assert shares.min() > 400 / count * 0.75
    origins = {plan.noise_origin for plan in drawn if plan.noise_id == "n1"}
    assert origins == {(0, 0)}  # a 16×16 window in a 16×16 residual
    rows = [plan.noise_origin[0] for plan in drawn if plan.noise_id == "n2" and plan.noise_origin]
    assert (min(rows), max(rows)) == (0, 24)


def test_plan_degradation_draws_origins_within_residuals_that_are_too_small() -> None:
    for index in range(50):
        plan = plan_degradation(
            "k", "s", (0, 0, 200, 20), POOL, DegradationConfig(scale=2), rng=rng_for(0, index)
        )
        assert plan.noise_origin is not None
        size = {choice.id: choice.size for choice in POOL.noise}[plan.noise_id or ""]
        assert 0 <= plan.noise_origin[0] < size
        assert 0 <= plan.noise_origin[1] <= size - 10


@pytest.mark.parametrize(
    ("pool", "box"),
    [(PoolIndex(()), (0, 0, 8, 8)), (PoolIndex(("k",)), (0, 0, 8, 8)), (POOL, (0, 0, 8, 7))],
)
def test_plan_degradation_says_what_is_missing(pool: PoolIndex, box: Any) -> None:
    with pytest.raises(InvalidValueError):
        plan_degradation("k", "s", box, pool, DegradationConfig(scale=2), rng=rng_for(0))


@pytest.mark.parametrize("changes", [{"scale": 1}, {"noise": "some"}, {"clean_up": 3}])
def test_config_refuses_bad_settings(changes: Any) -> None:
    with pytest.raises(InvalidValueError, match="got"):
        DegradationConfig(**changes)


def _mirror(index: int, size: int) -> int:
    while not 0 <= index < size:
        index = -1 - index if index < 0 else 2 * size - 1 - index
    return index


def _naive(hr: np.ndarray, plan: DegradationPlan, weights: np.ndarray, noise: Any) -> np.ndarray:
    top, left, height, width = plan.hr_box
    size, scale = weights.shape[0], plan.scale
    lr = np.zeros((height // scale, width // scale, 3))
    for row in range(lr.shape[0]):
        for column in range(lr.shape[1]):
            for i in range(size):
                for j in range(size):
                    y = _mirror(top + row * scale + i - size // 2, hr.shape[0])
                    x = _mirror(left + column * scale + j - size // 2, hr.shape[1])
                    lr[row, column] += float(weights[i, j]) * hr[y, x]
    return lr if noise is None else lr + 255 * noise


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("box", [(0, 0, 12, 12), (7, 5, 12, 12), (12, 24, 24, 12), (0, 0, 36, 36)])
def test_apply_degradation_equals_naive_loops(
    rng: np.random.Generator, scale: int, box: Any
) -> None:
    hr = _levels(rng, 36, 36)
    window = (box[2] // scale, box[3] // scale, 3)
    noise = (0.1 * rng.standard_normal(window)).astype(np.float32)
    kernel = _random_kernel(rng, scale)
    plan = _plan(box, scale, noise_id="n", noise_origin=(3, 8))
    before = [array.copy() for array in (hr, noise, kernel.weights)]
    lr = apply_degradation(_prepared(hr, plan.scale), plan, kernel, noise)
    assert lr.dtype == np.float32
    assert lr.shape == (box[2] // scale, box[3] // scale, 3)
    # 169 taps, each rounded to 2⁻¹⁶ of the kernel's sum.
    assert np.abs(lr - _naive(hr, plan, kernel.weights, noise)).max() < 0.03
    assert all(map(np.array_equal, before, (hr, noise, kernel.weights)))


def test_apply_degradation_of_patches_equals_that_of_the_whole(rng: np.random.Generator) -> None:
    """Pixels around a patch feed its blur, so patches show no seams."""
    hr = _levels(rng, 48, 60)
    kernel = _random_kernel(rng, 4)
    whole = apply_degradation(_prepared(hr, 4), _plan((0, 0, 48, 60), 4), kernel)
    for box in hr_boxes(hr.shape, 12, 4):
        top, left = box[0] // 4, box[1] // 4
        if box[0] % 4 or box[1] % 4:
            continue
        part = apply_degradation(_prepared(hr, 4), _plan(box, 4), kernel)
        assert np.array_equal(part, whole[top : top + 3, left : left + 3])


def test_apply_degradation_refuses_what_the_plan_did_not_ask_for(rng: np.random.Generator) -> None:
    hr = _levels(rng, 16, 16)
    noise = np.zeros((4, 4, 3), np.float32)
    kernel = gaussian_kernel(7, 2, (1, 1))
    with_noise = _plan((0, 0, 8, 8), noise_id="n", noise_origin=(0, 0))
    for plan, other, residual in (
        (_plan((0, 0, 8, 8)), kernel, noise),
        (with_noise, kernel, None),
        (with_noise, kernel, noise[:3]),
        (_plan((0, 0, 8, 8)), gaussian_kernel(7, 4, (1, 1)), None),
        (_plan((0, 0, 8, 18)), kernel, None),
        (_plan((9, 0, 8, 8)), kernel, None),
    ):
        with pytest.raises(InvalidValueError):
            apply_degradation(_prepared(hr, plan.scale), plan, other, residual)


def _natural(shared_data: Path) -> list[np.ndarray]:
    paths = sorted((shared_data / "hr").glob("*.png"))[:3]
    return [read_photo(path).as_u8()[:480, :480] for path in paths]


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_keeps_the_mean_of_natural_images(shared_data: Path, scale: int) -> None:
    rng = rng_for(0, "mean")
    for hr in _natural(shared_data):
        for kernel in (
            gaussian_kernel(15, scale, (2, 1), 0.4),
            bicubic_kernel(scale),
            _random_kernel(rng, scale),
        ):
            pair = make_pair(_prepared(hr, scale), _plan((0, 0, 480, 480), scale), kernel)
            change = pair.lr_u8.mean(axis=(0, 1)) - pair.hr_u8.mean(axis=(0, 1))
            assert np.abs(change).max() < 0.1


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("kind", ["gaussian", "bicubic", "kernelgan"])
def test_lr_is_aligned_with_hr(shared_data: Path, scale: int, kind: str) -> None:
    kernel = {
        "gaussian": gaussian_kernel(15, scale, (2.5, 1.1), 0.7),
        "bicubic": bicubic_kernel(scale),
        "kernelgan": _random_kernel(rng_for(3, "kernel"), scale),
    }[kind]
    for hr in _natural(shared_data):
        lr = apply_degradation(_prepared(hr, scale), _plan((0, 0, 480, 480), scale), kernel)
        shift = measure_shift(lr, imresize(hr.astype(np.float32), 1 / scale))
        assert max(map(abs, shift)) <= 0.05


def test_measured_shift_would_be_seen(shared_data: Path) -> None:
    """The check above can fail: a kernel half an HR pixel out of phase moves LR by 1/8 pixel."""
    hr = _natural(shared_data)[0]
    lr = apply_degradation(
        _prepared(hr, 4), _plan((4, 4, 400, 400), 4), gaussian_kernel(15, 4, (2, 2))
    )
    moved = np.rint((hr.astype(np.float32) + np.roll(hr, 1, axis=0)) / 2).astype(np.uint8)
    other = apply_degradation(
        _prepared(moved, 4), _plan((4, 4, 400, 400), 4), gaussian_kernel(15, 4, (2, 2))
    )
    assert measure_shift(other, lr)[0] == pytest.approx(0.125, abs=0.02)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [None, 12, 24])
def test_hr_boxes_cover_every_side_and_stay_inside(scale: int, size: int | None) -> None:
    for height in range(1, 71):
        width = 71 - height
        boxes = hr_boxes((height, width, 3), size, scale)
        seen = np.zeros((height, width), bool)
        for top, left, rows, columns in boxes:
            assert min(top, left) >= 0
            assert top + rows <= height
            assert left + columns <= width
            assert rows % scale == columns % scale == 0
            assert min(rows, columns) >= scale
            seen[top : top + rows, left : left + columns] = True
        assert len(set(boxes)) == len(boxes)
        if size is None and min(height, width) >= scale:
            assert seen[: height - height % scale, : width - width % scale].all()
        elif size is not None and min(height, width) >= size:
            assert seen.all()
            assert len(boxes) == -(-height // size) * -(-width // size)
        else:
            assert boxes == []


def test_hr_boxes_tile_exactly_where_the_size_divides() -> None:
    assert hr_boxes((24, 48), 24, 4) == [(0, 0, 24, 24), (0, 24, 24, 24)]
    assert hr_boxes((26, 24, 3), None, 4) == [(0, 0, 24, 24)]


@pytest.mark.parametrize("size", [0, 3, 10, -4])
def test_hr_boxes_refuse_sizes_that_the_scale_does_not_divide(size: int) -> None:
    with pytest.raises(InvalidValueError, match="multiple of 4"):
        hr_boxes((64, 64), size, 4)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([2, 3, 4]))
def test_any_side_becomes_a_pair(height: int, width: int, scale: int) -> None:
    hr = _levels(rng_for(0, height, width), height, width)
    for box in hr_boxes(hr.shape, None, scale):
        pair = make_pair(_prepared(hr, scale), _plan(box, scale), bicubic_kernel(scale))
        assert pair.hr_u8.shape == (height - height % scale, width - width % scale, 3)
        assert [side * scale for side in pair.lr_u8.shape[:2]] == list(pair.hr_u8.shape[:2])


def test_make_pair_rounds_once_and_reports_what_clipping_moved(rng: np.random.Generator) -> None:
    hr = np.full((64, 64, 3), 5, np.uint8)
    noise = (8 / 255 * rng.standard_normal((32, 32, 3))).astype(np.float32)
    noise -= noise.mean(axis=(0, 1))
    plan = _plan((0, 0, 64, 64), noise_id="n", noise_origin=(0, 0))
    kernel = gaussian_kernel(7, 2, (1, 1))
    pair = make_pair(_prepared(hr, plan.scale), plan, kernel, noise)
    assert pair.clipping_shift == pytest.approx(1.3, abs=0.3)  # 8 φ(5/8) − 5 Φ(−5/8)
    assert pair.lr_u8.mean() == pytest.approx(5 + pair.clipping_shift, abs=0.05)
    lr = apply_degradation(_prepared(hr, plan.scale), plan, kernel, noise)
    assert np.array_equal(pair.lr_u8, quantise(lr / 255))
    assert (pair.hr_u8 == 5).all()
    middle = make_pair(_prepared(hr + 120, plan.scale), plan, kernel, noise)
    assert abs(middle.clipping_shift) < 1e-4


def test_make_pair_takes_hr_from_the_plans_box(rng: np.random.Generator) -> None:
    hr = _levels(rng, 40, 40)
    pair = make_pair(_prepared(hr, 2), _plan((3, 7, 20, 30)), gaussian_kernel(7, 2, (1, 1)))
    assert np.array_equal(pair.hr_u8, hr[3:23, 7:37])


@pytest.mark.parametrize("shape", [(1, 5, 3), (5, 1, 3), (1, 1, 3)])
def test_clean_up_refuses_what_has_no_half(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match="must have pixels"):
        clean_up(np.zeros(shape, np.uint8), 2)


def test_clean_up_halves_as_imresize_does(rng: np.random.Generator) -> None:
    photo = _levels(rng, 41, 63)
    half = clean_up(photo, 2)
    assert np.array_equal(half, quantise(imresize(photo[:40, :62].astype(np.float32), 0.5) / 255))
    assert np.array_equal(clean_up(photo, 1), photo)


def test_plans_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        _plan((0, 0, 2, 2)).scale = 3  # type: ignore[misc]
