from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise
from esrgan.data import AimedSamples, Place, Samples
from tests.making import make_scene

LR = quantise(make_scene("aimed", 40, 60))
# Each HR pixel says where it is, so that a crop tells where it was cut.
HR = np.stack([*np.indices((80, 120)).astype(np.uint8), np.zeros((80, 120), np.uint8)], axis=2)
WANTED: list[Place] = [(0, 10, 10), (0, 39, 59)]
OTHERS: list[Place] = [(0, 30, 20), (0, 5, 50), (0, 20, 40), (0, 0, 0), (0, 39, 0)]


def make(**settings: int) -> AimedSamples:
    settings = {"hr_patch": 16, "scale": 2, "seed": 3, "share": 3} | settings
    return AimedSamples([(LR, HR)], WANTED, OTHERS, **settings)


def near(samples: AimedSamples, key: tuple[int, int]) -> set[Place]:
    """Return the places whose pixel lies in a crop."""
    _, hr = samples.read_batch([key])
    rows, columns = (hr[0, ..., axis].numpy() // 2 for axis in (0, 1))
    return {
        place
        for place in (*WANTED, *OTHERS)
        if rows.min() <= place[1] <= rows.max() and columns.min() <= place[2] <= columns.max()
    }


def test_each_place_is_seen_in_its_proportion() -> None:
    samples: Samples = make()
    assert isinstance(samples, AimedSamples)
    assert len(samples) == 9
    seen = [near(samples, (0, index)) for index in range(9)]
    for index, places in enumerate(seen):
        assert places & set(WANTED if index % 3 == 0 else OTHERS)
    assert set().union(*seen) == {*WANTED, *OTHERS}


def test_samples_depend_on_seed_epoch_and_index_alone() -> None:
    keys = [(epoch, index) for epoch in (0, 1) for index in range(9)]
    whole = make().read_batch(keys)
    for number, key in enumerate(keys):
        alone = make().read_batch([key])
        assert all((a[0] == w[number]).all() for a, w in zip(alone, whole, strict=True))
    assert (whole[1][:9] != whole[1][9:]).any()
    assert (make(seed=4).read_batch(keys)[1] != whole[1]).any()


def test_lr_and_hr_of_a_sample_are_of_one_place() -> None:
    samples = AimedSamples(
        [(LR, LR.repeat(2, 0).repeat(2, 1))], WANTED, [], hr_patch=16, scale=2, seed=0
    )
    assert len(samples) == 2
    lr, hr = samples.read_batch([(epoch, 0) for epoch in range(20)])
    assert (hr[:, ::2, ::2] == lr).all()


def test_what_is_near_flagged_areas_is_cut_out_where_hr_is() -> None:
    keys = [(epoch, index) for epoch in (0, 1) for index in range(9)]
    flagged = HR[..., 0] + HR[..., 1] > 90
    samples = AimedSamples(
        [(LR, HR)], WANTED, OTHERS, hr_patch=16, scale=2, seed=3, share=3, near_flagged=[flagged]
    )
    _, hr = samples.read_batch(keys)
    parts = samples.read_near_flagged(keys)
    assert parts is not None and parts.shape == (18, 16, 16, 1) and 0 < parts.float().mean() < 255
    at = hr.numpy()
    assert np.array_equal(parts[..., 0].numpy(), 255 * flagged[at[..., 0], at[..., 1]])
    assert (make().read_batch(keys)[1] == hr).all() and make().read_near_flagged(keys) is None
    assert samples.fingerprint != make().fingerprint
    with pytest.raises(InvalidValueError, match="a mask of HR's size"):
        AimedSamples(
            [(LR, HR)], WANTED, [], hr_patch=16, scale=2, seed=3, near_flagged=[flagged[1:]]
        )


def test_the_fingerprint_tells_what_decides() -> None:
    prints = {make().fingerprint, make(hr_patch=20).fingerprint, make(share=4).fingerprint}
    other = AimedSamples([(LR, HR[::-1])], WANTED, OTHERS, hr_patch=16, scale=2, seed=3, share=3)
    assert len(prints | {other.fingerprint}) == 4 and make().fingerprint in prints


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no place to aim at"):
        AimedSamples([(LR, HR)], [], OTHERS, hr_patch=16, scale=2, seed=0)
    with pytest.raises(InvalidValueError, match="smaller than a crop of 50"):
        make(hr_patch=100)
    with pytest.raises(InvalidValueError, match="×4 of"):
        make(scale=4)
    with pytest.raises(InvalidValueError, match="share must be at least 2"):
        make(share=1)
    with pytest.raises(IndexError):
        make().read_batch([(0, 9)])
