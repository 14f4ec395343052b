from __future__ import annotations

import pytest

from esrgan.data import StepSampler


def test_step_sampler_visits_every_pair_once_an_epoch() -> None:
    sampler = StepSampler(7, batch_size=3, seed=1, steps=range(14))
    keys = [key for batch in sampler for key in batch]
    assert len(sampler) == 14 and len(keys) == 42
    for epoch in range(6):
        assert sorted(index for e, index in keys if e == epoch) == list(range(7))
    assert [i for e, i in keys if e == 0] != [i for e, i in keys if e == 1]


@pytest.mark.parametrize("first", [1, 4, 13])
def test_step_sampler_goes_on_where_it_stopped(first: int) -> None:
    whole = list(StepSampler(7, batch_size=3, seed=1, steps=range(14)))
    assert list(StepSampler(7, batch_size=3, seed=1, steps=range(first, 14))) == whole[first:]


def test_step_sampler_fills_batches_larger_than_the_set() -> None:
    (batch,) = StepSampler(3, batch_size=8, seed=0, steps=range(1))
    assert len(batch) == len(set(batch)) == 8
