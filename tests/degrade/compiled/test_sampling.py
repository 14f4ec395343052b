from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.arrays import FloatArray, U8Array
from degrade.compiled import loading
from degrade.compiled.sampling import SamplingForm, sample, sample_and_tell
from degrade.resample import mirror_indices

_UNITS = (0.25, 2.0**-20)


def _sample(
    image_u8: U8Array,
    coarse: FloatArray,
    fine: FloatArray,
    places: tuple[int, list[int]],
    box: tuple[int, int, int, int],
    form: SamplingForm = SamplingForm.BEST,
) -> FloatArray:
    units = np.broadcast_to(np.array(_UNITS), (*coarse.shape[:2], 2))
    return sample(image_u8, coarse, fine, units, places, box, form=form)


def _by_definition(
    image_u8: U8Array,
    coarse: FloatArray,
    fine: FloatArray,
    places: tuple[int, list[int]],
    box: tuple[int, int, int, int],
) -> np.ndarray:
    top, left, rows, columns = box
    step, starts = places
    found = np.empty((rows, columns, image_u8.shape[2]), np.float32)
    for y, x in np.ndindex(rows, columns):
        (down, row), (right, column) = divmod(y, len(starts)), divmod(x, len(starts))
        first = (top + step * down + starts[row], left + step * right + starts[column])
        size = np.arange(coarse.shape[2])
        seen = image_u8[
            mirror_indices(first[0] + size, image_u8.shape[0])[:, None],
            mirror_indices(first[1] + size, image_u8.shape[1]),
        ].astype(np.int64)
        sums = [
            np.einsum("ij,ijc->c", taps[row, column].astype(np.int64), seen - 128)
            for taps in (coarse, fine)
        ]
        found[y, x] = sums[0] * _UNITS[0] + sums[1] * _UNITS[1] + 128
    return found


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 90),
    channels=st.sampled_from([1, 3, 4]),
    size=st.integers(1, 30),
    step=st.integers(1, 9),
    every=st.integers(1, 4),
    sums=st.tuples(st.integers(1, 6), st.integers(1, 40)),
    place=st.tuples(st.integers(-70, 40), st.integers(-70, 90)),
    seed=st.integers(0, 10**6),
)
def test_sample_equals_integer_arithmetic(
    height: int,
    width: int,
    channels: int,
    size: int,
    step: int,
    every: int,
    sums: tuple[int, int],
    place: tuple[int, int],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels), np.uint8)
    coarse, fine = rng.integers(-60, 90, (2, every, every, size, size)).astype(np.float32)
    for taps in (coarse, fine):
        taps[rng.random(taps.shape) < 0.4] = 0
    starts = sorted(int(n) for n in rng.integers(0, step, every))
    box = (*place, *(count * every for count in sums)) if every > 1 else (*place, *sums)
    wanted = _by_definition(image, coarse, fine, (step, starts), box)
    for form in SamplingForm:
        found = _sample(image, coarse, fine, (step, starts), box, form)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("unit", [2.0**-16, 2.0**-13])
@pytest.mark.parametrize("finer", [2.0**-28, 2.0**-26, 2.0**-17, 0.0, 0.125])
@pytest.mark.parametrize("largest", [3, 300, 9_000, 60_000, 131_000])
def test_sample_has_the_same_bits_in_all_forms(unit: float, finer: float, largest: int) -> None:
    """Taps of all sizes up to those that float32 just holds, and pixels at both ends."""
    rng = np.random.default_rng(largest)
    image = rng.choice(np.array([0, 1, 127, 128, 254, 255], np.uint8), (60, 90, 3))
    image[:30, :50] = 0  # the largest sums
    coarse = np.zeros((1, 1, 9, 9), np.float32)
    coarse[0, 0, rng.integers(0, 9, 5), rng.integers(0, 9, 5)] = rng.integers(-largest, largest, 5)
    coarse[0, 0, 4, 4] += largest
    coarse *= min(1, 131_000 / np.abs(coarse).sum())
    np.rint(coarse, out=coarse)
    fine = rng.integers(-1500, 1500, coarse.shape).astype(np.float32)
    units, places, box = np.array([[[unit, finer]]]), (3, [1]), (-4, -5, 20, 150)
    sets = (image, coarse, fine * (finer > 0), units, places, box)
    wanted = sample(*sets, form=SamplingForm.FLOATS)
    for form in SamplingForm:
        np.testing.assert_array_equal(sample(*sets, form=form), wanted)


def test_sample_takes_the_form_that_is_asked_for(form: str) -> None:
    """Else what compares forms may compare the one in floats with itself."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)
    coarse, fine = rng.integers(-9, 9, (2, 1, 1, 5, 5)).astype(np.float32)
    last = {"plain": "FLOATS", "avx2": "PAIRS_256", "avx512": "QUADS_512"}[form]
    for asked in SamplingForm:
        units = np.array([[_UNITS if asked is not SamplingForm.BEST else (2.0**-16, 2.0**-20)]])
        _, taken = sample_and_tell(image, coarse, fine, units, (4, [0]), (0, 0, 9, 7), asked)
        built = asked <= SamplingForm[last]
        wanted = SamplingForm[last] if asked == SamplingForm.BEST else asked
        assert taken == (wanted if built else SamplingForm.FLOATS)


def test_sample_takes_views_as_their_copies() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)[::-1, ::2]
    coarse, fine = rng.integers(-9, 9, (2, 1, 1, 10, 10)).astype(np.float32)[..., ::2, ::2]
    places, box = (4, [0]), (0, 0, 9, 7)
    found = _sample(image, coarse, fine, places, box)
    copied = _sample(image.copy(), coarse.copy(), fine.copy(), places, box)
    np.testing.assert_array_equal(found, copied)


def test_sample_says_when_it_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "compiled_code", lambda: None)
    image, taps = np.zeros((4, 4, 3), np.uint8), np.ones((1, 1, 1, 1), np.float32)
    with pytest.raises(RuntimeError, match="not there"):
        _sample(image, taps, taps, (1, [0]), (0, 0, 4, 4))
