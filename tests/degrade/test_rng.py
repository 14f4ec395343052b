from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.rng import rng_for, seed_for

keys = st.lists(st.text(max_size=4) | st.integers(), max_size=4).map(tuple)


@pytest.mark.parametrize(
    ("seed", "key", "expected"),
    [
        (0, (), 5412279149767629960),
        (0, ("pairs", "0001"), 5596331435638198476),
        (7, ("pairs", "0001"), 2488769570297555173),
        (7, ("kernel", "grüße", 3), 2233557251708549258),
        (2**40, (os.fsdecode(b"\xff.png"),), 4049342985170112296),
    ],
)
def test_seed_for_is_frozen(seed: int, key: tuple[str | int, ...], expected: int) -> None:
    """A change here changes every set that was ever built: never mend the numbers."""
    assert seed_for(seed, *key) == expected


def test_rng_for_is_frozen() -> None:
    assert rng_for(7, "pairs", "0001").integers(10**9, size=3).tolist() == [
        728209984,
        924958025,
        609713425,
    ]


def test_rng_for_depends_on_nothing_but_its_arguments() -> None:
    first = rng_for(3, "a", 1)
    first.random(100)
    assert rng_for(3, "a", 1).random() == rng_for(3, "a", 1).random()


@settings(deadline=None)
@given(keys, keys, st.integers(0, 3), st.integers(0, 3))
def test_seed_for_tells_keys_apart(
    key: tuple[str | int, ...], other: tuple[str | int, ...], seed: int, other_seed: int
) -> None:
    same = (seed, [(type(part), part) for part in key]) == (
        other_seed,
        [(type(part), part) for part in other],
    )
    assert (seed_for(seed, *key) == seed_for(other_seed, *other)) == same


def test_seed_for_has_no_collision_among_tricky_keys() -> None:
    tricky: list[tuple[int, tuple[str | int, ...]]] = [
        (0, ()), (1, ()), (0, ("",)), (0, ("", "")), (0, ("ab", "c")), (0, ("a", "bc")),
        (0, ("abc",)), (0, (1,)), (0, ("1",)), (0, (12,)), (0, (1, 2)), (0, ("1", 2)),
        (0, ("int:1:1",)), (0, ("str:1:",)), (0, ("a", 0)), (0, (0, "a")), (0, (-1,)),
        (0, ("é",)), (0, ("e\u0301",)), (0, (os.fsdecode(b"\xff"),)), (0, ("ÿ",)), (0, ("a\0",)),
        (0, ("a",)), (2**32, ("a",)), (2**64, ("a",)), (1, ("a",)),
    ]  # fmt: skip
    consecutive: list[tuple[int, tuple[str | int, ...]]] = [
        (seed, ("item", index)) for seed in range(30) for index in range(100)
    ]
    seeds = [seed_for(seed, *key) for seed, key in tricky + consecutive]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_rng_for_gives_unrelated_streams_to_neighbours() -> None:
    streams = [rng_for(0, "item", index).random(1000) - 0.5 for index in range(20)]
    for i, first in enumerate(streams):
        for second in streams[:i]:
            assert abs((first * second).mean()) * 12 < 0.2
