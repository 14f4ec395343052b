"""Seeded random generators keyed by what is made, never by who makes it."""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["rng_for", "seed_for"]


def _seed_sequence(seed: int, key: tuple[str | int, ...]) -> np.random.SeedSequence:
    digest = hashlib.blake2b(digest_size=16)
    for part in key:
        # Type and length are hashed too, so ("ab", "c") and ("a", "bc"), 1 and "1" differ.
        encoded = str(part).encode("utf-8", "surrogateescape")
        digest.update(f"{type(part).__name__}:{len(encoded)}:".encode())
        digest.update(encoded)
    return np.random.SeedSequence([seed, int.from_bytes(digest.digest(), "little")])


def rng_for(seed: int, *key: str | int) -> np.random.Generator:
    """Return the generator that belongs to ``key`` under ``seed``.

    The same arguments give the same stream on every machine, whatever the order of work or the
    number of workers.

    Parameters
    ----------
    seed : int
        The run's seed, at least 0.
    *key : str or int
        What the randomness is for, such as ``("pairs", item_key)``.

    Returns
    -------
    numpy.random.Generator
        PCG64 seeded from a SeedSequence over the seed and a BLAKE2b hash of the key.
    """
    return np.random.Generator(np.random.PCG64(_seed_sequence(seed, key)))


def seed_for(seed: int, *key: str | int) -> int:
    """Return a 63-bit integer for libraries that take only a number, such as ``torch``."""
    return int(_seed_sequence(seed, key).generate_state(1, np.uint64)[0] >> np.uint64(1))
