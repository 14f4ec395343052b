from __future__ import annotations

import pickle

from degrade.degradation import Measured, NoiseChoice, PoolIndex

NOISE = (NoiseChoice("n1", 16), NoiseChoice("n2", 40))
FOUND = (Measured("a" * 64, {"quality": 80}), Measured("b" * 64, {"quality": 95}))


def test_pool_index_forgets_the_pools_history() -> None:
    one = PoolIndex(("b", "a"), NOISE[::-1], {"jpeg": FOUND[::-1], "camera": ()})
    other = PoolIndex(("a", "b"), NOISE, {"camera": (), "jpeg": FOUND})
    assert one == other
    assert one.kernel_ids == ("a", "b")
    assert one.noise == NOISE
    assert list(one.measured.items()) == [("camera", ()), ("jpeg", FOUND)]


def test_pool_index_travels_to_workers() -> None:
    index = PoolIndex(("a",), NOISE, {"jpeg": FOUND})
    assert pickle.loads(pickle.dumps(index)) == index
