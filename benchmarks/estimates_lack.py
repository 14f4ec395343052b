"""What kernels that are estimated on photos keep too little of, and what giving it back teaches.

For each camera of folders of real pairs, by the words that files begin with: the spectrum of LR
over that of HR, less the response of the kernels that were estimated on LR alone. With ``--judge``
pairs are made of one half's LR by the recipe ``measured``, without what is lacking and with what
other cameras' estimates lack; filters, and with ``--full`` the tiny network, are judged on the
other half.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.camera_responses import LEAST_PAIRS, response
from benchmarks.downstream.command import NETWORK, SHARED, tables
from benchmarks.downstream.network import score_set
from benchmarks.downstream.real_pairs import (
    RealPair,
    camera_of,
    read_real_pairs,
    scale_of,
    split_scenes,
)
from benchmarks.downstream.tone import tone_of
from benchmarks.downstream.training_sets import (
    CEILING,
    Pair,
    build_set,
    read_set,
    run_degrade,
    synthetic_sets,
)
from benchmarks.parts import run_main
from degrade.audit.camera_prior import CAMERA_FREQUENCIES
from degrade.audit.closed_loop import FIXED_BANDS, mean_response
from degrade.audit.gain_taps import taps_of_gain
from degrade.audit.proof import Table
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.degradation import MEASURED, Entry
from degrade.degradation.even_filters import UNCHANGED, EvenTaps
from degrade.degradation.recipe_files import recipe_to_toml
from degrade.degradation.steps import Response, ResponseSettings
from degrade.luma import luma_studio
from degrade.pool import DegradationPool

LACK: dict[str, tuple[float, ...]] = {
    "RealSR, Canon": (0.01, 0.07, 0.13, 0.13, 0.13, 0.08, 0.00, -0.05, -0.03, 0.25),
    "RealSR, Nikon": (0.02, 0.07, 0.12, 0.15, 0.13, 0.08, -0.02, -0.08, -0.17, 0.05),
    "DRealSR, DSC": (0.05, 0.06, 0.12, 0.16, 0.15, 0.05, -0.07, 0.06, 0.63, 1.22),
    "DRealSR, P": (0.01, 0.18, 0.34, 0.36, 0.29, 0.19, -0.00, 0.03, 0.31, 0.78),
    "DRealSR, Panasonic": (0.01, 0.06, 0.19, 0.33, 0.40, 0.33, 0.13, 0.12, 0.40, 1.35),
    "DRealSR, Sony": (0.03, 0.07, 0.07, 0.13, 0.15, 0.22, 0.19, 0.10, 0.06, 0.27),
    "City100, Nikon D5500": (-0.04, -0.03, 0.03, 0.10, 0.17, 0.21, 0.21, 0.21, 0.25, 0.39),
    "City100, iPhone X": (0.01, 0.08, 0.14, 0.16, 0.15, 0.11, 0.02, -0.06, -0.08, 0.03),
}
"""What this prints, by camera: natural logarithms of amplitude, at ``CAMERA_FREQUENCIES``."""

_WHOLE, _NONE = 0.35, 0.45
"""Cycles per pixel up to which the mean is given back, and from which nothing is: there noise is
most of what LR has, and cameras differ by more than their mean."""

_REACH = 3
"""LR pixels: filters of 49 taps come within .03 of the mean, of 121 hardly nearer."""

_UNIT = 32
"""Of taps: with fewer digits they are applied in a third of the time."""

_SEEDS_APART = 1000

Curve = tuple[float, ...]


def main(words: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.estimates_lack", description=__doc__
    )
    add = parser.add_argument
    default = [SHARED / "pairs" / "realsr_x4", SHARED / "pairs" / "drealsr_x4"]
    add("pairs", type=Path, nargs="*", default=default, help="folders of NAME_LR, NAME_HR")
    add("--judge", action="store_true", help="what pairs teach, in the place of what is lacking")
    add("--without", default="RealSR", help="cameras whose names begin so are not in the mean")
    add("--hr", type=Path, nargs="+", default=[SHARED / "train"], help="clean photos")
    add("--splits", type=int, nargs="+", default=[0, 1])
    add("--seeds", type=int, default=3, help="of pairs: which kernel falls to which photo")
    add("--full", action="store_true", help="train the tiny network on those of the first seed")
    add("--steps", type=int, default=2000, help="of the network")
    options = parser.parse_args(words)
    if options.judge:
        for folder in options.pairs:
            for split in options.splits:
                _judge(folder, split, options)
        return
    print("| camera | pairs | " + " | ".join(f"{f:.3f}" for f in CAMERA_FREQUENCIES) + " |")
    print("|---" * (len(CAMERA_FREQUENCIES) + 2) + "|")
    for folder in options.pairs:
        for camera, count, curve in _by_camera(folder):
            cells = " | ".join(f"{value:+.2f}" for value in curve)
            print(f"| {folder.name}, {camera} | {count} | {cells} |", flush=True)


def taps_of(lack: Mapping[str, Sequence[float]]) -> EvenTaps:
    """Return the filter that gives back the mean of what cameras' estimates lack."""
    mean = np.mean([list(curve) for curve in lack.values()], axis=0)
    gain = np.interp(BAND_FREQUENCIES, CAMERA_FREQUENCIES, mean)
    gain *= np.interp(BAND_FREQUENCIES, (_WHOLE, _NONE), (1, 0))
    gain[:FIXED_BANDS] = 0
    return taps_of_gain(gain, _REACH, _UNIT)


