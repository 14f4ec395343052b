"""Shifted, biased and clipped pairs are found, and sound ones pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from degrade.arrays import U8Array, round_to_u8
from degrade.audit.alignment import PairAgreement, measure_agreement, summarise_agreement
from degrade.degradation.steps import LinearLight, StepInputs
from degrade.degradation.steps.linear_light import AUTO_GAIN
from degrade.errors import InvalidValueError
from degrade.kernels import downsample, gaussian_kernel
from tests.degrade.audit.scenes import make_photo
from tests.making import PoolInHand


def _pair(name: str, *, shift: float = 0.0, side: int = 192) -> tuple[U8Array, U8Array]:
    hr = make_photo(name, side)
    moved = ndimage.shift(hr.astype(np.float32), (2 * shift, 0, 0), order=3, mode="mirror")
    return round_to_u8(downsample(moved, gaussian_kernel(13, 2, (1.4, 1.4)))), hr


def test_sound_pairs_agree() -> None:
    found = summarise_agreement([measure_agreement(*_pair(f"sound {i}")) for i in range(4)])
    assert found.pairs == 4 and not found.lies_off
    assert not found.is_biased and not found.is_clipped


def test_a_shift_of_a_tenth_of_a_pixel_fails() -> None:
    pairs = [_pair(f"off {i}", shift=0.1) for i in range(4)]
    found = summarise_agreement([measure_agreement(*pair) for pair in pairs])
    assert found.lies_off and found.shift == pytest.approx((0.1, 0), abs=0.02)


def test_a_colour_that_is_off_is_found() -> None:
    lr, hr = _pair("tinted")
    tinted = round_to_u8(lr + np.array([0.0, 0.0, 4.0]))
    found = summarise_agreement([measure_agreement(tinted, hr)])
    assert found.is_biased and found.bias[2] == pytest.approx(4, abs=0.5) and not found.lies_off


def test_clipping_is_found() -> None:
    lr, hr = _pair("clipped")
    found = summarise_agreement([measure_agreement(round_to_u8(lr * 1.6 - 40), hr)])
    assert found.is_clipped


def test_flat_pairs_have_no_shift_and_a_scale_need_not_be_whole() -> None:
    flat = np.full((48, 48, 3), 9, np.uint8)
    unknown = measure_agreement(flat, flat.repeat(2, 0).repeat(2, 1))
    assert np.isnan(unknown.shift).all()
    off = measure_agreement(*_pair("one of two", shift=0.1))
    found = summarise_agreement([unknown, off])
    assert (found.pairs, found.known, found.shifted) == (2, 1, 1) and found.lies_off
    found = summarise_agreement([unknown])
    assert found.known == 0 and np.isnan(found.shift).all() and not found.lies_off
    hr = make_photo("one and a half", 96)
    assert measure_agreement(hr[:64, :64], hr).bias != (0, 0, 0)


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="multiple"):
        measure_agreement(np.zeros((40, 40, 3), np.uint8), np.zeros((80, 90, 3), np.uint8))
    with pytest.raises(InvalidValueError, match="at least one"):
        summarise_agreement([])


@pytest.mark.parametrize("lighter", [0.0, 2.0])
def test_light_that_adds_up_is_no_bias_but_light_is(lighter: float) -> None:
    """Stripes and flat sky: LR is brighter at edges, as a camera makes it."""
    rng = np.random.default_rng(5)
    hr = np.full((256, 256, 3), 150, np.uint8)
    hr[:128] = np.kron(rng.integers(40, 220, (32, 64, 3)), np.ones((4, 4, 1))).astype(np.uint8)
    small = downsample(hr.astype(np.float32), gaussian_kernel(13, 2, (1.4, 1.4)))
    lr = LinearLight(AUTO_GAIN).apply(small, StepInputs(PoolInHand())) + np.float32(lighter)
    assert float((lr - small)[:16].mean()) > lighter + 1
    found = summarise_agreement([measure_agreement(round_to_u8(lr), hr)])
    assert found.is_biased == bool(lighter)
    assert found.bias[1] == pytest.approx(lighter, abs=0.3)


@pytest.mark.parametrize(
    ("off", "known", "fails"),
    [(4, 14, False), (6, 14, False), (7, 14, True), (13, 34, False), (14, 34, True), (3, 3, True)],
)
def test_a_set_fails_by_its_pairs_only_where_chance_does_not_do_as_much(
    off: int, known: int, fails: bool
) -> None:
    """Noise alone measures some pairs of a small set as off."""
    found = [
        PairAgreement((0.06 if n < off else 0.0, 0.02 * (-1) ** n), (0, 0, 0), 0)
        for n in range(known)
    ]
    agreement = replace(summarise_agreement(found), shift=(0.0, 0.0))
    assert agreement.shifted == pytest.approx(off / known) and agreement.lies_off == fails
