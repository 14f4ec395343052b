"""What the tiny network learns of pairs with noise of the kernel's camera, and with the pool's.

Part of ``python -m benchmarks.mixed_cameras --network``. One pool of photos of several cameras is
measured, and two sets of pairs are made of the same HR by the recipe ``measured``: in one each step
is drawn of the kernel's camera, in the other of all the pool. Kernels and seeds are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.downstream.network import judge_network, train_on
from benchmarks.downstream.real_pairs import RealPair, split_scenes
from benchmarks.downstream.tone import Curve
from benchmarks.downstream.training_sets import build_set, read_set, run_degrade
from degrade.audit.proof import Table, prove_gains
from degrade.audit.scores import SCORE_NAMES
from degrade.degradation.recipe_files import recipe_to_toml
from degrade.degradation.recipes import MEASURED, of_photos
from degrade.degradation.steps import Of
from degrade.rng import rng_for
from degrade.wording import counted

__all__ = ["SCORES", "WHOSE", "Teaching", "by_camera", "network_rows", "real_halves"]

WHOSE: tuple[Of, ...] = ("pool", "camera")
SCORES = ("calibrated", "psnr", "ssim")
"""What is told of the scores, in this order."""

_SEEDS_APART = 1000
_NO_CURVE: Curve = np.zeros(2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """How networks are taught.

    Attributes
    ----------
    hr : tuple of Path
        Clean photos that pairs are made of.
    options : tuple of str
        Further words for ``build-pairs``.
    steps, seeds : int
        Of each network; and networks of each set, whose scores are averaged photo by photo.
    """

    hr: tuple[Path, ...]
    options: tuple[str, ...] = ()
    steps: int = 2000
    seeds: int = 2


def by_camera(paths: Sequence[Path]) -> dict[str, list[Path]]:
    """Return photos by the letters that their names begin with: RealSR's and DRealSR's cameras."""
    found: dict[str, list[Path]] = {}
    for path in sorted(paths):
        word = re.match(r"[^\W\d_]*", path.name)
        found.setdefault(word[0] if word and word[0] else "camera", []).append(path)
    return found


def real_halves(
    pairs: list[RealPair], split: int
) -> Iterator[tuple[str, dict[str, list[Path]], list[RealPair]]]:
    """Yield both ways: a name, LR photos of one half of the scenes by camera, the other half."""
    halves = split_scenes(pairs, split)
    for name, (measured, judged) in (("there", halves), ("back", halves[::-1])):
        yield name, by_camera([pair.lr_path for pair in measured]), judged


def network_rows(
    folder: Path,
    photos: Mapping[str, Sequence[Path]],
    judged: Sequence[RealPair],
    teaching: Teaching,
    *,
    scale: int,
    seed: int,
) -> Iterator[str]:
    """Yield a row for people for each seed, and one for the networks' means.

    What lies in ``folder`` of an earlier call is not made again.
    """
    pool = folder / "pool"
    if not (folder / "measured").exists():
        for camera, paths in photos.items():
            to = ("--pool", pool, "--scale", str(scale), "--camera", camera)
            run_degrade("build-pool", *paths, *to)
        (folder / "measured").touch()
    sets = {}
    for of in WHOSE:
        recipe, out = folder / f"{of}.toml", folder / f"pairs-{of}"
        recipe.write_text(recipe_to_toml(of_photos(MEASURED, of)))
        words = ("--recipe", str(recipe), *teaching.options)
        build_set(pool, teaching.hr, out, words, scale=scale, seed=seed)
        sets[of] = read_set(out)
    both = zip(sets["pool"], sets["camera"], strict=True)
    differ = sum(not np.array_equal(pool_lr, camera_lr) for (pool_lr, _), (camera_lr, _) in both)
    tables: dict[Of, list[Table]] = {of: [] for of in WHOSE}
    for number in range(teaching.seeds):
        for of in WHOSE:
            own = folder / f"{of}-{number}"
            weights = own / "model" / "generator.pth"
            if not (own / "trained").exists():
                train_on(sets[of], own, teaching.steps, seed + _SEEDS_APART * number)
                (own / "trained").touch()
            table = judge_network(weights, judged, own, _NO_CURVE)
            tables[of].append(table[:, : len(SCORE_NAMES)])
        if teaching.seeds > 1:
            yield row(f"seed {number}", tables["pool"][-1], tables["camera"][-1], differ)
    pool_mean, camera_mean = (np.mean(tables[of], axis=0) for of in WHOSE)
    count = counted(teaching.seeds, "seed")
    yield row(count, pool_mean, camera_mean, differ)


def row(name: str, pool: Table, camera: Table, differ: int) -> str:
    """Return what networks of both sets of pairs reach, and the paired difference with 95 %."""
    mean = dict(zip(SCORE_NAMES, pool.mean(axis=0), strict=True))
    gains = {gain.name: gain for gain in prove_gains(pool, camera, rng_for(0, "network"))}
    cells = [name, f"{differ}", f"{len(pool)}"]
    for score in SCORES:
        digits = 4 if score == "ssim" else 2
        low, high = gains[score].interval
        cells.append(f"{mean[score]:.{digits}f}")
        cells.append(f"{gains[score].mean:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]")
    return f"{' | '.join(cells)} |"