def _by_camera(folder: Path) -> Iterator[tuple[str, int, Curve]]:
    """Yield each camera, how many pairs it has, and what estimates on its photos lack."""
    groups: dict[str, list[RealPair]] = defaultdict(list)
    for pair in read_real_pairs(folder):
        groups[camera_of(pair.lr_path) or folder.name].append(pair)
    for camera, pairs in groups.items():
        if len(pairs) >= LEAST_PAIRS:
            with tempfile.TemporaryDirectory(prefix="estimates-lack-") as place:
                yield camera, len(pairs), _lack(pairs, Path(place))


def _lack(pairs: Sequence[RealPair], place: Path) -> Curve:
    kept = []
    for pair in pairs:
        lr, hr = luma_studio(pair.lr_u8), luma_studio(pair.hr_u8)
        kept.append(response(lr, hr, scale_of(pairs)))
    pool = DegradationPool.open(_measured(pairs, place))
    kernels = [pool.read_kernel(key) for key in pool.index(scale_of(pairs)).kernel_ids]
    of_kernels = np.log(mean_response(kernels))
    lack = np.median(kept, axis=0) - np.interp(CAMERA_FREQUENCIES, BAND_FREQUENCIES, of_kernels)
    return tuple(map(float, lack))


def _measured(pairs: Sequence[RealPair], place: Path) -> Path:
    """Return a pool that was measured in LR alone."""
    photos, pool = place / "photos", place / "pool"
    photos.mkdir()
    for pair in pairs:
        shutil.copy(pair.lr_path, photos)
    run_degrade("build-pool", photos, "--pool", pool, "--scale", str(scale_of(pairs)))
    return pool


def _judge(folder: Path, split: int, options: argparse.Namespace) -> None:
    train, test = split_scenes(read_real_pairs(folder), split)
    known = {name: curve for name, curve in LACK.items() if not name.startswith(options.without)}
    recipes = {"measured, as estimated": UNCHANGED, "measured, given back": taps_of(known)}
    scores: dict[str, dict[str, Table]] = {}
    with tempfile.TemporaryDirectory(prefix="estimates-lack-") as place:
        sets = _sets(train, recipes, Path(place), split, options)
        for number, (name, draws) in enumerate(sets):
            own, steps = Path(place) / f"network-{number}", options.full and options.steps
            found = score_set(draws, test, own, split, steps=steps, curve=tone_of(train))
            for ending, table in zip(("", NETWORK), found, strict=False):
                scores[name + ending] = {"test": table, "other": table}
    title = f"{folder.name}, split {split}: {len(train)} scenes measured, {len(test)} judged"
    print(f"\n{title}, means of {options.seeds} draws", flush=True)
    for table_of_all in tables(scores):
        print(table_of_all, flush=True)


def _sets(
    train: Sequence[RealPair],
    recipes: Mapping[str, EvenTaps],
    place: Path,
    split: int,
    options: argparse.Namespace,
) -> Iterator[tuple[str, list[list[Pair]]]]:
    """Yield each kind of pairs, as often as they were drawn."""
    scale = scale_of(train)
    yield CEILING, [[(pair.lr_u8, pair.hr_u8) for pair in train]]
    pool, has_floor = _measured(train, place), False
    for name, taps in recipes.items():
        recipe = place / f"{name}.toml"
        entry = Entry(Response.kind, ResponseSettings(taps, "spectral"))
        recipe.write_text(recipe_to_toml(replace(MEASURED.having(entry), name=name)))
        draws = []
        for seed in range(options.seeds):
            out = place / f"{name}, {seed}"
            words = ("--recipe", str(recipe))
            build_set(pool, options.hr, out, words, scale=scale, seed=split + _SEEDS_APART * seed)
            draws.append(read_set(out))
        if not has_floor:
            has_floor = True
            name_of_floor, floor = next(synthetic_sets([hr for _, hr in draws[0]], scale, split))
            yield name_of_floor, [floor]
        yield name, draws


if __name__ == "__main__":
    run_main(main)
