from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import (
    DegradationPlan,
    apply_degradation,
    clean_up,
    hr_boxes,
    make_pair,
    prepare_hr,
)
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.steps import Blur, Residual
from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise, read_photo
from degrade.kernels import BlurKernel, bicubic_kernel, gaussian_kernel, repair_kernel
from degrade.kernels.registration import measure_shift
from degrade.resample import imresize
from degrade.rng import rng_for
from tests.making import PoolInHand


def _plan(box: Any, scale: int = 2, noise: Residual | None = None) -> DegradationPlan:
    return DegradationPlan(
        key="p",
        source_sha256="s",
        clean_up=1,
        hr_box=box,
        scale=scale,
        steps=(Blur("k"),) if noise is None else (Blur("k"), noise),
    )


def _pool(kernel: BlurKernel, residual: Any = None) -> PoolInHand:
    return PoolInHand({"k": kernel}, {} if residual is None else {"n": residual})


def _levels(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def _prepared(hr: np.ndarray, scale: int) -> PreparedImage:
    return PreparedImage(hr, scale, 16)


def _random_kernel(rng: np.random.Generator, scale: int, size: int = 13) -> BlurKernel:
    """Like KernelGAN's: an irregular blob with small negative values, put in phase."""
    base = gaussian_kernel(size, scale, (2.2, 1.2), 0.6).weights.astype(np.float64)
    ragged = base * rng.uniform(0.4, 1.6, base.shape) - 0.002 * rng.random(base.shape)
    return repair_kernel(ragged / ragged.sum(), scale)[0]


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
    residual = (0.1 * rng.standard_normal((30, 30, 3))).astype(np.float32)
    noise = residual[3 : 3 + box[2] // scale, 8 : 8 + box[3] // scale]
    kernel = _random_kernel(rng, scale)
    plan = _plan(box, scale, Residual("n", 3, 8))
    before = [array.copy() for array in (hr, noise, kernel.weights)]
    lr = apply_degradation(_prepared(hr, plan.scale), plan, _pool(kernel, residual))
    assert lr.dtype == np.float32
    assert lr.shape == (box[2] // scale, box[3] // scale, 3)
    assert np.abs(lr - _naive(hr, plan, kernel.weights, noise)).max() < 1e-4
    assert all(map(np.array_equal, before, (hr, noise, kernel.weights)))


def test_apply_degradation_of_patches_equals_that_of_the_whole(rng: np.random.Generator) -> None:
    """Pixels around a patch feed its blur, so patches show no seams."""
    hr = _levels(rng, 48, 60)
    kernel = _random_kernel(rng, 4)
    whole = apply_degradation(_prepared(hr, 4), _plan((0, 0, 48, 60), 4), _pool(kernel))
    for box in hr_boxes(hr.shape, 12, 4):
        top, left = box[0] // 4, box[1] // 4
        if box[0] % 4 or box[1] % 4:
            continue
        part = apply_degradation(_prepared(hr, 4), _plan(box, 4), _pool(kernel))
        assert np.array_equal(part, whole[top : top + 3, left : left + 3])


def test_apply_degradation_refuses_what_the_plan_did_not_ask_for(rng: np.random.Generator) -> None:
    hr = _levels(rng, 16, 16)
    noise = np.zeros((4, 4, 3), np.float32)
    kernel = gaussian_kernel(7, 2, (1, 1))
    for plan, pool in (
        (_plan((0, 0, 8, 8), 2, Residual("n", 0, 0)), _pool(kernel, noise[..., :1])),
        (_plan((0, 0, 8, 8)), _pool(gaussian_kernel(7, 4, (1, 1)))),
        (_plan((0, 0, 8, 18)), _pool(kernel)),
        (_plan((9, 0, 8, 8)), _pool(kernel)),
    ):
        with pytest.raises(InvalidValueError):
            apply_degradation(_prepared(hr, plan.scale), plan, pool)


def test_prepare_hr_reaches_as_far_as_the_largest_kernel(rng: np.random.Generator) -> None:
    kernels = {"k": gaussian_kernel(7, 2, (1, 1)), "l": gaussian_kernel(13, 2, (1, 1))}
    pool, hr = PoolInHand(kernels), _levels(rng, 16, 16)
    other = DegradationPlan(
        key="q", source_sha256="s", clean_up=1, hr_box=(0, 0, 8, 8), scale=2, steps=(Blur("l"),)
    )
    plans = [_plan((0, 0, 8, 8)), other]
    prepared = prepare_hr(hr, plans, pool)
    assert (prepared.reach, prepared.scale) == (6, 2)
    for plan in plans:
        alone = make_pair(prepare_hr(hr, [plan], pool), plan, pool)
        assert np.array_equal(make_pair(prepared, plan, pool).lr_u8, alone.lr_u8)


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
            pair = make_pair(_prepared(hr, scale), _plan((0, 0, 480, 480), scale), _pool(kernel))
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
        lr = apply_degradation(_prepared(hr, scale), _plan((0, 0, 480, 480), scale), _pool(kernel))
        shift = measure_shift(lr, imresize(hr.astype(np.float32), 1 / scale))
        assert max(map(abs, shift)) <= 0.05


def test_measured_shift_would_be_seen(shared_data: Path) -> None:
    """The check above can fail: a kernel half an HR pixel out of phase moves LR by 1/8 pixel."""
    hr = _natural(shared_data)[0]
    plan, pool = _plan((4, 4, 400, 400), 4), _pool(gaussian_kernel(15, 4, (2, 2)))
    lr = apply_degradation(_prepared(hr, 4), plan, pool)
    moved = np.rint((hr.astype(np.float32) + np.roll(hr, 1, axis=0)) / 2).astype(np.uint8)
    other = apply_degradation(_prepared(moved, 4), plan, pool)
    assert measure_shift(other, lr)[0] == pytest.approx(0.125, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([2, 3, 4]))
def test_any_side_becomes_a_pair(height: int, width: int, scale: int) -> None:
    hr = _levels(rng_for(0, height, width), height, width)
    for box in hr_boxes(hr.shape, None, scale):
        pair = make_pair(_prepared(hr, scale), _plan(box, scale), _pool(bicubic_kernel(scale)))
        assert pair.hr_u8.shape == (height - height % scale, width - width % scale, 3)
        assert [side * scale for side in pair.lr_u8.shape[:2]] == list(pair.hr_u8.shape[:2])


def test_make_pair_rounds_once_and_reports_what_clipping_moved(rng: np.random.Generator) -> None:
    hr = np.full((64, 64, 3), 5, np.uint8)
    noise = (8 / 255 * rng.standard_normal((32, 32, 3))).astype(np.float32)
    noise -= noise.mean(axis=(0, 1))
    plan = _plan((0, 0, 64, 64), 2, Residual("n", 0, 0))
    pool = _pool(gaussian_kernel(7, 2, (1, 1)), noise)
    pair = make_pair(_prepared(hr, plan.scale), plan, pool)
    assert pair.clipping_shift == pytest.approx(1.3, abs=0.3)  # 8 φ(5/8) − 5 Φ(−5/8)
    assert pair.lr_u8.mean() == pytest.approx(5 + pair.clipping_shift, abs=0.05)
    lr = apply_degradation(_prepared(hr, plan.scale), plan, pool)
    assert np.array_equal(pair.lr_u8, quantise(lr / 255))
    assert (pair.hr_u8 == 5).all()
    middle = make_pair(_prepared(hr + 120, plan.scale), plan, pool)
    assert abs(middle.clipping_shift) < 1e-4


def test_make_pair_is_the_same_without_compiled_code(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    hr = _levels(rng, 60, 44)
    noise = (0.6 * rng.standard_normal((15, 11, 3))).astype(np.float32)
    noise[0, 0] = (1e6, -1e6, np.float32(0.5 / 255))
    plan, pool = (
        _plan((0, 0, 60, 44), 4, Residual("n", 0, 0)),
        _pool(gaussian_kernel(15, 4, (2, 2)), noise),
    )
    found = make_pair(_prepared(hr, 4), plan, pool)
    monkeypatch.setattr("degrade.degradation.pair.is_compiled", lambda: False)
    plain = make_pair(_prepared(hr, 4), plan, pool)
    np.testing.assert_array_equal(found.lr_u8, plain.lr_u8, strict=True)
    assert found.clipping_shift == plain.clipping_shift != 0


def test_make_pair_takes_hr_from_the_plans_box(rng: np.random.Generator) -> None:
    hr = _levels(rng, 40, 40)
    pool = _pool(gaussian_kernel(7, 2, (1, 1)))
    pair = make_pair(_prepared(hr, 2), _plan((3, 7, 20, 30)), pool)
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
