"""imresize against a reference written as plain loops."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.resample import cubic, imresize, mirror_indices
from tests.rounding import gamma


def keys_cubic(x: float) -> float:
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    if x < 2:
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return 0.0


def resize_line(line: list[float], scale: float, antialias: bool) -> list[float]:
    """Resize one line as MATLAB documents it: pixel centres at 1, 2, …; mirrored borders."""
    stretch = scale if antialias and scale < 1 else 1.0
    result = []
    for number in range(1, math.ceil(len(line) * scale - 1e-9) + 1):
        centre = number / scale + 0.5 * (1 - 1 / scale)
        left = math.floor(centre - 2 / stretch)
        total = weight_sum = 0.0
        for tap in range(left, left + math.ceil(4 / stretch) + 2):
            weight = keys_cubic(stretch * (centre - tap))
            position = tap
            while not 1 <= position <= len(line):
                position = 1 - position if position < 1 else 2 * len(line) + 1 - position
            total += weight * line[position - 1]
            weight_sum += weight
        result.append(total / weight_sum)
    return result


def reference_imresize(
    image: npt.NDArray[np.float64], scale: float, antialias: bool
) -> npt.NDArray[np.float64]:
    rows = np.array([resize_line(list(line), scale, antialias) for line in image.T]).T
    return np.array([resize_line(list(line), scale, antialias) for line in rows])


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(
    ("shape", "scale"),
    [
        ((24, 30), 1 / 2), ((24, 30), 1 / 3), ((24, 32), 1 / 4), ((23, 31), 1 / 2),
        ((25, 31), 1 / 4), ((9, 11), 2.0), ((7, 5), 3.0), ((12, 10), 4.0), ((19, 17), 0.7),
        ((13, 8), 1.3), ((3, 2), 1 / 4), ((1, 1), 2.0), ((10, 10), 1.0),
    ],
)  # fmt: skip
def test_imresize_agrees_with_loops(
    rng: np.random.Generator, shape: tuple[int, int], scale: float, antialias: bool
) -> None:
    image = rng.random(shape)
    expected = reference_imresize(image.astype(np.float32).astype(np.float64), scale, antialias)
    found = imresize(image.astype(np.float32), scale, antialias=antialias)
    assert found.shape == expected.shape and found.dtype == np.float32
    assert np.abs(found - expected).max() < gamma(2) * np.abs(expected).max()


def test_imresize_agrees_with_loops_on_a_photo() -> None:
    data = pytest.importorskip("skimage.data")
    photo = data.astronaut()[100:164, 200:280].astype(np.float32) / 255
    for scale in (1 / 2, 1 / 4, 2.0):
        found = imresize(photo, scale)
        for channel in range(3):
            expected = reference_imresize(photo[..., channel].astype(np.float64), scale, True)
            difference = np.abs(found[..., channel] - expected).max()
            assert difference < gamma(2) * np.abs(expected).max()


def test_imresize_knows_matlabs_numbers() -> None:
    # imresize([0 0 0 0 1 0 0 0 0 0], 0.5) by hand: centres 1.5, 3.5, …; weights cubic(d/2)/2.
    line = np.zeros((1, 10), np.float32)
    line[0, 4] = 1
    taps = [keys_cubic((4 - centre) / 2) / 2 for centre in (0.5, 2.5, 4.5, 6.5, 8.5)]
    np.testing.assert_allclose(
        imresize(np.repeat(line, 2, axis=0), 0.5)[0], taps, rtol=0, atol=gamma(2)
    )


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    scale=st.sampled_from([1 / 4, 1 / 3, 1 / 2, 0.61, 1.0, 1.7, 2.0, 3.0, 4.0]),
    value=st.floats(0, 1),
    antialias=st.booleans(),
)
def test_imresize_keeps_a_constant_image(
    shape: tuple[int, int], scale: float, value: float, antialias: bool
) -> None:
    resized = imresize(np.full(shape, value, np.float32), scale, antialias=antialias)
    assert resized.shape == tuple(math.ceil(round(side * scale, 9)) for side in shape)
    np.testing.assert_allclose(resized, np.float32(value), rtol=gamma(2))


def test_imresize_treats_channels_and_axes_alike_and_leaves_its_input(
    rng: np.random.Generator,
) -> None:
    image = rng.random((18, 26, 3)).astype(np.float32)
    before = image.copy()
    resized = imresize(image, 1 / 2)
    for channel in range(3):
        np.testing.assert_array_equal(resized[..., channel], imresize(image[..., channel], 1 / 2))
    transposed = imresize(image.transpose(1, 0, 2), 1 / 2).transpose(1, 0, 2)
    flipped = imresize(image[::-1, ::-1], 1 / 2)[::-1, ::-1]
    # Sums are taken in float64 and rounded once.
    allowed = gamma(2) * np.abs(resized).max()
    for other in (transposed, flipped):
        np.testing.assert_allclose(other, resized, rtol=0, atol=allowed)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("shape", [(4,), (0, 4), (2, 2, 2, 2)])
def test_imresize_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match="image"):
        imresize(np.zeros(shape, np.float32), 0.5)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_imresize_refuses_other_scales(scale: float) -> None:
    with pytest.raises(InvalidValueError, match="scale"):
        imresize(np.zeros((4, 4), np.float32), scale)


def test_cubic_is_keys_with_a_half() -> None:
    distances = np.linspace(-2.5, 2.5, 101)
    np.testing.assert_allclose(cubic(distances), [keys_cubic(x) for x in distances], atol=1e-12)


@given(st.integers(1, 9), st.integers(-50, 50))
def test_mirror_indices_repeats_the_edge(size: int, position: int) -> None:
    line = np.pad(np.arange(size), 60, mode="symmetric")
    assert mirror_indices(np.array([position]), size)[0] == line[60 + position]
