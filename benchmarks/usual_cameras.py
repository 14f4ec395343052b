"""What ``match --prior cameras`` brings on real pairs of cameras that the prior does not know.

A folder of real pairs is split as by ``benchmarks.downstream``; a pool is made of one half's LR,
and matched without the prior and with that of all cameras but the folder's own. Filters, and with
``--full`` the tiny network, learn from both and are judged on the other half.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, get_args
from unittest.mock import patch

from benchmarks.downstream.command import NETWORK, SHARED, tables
from benchmarks.downstream.network import score_set
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs, scale_of, split_scenes
from benchmarks.downstream.tone import tone_of
from benchmarks.downstream.training_sets import (
    CEILING,
    Pair,
    build_set,
    read_set,
    run_degrade,
    synthetic_sets,
)
from degrade.audit import camera_prior
from degrade.audit.proof import Table
from degrade.errors import DegradeError
from pipelines.matching.match import MatchConfig, match_photos

Prior = Literal["none", "cameras"]
Scores = dict[str, dict[str, Table]]


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usual_cameras", description=__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, default=SHARED / "pairs" / "realsr_x4", help="NAME_LR, NAME_HR")
    add("--without", default="RealSR", help="cameras whose names begin so are not in the prior")
    add("--hr", type=Path, nargs="+", default=[SHARED / "train"], help="clean photos")
    add("--clean-up", type=int, choices=(1, 2), default=1, help="2 halves clean photos first")
    add("--splits", type=int, nargs="+", default=[0, 1])
    add("--full", action="store_true", help="train the tiny network too")
    add("--steps", type=int, default=2000, help="of the network")
    options = parser.parse_args(words)
    known = {
        name: curve
        for name, curve in camera_prior.CAMERAS.items()
        if not name.startswith(options.without)
    }
    real = read_real_pairs(options.pairs)
    for split in options.splits:
        train, test = split_scenes(real, split)
        with tempfile.TemporaryDirectory(prefix="usual-cameras-") as folder:
            with patch.dict(camera_prior.CAMERAS, known, clear=True):
                sets = list(_sets(train, options.hr, Path(folder), split, options.clean_up))
            scores = _scores(sets, train, test, Path(folder), split, options)
        print(f"\nsplit {split}: {len(train)} scenes measured, {len(test)} judged", flush=True)
        for table in tables(scores):
            print(table, flush=True)


def _sets(
    train: Sequence[RealPair], hr: Sequence[Path], folder: Path, seed: int, clean_up: int
) -> Iterator[tuple[str, list[Pair]]]:
    scale = scale_of(train)
    yield CEILING, [(pair.lr_u8, pair.hr_u8) for pair in train]
    photos, pool = folder / "photos", folder / "pool"
    photos.mkdir()
    for pair in train:
        shutil.copy(pair.lr_path, photos)
    run_degrade("build-pool", photos, "--pool", pool, "--scale", str(scale))
    has_floor = False
    prior: Prior
    for prior in get_args(Prior):
        own, out = folder / f"pool-{prior}", folder / f"pairs-{prior}"
        shutil.copytree(pool, own)
        config = MatchConfig(
            photos=(photos,),
            pool=own,
            hr=tuple(hr),
            scale=scale,
            clean_up=clean_up,
            prior=prior,
        )
        try:
            match_photos(config)
        except DegradeError as refused:  # of HR that would have to be sharpened too much
            print(f"\nmatched, prior {prior}: left out: {refused}", flush=True)
            continue
        build_set(own, hr, out, ("--recipe", "matched"), scale=scale, seed=seed)
        pairs = read_set(out)
        if not has_floor:
            has_floor = True
            yield next(synthetic_sets([image for _, image in pairs], scale, seed))
        yield f"matched, prior {prior}", pairs


def _scores(
    sets: Sequence[tuple[str, list[Pair]]],
    train: list[RealPair],
    test: list[RealPair],
    folder: Path,
    seed: int,
    options: argparse.Namespace,
) -> Scores:
    scores: Scores = {}
    for name, pairs in sets:
        own, steps = folder / f"network-{len(scores)}", options.full and options.steps
        found = score_set([pairs], test, own, seed, steps=steps, curve=tone_of(train))
        for ending, table in zip(("", NETWORK), found, strict=False):
            scores[name + ending] = {"test": table, "other": table}
    return scores


if __name__ == "__main__":
    main()
