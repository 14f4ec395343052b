"""The tiny network, trained on a set of pairs and judged on real ones, by the own commands."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.downstream.judging import judge, learn_from
from benchmarks.downstream.real_pairs import RealPair, plane_of
from benchmarks.downstream.tone import Curve, toned
from benchmarks.downstream.training_sets import Pair, run_degrade
from degrade.audit.proof import Table
from degrade.audit.scores import score_planes
from degrade.images.image_io import read_photo, write_png


def train_on(pairs: Sequence[Pair], folder: Path, steps: int, seed: int) -> Path:
    """Train by L1 alone, and return the weights."""
    for number, (lr, hr) in enumerate(pairs):
        write_png(folder / "LR" / f"{number:05}.png", lr)
        write_png(folder / "HR" / f"{number:05}.png", hr)
    words = ("--hr", folder / "HR", "--lr", folder / "LR", "--out", folder / "pairs")
    run_degrade("import-pairs", *words)
    settings = ("--set", f"pixel_steps={steps}", "--steps", str(steps), "--seed", str(seed))
    run_degrade("train", "--pairs", folder / "pairs", "--out", folder / "model", *settings)
    return folder / "model" / "generator.pth"


def judge_network(weights: Path, real: Sequence[RealPair], folder: Path, curve: Curve) -> Table:
    """Return a row for each real pair: scores, then calibrated and SSIM with a curve of tone."""
    for number, pair in enumerate(real):
        write_png(folder / "seen" / f"{number:05}.png", pair.lr_u8)
    run_degrade("upscale", folder / "seen", "--weights", weights, "--out", folder / "large")
    enlarged = sorted((folder / "large").rglob("*.png"))
    if len(enlarged) != len(real):
        raise SystemExit(f"{len(enlarged)} of {len(real)} photos were enlarged")
    scores = []
    for path, pair in zip(enlarged, real, strict=True):
        scale = pair.hr_u8.shape[0] // pair.lr_u8.shape[0]
        sr, hr = plane_of(read_photo(path).as_u8()), plane_of(pair.hr_u8)
        told = score_planes(toned(sr, curve), hr, border=scale)
        plain = score_planes(sr, hr, border=scale)
        scores.append((*plain.values(), told.calibrated, told.ssim))
    return np.array(scores)


def score_set(
    draws: Sequence[Sequence[Pair]],
    real: Sequence[RealPair],
    folder: Path,
    seed: int,
    *,
    steps: int,
    curve: Curve,
) -> list[Table]:
    """Return the scores of filters, means over the draws; with steps, of a network of the first.

    Parameters
    ----------
    draws : sequence of sequences of Pair
        The same kind of pairs, as often as it was drawn.
    real : sequence of RealPair
        What is judged on.
    folder : Path
        For the network.
    seed : int
    steps : int
        0: no network is trained.
    curve : Curve
        Of tone, as for :func:`judge_network`.
    """
    tables = [np.mean([judge(learn_from(pairs), real) for pairs in draws], axis=0)]
    if steps:
        weights = train_on(draws[0], folder, steps, seed)
        tables.append(judge_network(weights, real, folder / "judged", curve))
    return tables
