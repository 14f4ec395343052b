"""The command: for each split and each direction make the sets, learn, judge, and print a table."""

from __future__ import annotations

import argparse
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.downstream.judging import judge, learn_from
from benchmarks.downstream.network import judge_network, train_on
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs, split_scenes
from benchmarks.downstream.tone import Curve, tone_of
from benchmarks.downstream.training_sets import (
    CEILING,
    FLOOR,
    CommandFailedError,
    Pair,
    build_set,
    make_pools,
    read_set,
    synthetic_sets,
)
from benchmarks.parts import write_json
from degrade.audit.proof import Table, share_of_gap
from degrade.audit.scores import SCORE_NAMES
from degrade.rng import rng_for
from pipelines.matching.photo_sets import even_choice

SHARED = Path(__file__).parents[3] / "shared" / "data"
DEFAULT_SETS = (
    "pool:",
    "pool without model error:--model-error none",
    "pooled@pooled:",
    "matched:--recipe matched --model-error none",
    "matched + noise:--recipe matched",
)
_MOST_TRANSFER = 24
NETWORK, _OF_SEED = " (network)", ", seed "
_SEEDS_APART = 1000
_CALIBRATED = SCORE_NAMES.index("calibrated")
_NAMES_TONED = "calibrated, toned", "ssim, toned"  # of networks alone
_TONED = [_CALIBRATED, SCORE_NAMES.index("ssim")]
"""What is judged with real pairs' tone, too, less what bicubic pairs have without it."""


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = _parser()
    options = parser.parse_args(words)
    if options.seeds < 1:
        parser.error(f"--seeds must be at least 1, got {options.seeds}")
    real, other = read_real_pairs(options.pairs), read_real_pairs(options.other)
    other = [other[i] for i in even_choice(len(other), _MOST_TRANSFER)]
    results: list[dict[str, Any]] = []
    for split in options.splits:
        halves = split_scenes(real, split)
        for turned in [word == "back" for word in options.directions]:
            train, test = halves[::-1] if turned else halves
            label = f"split {split}{', the other way' if turned else ''}"
            started = time.monotonic()
            scores = _scores(train, {"test": test, "other": other}, options, seed=split)
            results.append({"split": split, "turned": turned, "scores": scores})
            print(f"\n{label}: {len(train)} scenes measured, {len(test)} judged", end="")
            print(f" ({time.monotonic() - started:.0f} s)", flush=True)
            for table in tables(scores):
                print(table, flush=True)
            if options.json:
                names = (*SCORE_NAMES, *_NAMES_TONED)
                write_json(options.json, {"score_names": names, "runs": _plain(results)})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.downstream", description=__doc__)
    add = parser.add_argument
    add("--pairs", type=Path, default=SHARED / "pairs" / "realsr_x4", help="NAME_LR, NAME_HR")
    add("--other", type=Path, default=SHARED / "pairs" / "drealsr_x4", help="another camera set")
    add("--hr", type=Path, nargs="+", default=[SHARED / "train"], help="clean photos")
    add("--splits", type=int, nargs="+", default=[0, 1])
    ways = ("there", "back")
    add("--directions", nargs="+", choices=ways, default=ways, help="which half is measured")
    add(
        "--sets",
        nargs="+",
        default=list(DEFAULT_SETS),
        metavar="NAME[@POOL]:OPTIONS",
        help="sets of build-pairs, with its options; POOL is pool (a kernel a photo), "
        "camera (the same by name of camera, for --recipe benchmarks/downstream/camera.toml) "
        "or pooled",
    )
    add("--full", action="store_true", help="train the tiny network too, on a CPU for hours")
    add("--trained", nargs="*", metavar="NAME", help="with --full: these sets alone, and both ends")
    add("--steps", type=int, default=3000, help="of the network, by L1")
    add("--seeds", type=int, default=1, metavar="N", help="networks of each set; means are judged")
    add("--json", type=Path, help="all scores")
    return parser


def _scores(
    train: list[RealPair], judged: dict[str, list[RealPair]], options: Any, *, seed: int
) -> dict[str, dict[str, Table]]:
    scores, curve = {}, tone_of(train)
    with tempfile.TemporaryDirectory(prefix="downstream-") as folder:
        for number, (name, pairs) in enumerate(_sets(train, Path(folder), options, seed)):
            bank = learn_from(pairs)
            scores[name] = {where: judge(bank, real) for where, real in judged.items()}
            if options.full and (not options.trained or name in (FLOOR, CEILING, *options.trained)):
                own = Path(folder) / f"network-{number}"
                scores |= _networks(name, pairs, judged, own, options, seed, curve)
    return scores


