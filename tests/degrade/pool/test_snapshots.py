"""A pool opened as it was when a run began, whatever has been added since."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.pool import DegradationPool
from tests.degrade.pool.parts import PROVENANCE, SHA, flip_bit, make_kernel, make_patch, make_photo


def _add(pool: DegradationPool, seed: int) -> None:
    pool.add_photo(make_photo("a", f"{seed:064x}", "/a"))
    pool.add_kernel(make_kernel(seed), PROVENANCE)
    pool.add_noise(make_patch(seed), PROVENANCE)


def test_open_until_shows_the_pool_of_that_time(pool: DegradationPool) -> None:
    assert pool.index_end == 0
    seen = [(0, pool.kernels, pool.noise, pool.photos, pool.index(4), pool.digest(4))]
    for seed in range(3):
        _add(pool, seed)
        seen.append(
            (pool.index_end, pool.kernels, pool.noise, pool.photos, pool.index(4), pool.digest(4))
        )
    for until, *wanted in seen:
        for found in (
            DegradationPool.open(pool.path, until=until),
            pickle.loads(pickle.dumps(DegradationPool.open(pool.path, until=until))),
        ):
            assert found.index_end == until and found.verify() == []
            assert wanted == [
                found.kernels,
                found.noise,
                found.photos,
                found.index(4),
                found.digest(4),
            ]
    assert DegradationPool.open(pool.path).index_end == seen[-1][0]


def test_index_end_is_up_to_date_while_writing_and_after(pool: DegradationPool) -> None:
    index = pool.path / "index.jsonl"
    with pool.writing():
        for seed in range(3):
            pool.add_noise(make_patch(seed), PROVENANCE)
            found = DegradationPool.open(pool.path, until=pool.index_end)
            assert found.noise == pool.noise
    assert pool.index_end == index.stat().st_size
    with index.open("ab") as file:
        file.write(b'{"crc32": "torn')
    assert DegradationPool.open(pool.path).index_end == pool.index_end


def test_open_until_does_not_look_at_what_follows(pool: DegradationPool) -> None:
    _add(pool, 0)
    until = pool.index_end
    _add(pool, 1)
    flip_bit(pool.path / "index.jsonl")
    with pytest.raises(CorruptDataError):
        DegradationPool.open(pool.path)
    assert len(DegradationPool.open(pool.path, until=until).noise) == 1


def test_open_until_refuses_what_was_no_end(pool: DegradationPool) -> None:
    _add(pool, 0)
    whole = (pool.path / "index.jsonl").read_bytes()
    ends = {at + 1 for at, byte in enumerate(whole) if byte == ord("\n")} | {0}
    for until in range(len(whole) + 3):
        if until in ends:
            DegradationPool.open(pool.path, until=until)
        else:
            with pytest.raises(
                CorruptDataError, match=rf"index\.jsonl: no line ends at byte {until} "
            ):
                DegradationPool.open(pool.path, until=until)
    with pytest.raises(InvalidValueError, match="got -1"):
        DegradationPool.open(pool.path, until=-1)


def test_open_until_of_an_index_that_was_cut_or_lost_is_refused(pool: DegradationPool) -> None:
    _add(pool, 0)
    until, index = pool.index_end, pool.path / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises(CorruptDataError, match="cut or replaced"):
        DegradationPool.open(pool.path, until=until)
    index.unlink()
    with pytest.raises(CorruptDataError, match="cut or replaced"):
        DegradationPool.open(pool.path, until=until)


def test_open_until_is_for_reading_only(pool: DegradationPool) -> None:
    _add(pool, 0)
    until, key = pool.index_end, pool.noise[0].id
    _add(pool, 1)
    before = (pool.path / "index.jsonl").read_bytes()
    found = DegradationPool.open(pool.path, until=until)
    np.testing.assert_array_equal(found.read_residual(key), pool.read_residual(key))
    for change in (
        lambda: found.add_kernel(make_kernel(9), PROVENANCE),
        lambda: found.add_photo(make_photo("b", SHA, "/b")),
        lambda: found.merge(pool),
    ):
        with pytest.raises(DegradeError, match="open it without a limit"):
            change()
    assert (pool.path / "index.jsonl").read_bytes() == before
