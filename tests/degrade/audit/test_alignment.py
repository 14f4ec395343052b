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


def _noisy(
    name: str, shift: float, *, noise: float, side: int = 192, grain: float = 0.0
) -> tuple[U8Array, U8Array]:
    lr, hr = _pair(name, shift=shift, side=side)
    drawn = np.random.default_rng(len(name) + ord(name[-1])).normal(0, noise, lr.shape)
    return round_to_u8(lr + ndimage.gaussian_filter(drawn, (grain, grain, 0))), hr


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
    [(5, 14, False), (6, 14, True), (9, 34, False), (10, 34, True), (2, 3, False), (3, 3, True)],
)
def test_a_set_fails_by_pairs_that_may_be_off_where_chance_would_not_do_as_much(
    off: int, known: int, fails: bool
) -> None:
    found = [
        PairAgreement((0.06 if n < off else 0.0, 0.02 * (-1) ** n), (0, 0, 0), 0, beyond=3.0)
        if n < off
        else PairAgreement((0.0, 0.0), (0, 0, 0), 0)
        for n in range(known)
    ]
    agreement = replace(summarise_agreement(found), shift=(0.0, 0.0))
    assert agreement.shifted == pytest.approx(off / known) and agreement.lies_off == fails


@pytest.mark.parametrize("shift", [0.2, 0.5])
def test_a_few_moved_pairs_of_many_fail_the_set_and_are_told(shift: float) -> None:
    moved = {3, 8}
    found = [
        measure_agreement(*_noisy(f"of ten {i}", shift * (i in moved), noise=3.0))
        for i in range(10)
    ]
    assert {i for i, each in enumerate(found) if each.surely_off} == moved
    agreement = summarise_agreement(found)
    assert agreement.lies_off and agreement.surely_off == 2 and agreement.likely_off == 2
    assert max(map(abs, agreement.shift)) < 0.02


def test_noise_that_moves_what_is_measured_fails_no_set() -> None:
    """Grain on little detail: most of these are measured as off, and lie right."""
    found = [
        measure_agreement(*_noisy(f"grain {i}", 0.0, noise=40.0, side=96, grain=1.0))
        for i in range(12)
    ]
    agreement = summarise_agreement(found)
    assert agreement.shifted > 0.25 and not agreement.surely_off and not agreement.lies_off


def test_across_an_edge_a_shift_is_known_though_not_along_it() -> None:
    rng = np.random.default_rng(3)
    hr = np.full((256, 256, 3), 60, np.uint8)
    hr[:, 128:] = 190
    hr += rng.integers(0, 8, (256, 256, 1), dtype=np.uint8)
    lr = downsample(
        ndimage.shift(hr.astype(np.float32), (0, 1.0, 0), order=1, mode="nearest"),
        gaussian_kernel(13, 2, (1.4, 1.4)),
    )
    noise = rng.normal(0, 3, lr.shape)
    found = measure_agreement(round_to_u8(lr + noise), hr)
    assert found.error[0] > 3 * found.error[1]
    assert found.surely_off and found.shift[1] == pytest.approx(0.5, abs=0.05)