def _networks(
    name: str,
    pairs: list[Pair],
    judged: dict[str, list[RealPair]],
    folder: Path,
    options: Any,
    seed: int,
    curve: Curve,
) -> dict[str, dict[str, Table]]:
    """Return the scores of a network for each seed, and their means image by image."""
    found = {}
    for number in range(options.seeds):
        own = folder / str(number)
        weights = train_on(pairs, own, options.steps, seed + _SEEDS_APART * number)
        found[f"{name}{NETWORK}{_OF_SEED}{number}"] = {
            where: judge_network(weights, real, own / where, curve)
            for where, real in judged.items()
        }
    means = {where: np.mean([each[where] for each in found.values()], axis=0) for where in judged}
    return {f"{name}{NETWORK}": means, **(found if len(found) > 1 else {})}


def _sets(
    train: list[RealPair], folder: Path, options: Any, seed: int
) -> Iterator[tuple[str, list[Pair]]]:
    scale = train[0].hr_u8.shape[0] // train[0].lr_u8.shape[0]
    yield CEILING, [(pair.lr_u8, pair.hr_u8) for pair in train]
    pools = make_pools(train, options.hr, folder, scale)
    hr = None
    for number, wanted in enumerate(options.sets):
        name, _, settings = wanted.partition(":")
        name, _, pool = name.partition("@")
        out = folder / f"pairs-{number}"
        words = shlex.split(settings)
        try:
            build_set(pools[pool or "pool"], options.hr, out, words, scale=scale, seed=seed)
        except CommandFailedError as refused:  # such as noise that no photo of the half tells
            print(f"\n{name}: left out: {refused}", flush=True)
            continue
        pairs = read_set(out)
        if hr is None:
            hr = [image for _, image in pairs]
            yield from synthetic_sets(hr, scale, seed)
        yield name, pairs
    if hr is None:
        raise SystemExit("none of the sets could be built")


def tables(scores: dict[str, dict[str, Table]]) -> Iterator[str]:
    """Yield the table of the filters, and that of the network where there was one."""
    yield _table({name: each for name, each in scores.items() if NETWORK not in name})
    for ending, title in _kinds_of_networks(scores):
        trained = {
            name.removesuffix(ending): each
            for name, each in scores.items()
            if name.endswith(ending)
        }
        yield f"\n{title}:\n{_table(trained)}"


def _kinds_of_networks(scores: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield how the names of networks end, and what these are: means first, then each seed's."""
    if any(name.endswith(NETWORK) for name in scores):
        yield NETWORK, "the tiny network"
    seeds = {name.partition(_OF_SEED)[2] for name in scores} - {""}
    for seed in sorted(seeds, key=int):
        yield f"{NETWORK}{_OF_SEED}{seed}", f"seed {seed} alone"


def _table(scores: dict[str, dict[str, Table]]) -> str:
    """Return the scores of each set less those of bicubic pairs, and the share of the gap."""
    floor, ceiling = scores[FLOOR], scores[CEILING]
    titles = ["learned on", "share of the calibrated gap", "raw", "shifted", "calibrated"]
    titles += ["SSIM", "GMSD"]
    has_tone = floor["test"].shape[1] > len(SCORE_NAMES)
    titles += ["with real pairs' tone", "SSIM with it"] * has_tone + ["other cameras"]
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for name, found in sorted(
        scores.items(), key=lambda item: item[1]["test"].mean(0)[_CALIBRATED]
    ):
        gap = "floor" if name == FLOOR else "ceiling"
        if name not in (FLOOR, CEILING):
            columns = (each["test"][:, _CALIBRATED] for each in (floor, found, ceiling))
            share = share_of_gap(*columns, rng=rng_for(0, "gap"))
            gap = "–" if share is None else "{:.0%} [{:.0%}, {:.0%}]".format(*share)
        raw, shifted, calibrated, ssim, gmsd, *_ = (found["test"] - floor["test"]).mean(axis=0)
        other = (found["other"] - floor["other"]).mean(axis=0)[_CALIBRATED]
        cells = [name, gap, f"{raw:+.2f}", f"{shifted:+.2f}", f"{calibrated:+.2f}"]
        cells += [f"{ssim:+.4f}", f"{gmsd:+.4f}"]
        if has_tone:
            toned = (found["test"][:, len(SCORE_NAMES) :] - floor["test"][:, _TONED]).mean(axis=0)
            cells += [f"{toned[0]:+.2f}", f"{toned[1]:+.4f}"]
        lines.append(f"| {' | '.join(cells)} | {other:+.2f} |")
    means = ", ".join(
        f"{name} {mean:.4g}" for name, mean in zip(SCORE_NAMES, floor["test"].mean(0), strict=False)
    )
    return "\n".join([*lines, f"(dB and figures less those of the floor, which has {means})"])


def _plain(results: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            **each,
            "scores": {
                name: {where: table.tolist() for where, table in found.items()}
                for name, found in each["scores"].items()
            },
        }
        for each in results
    ]
