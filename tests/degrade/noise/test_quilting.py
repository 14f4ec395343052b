from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.noise.quilting import quilt_noise
from degrade.noise.residuals import tile_residual


def _grain(seed: int, side: int, blur: float = 0.7) -> FloatArray:
    """Noise as cameras leave it: neighbours and channels agree somewhat."""
    white = np.random.default_rng(seed).standard_normal((side, side, 4))
    mixed = white[..., :3] + white[..., 3:]
    grain = ndimage.gaussian_filter(mixed, (blur, blur, 0), mode="wrap")
    return (grain - grain.mean(axis=(0, 1))).astype(np.float32)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])


@pytest.mark.parametrize(("side", "count"), [(16, 6), (16, 16), (32, 3), (64, 1)])
def test_quilt_noise_keeps_variance_spectrum_and_the_channels_correlation(
    side: int, count: int
) -> None:
    patches = [_grain(seed, side) for seed in range(count)]
    quilt = quilt_noise(patches, 160, 144, 7)
    assert quilt.shape == (160, 144, 3) and quilt.dtype == np.float32
    assert quilt.var() == pytest.approx(np.var(patches), rel=0.15)
    for shift in (1, 2):
        wanted = np.mean([_correlation(p[:, shift:], p[:, :-shift]) for p in patches])
        assert _correlation(quilt[:, shift:], quilt[:, :-shift]) == pytest.approx(wanted, abs=0.06)
    wanted = np.mean([_correlation(p[..., 0], p[..., 1]) for p in patches])
    assert _correlation(quilt[..., 0], quilt[..., 1]) == pytest.approx(wanted, abs=0.06)


def _repetition(noise: FloatArray) -> float:
    """The largest correlation of the noise with itself, moved by more than its grain."""
    power = np.abs(np.fft.fft2(noise[..., 1])) ** 2
    itself = np.fft.ifft2(power).real / power.mean()
    near = np.minimum(np.arange(128), 128 - np.arange(128)) < 5
    return float(np.abs(itself[~np.outer(near, near)]).max())


def test_quilt_noise_does_not_repeat_itself_as_mirroring_does() -> None:
    patch = _grain(0, 16)
    assert _repetition(tile_residual(patch, 0, 0, 128, 128)) > 0.9
    assert _repetition(quilt_noise([patch], 128, 128, 0)) < 0.2


def test_quilt_noise_shows_no_seams() -> None:
    patches = [_grain(seed, 32) for seed in range(4)]
    squares = np.stack([quilt_noise(patches, 96, 96, seed) for seed in range(60)]) ** 2
    rows = squares.mean(axis=(0, 2, 3))
    assert rows.std() / rows.mean() < 0.06


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(8, 40),
    count=st.integers(1, 3),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    seed=st.integers(0, 2**32),
)
def test_quilt_noise_has_any_size(
    side: int, count: int, height: int, width: int, seed: int
) -> None:
    patches = [_grain(number, side) for number in range(count)]
    before = [patch.copy() for patch in patches]
    quilt = quilt_noise(patches, height, width, seed)
    assert quilt.shape == (height, width, 3) and np.isfinite(quilt).all()
    assert np.array_equal(quilt, quilt_noise(patches, height, width, seed))
    assert all(np.array_equal(a, b) for a, b in zip(patches, before, strict=True))
    # Power-complementary weights: no pixel is louder than two crossings of the loudest one.
    assert np.abs(quilt).max() <= 2.001 * max(np.abs(patch).max() for patch in patches)


def test_quilt_noise_gives_the_same_bits_everywhere() -> None:
    patch = (np.arange(16 * 16 * 3) * 37 % 101 - 50).reshape(16, 16, 3).astype(np.float32)
    bits = quilt_noise([patch, -2 * patch], 40, 50, 123).tobytes()
    assert hashlib.sha256(bits).hexdigest()[:16] == "0fb6a5fb37d492ac"


def test_quilt_noise_refuses_patches_of_several_sizes() -> None:
    for patches in ([], [_grain(0, 16), _grain(0, 32)], [_grain(0, 7)]):
        with pytest.raises(InvalidValueError, match="one size"):
            quilt_noise(patches, 9, 9, 0)
