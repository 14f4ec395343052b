"""RealSR's own network, and one trained here on matched pairs, on the same real photos.

LR of one half of RealSR's scenes alone is measured and matched, clean photos of other origin are
degraded so, and a small network is trained on these pairs by L1.
Judged are pairs of scenes that were not measured, and of other cameras; bicubic interpolation
stands beside. All by the program's own commands. What is done in ``--out`` is not done again, and
``--minutes`` ends a call in time: the same command goes on. It ends with the tables of
``degrade evaluate`` and with ``side_by_side.png``.

RealSR's weights are published for another program (ncnn); give them in PyTorch's form.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.downstream.real_pairs import read_real_pairs, split_scenes
from degrade.arrays import U8Array, round_to_u8
from degrade.images.image_io import read_photo, write_png
from degrade.resample import imresize
from esrgan.training.checkpoints import newest_step
from pipelines.matching.photo_sets import even_choice

SHARED = Path(__file__).parents[2] / "shared" / "data"
_SCALE = 4
_PATCH = 96


def main() -> None:
    """Measure, match, train, enlarge, judge."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.beside_realsr",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--realsr", type=Path, required=True, help="RealSR's weights: DF2K, a .pth")
    add("--out", type=Path, required=True, help="folder for everything")
    add("--minutes", type=float, default=60.0, help="go on later where it stopped after so many")
    add("--pairs", type=Path, default=SHARED / "pairs" / "realsr_x4", help="NAME_LR, NAME_HR")
    add("--other", type=Path, default=SHARED / "pairs" / "drealsr_x4", help="another camera set")
    add("--hr", type=Path, nargs="+", default=[SHARED / "train"], help="clean photos")
    add("--photos", type=Path, nargs="*", default=[], help="further photos, for the picture alone")
    add("--judged", type=int, default=20, help="so many scenes of each set are judged")
    add("--steps", type=int, default=2000, help="of training")
    add("--trained", type=Path, help="a network of such pairs of this split, not to be trained")
    add("--split", type=int, default=1)
    given = parser.parse_args()
    try:
        _run(given, time.monotonic() + 60 * given.minutes)
    except TimeoutError:
        print("out of time: give the same command again to go on")


def _run(given: argparse.Namespace, end: float) -> None:
    out: Path = given.out
    sources, unseen = split_scenes(read_real_pairs(given.pairs), given.split)
    other = read_real_pairs(given.other)
    judged = {
        "realsr": [unseen[i] for i in even_choice(len(unseen), given.judged)],
        "drealsr": [other[i] for i in even_choice(len(other), given.judged)],
    }
    for pair in sources:
        _copy(pair.lr_path, out / "photos" / pair.lr_path.name)
    for name, pairs in judged.items():
        for pair in pairs:
            _write(out / name / "HR" / pair.lr_path.name, pair.hr_u8)
            _write(out / name / "LR" / pair.lr_path.name, pair.lr_u8)
            large = imresize(pair.lr_u8.astype(np.float32), _SCALE)
            _write(out / name / "bicubic" / pair.lr_path.name, round_to_u8(large))
    for path in given.photos:
        _copy(path, out / "more" / "LR" / path.name)
    networks = {"realsr": given.realsr, "matched": given.trained or _trained(given, end)}
    sets = [*judged, *(("more",) if given.photos else ())]
    for method, weights in networks.items():
        for name in sets:
            words = ("--weights", weights, "--out", out / name / method, "--device", "cpu")
            _degrade(end, "upscale", out / name / "LR", *words)
    methods = ("bicubic", *networks)
    for name in judged:
        results = [word for method in methods for word in ("--sr", out / name / method)]
        print(f"\n{name}")
        table = ("--csv", out / f"{name}.csv", "--overwrite")
        print(_degrade(end, "evaluate", out / name / "HR", *results, *table))
    shown = [(out / name, pair.lr_path.name) for name in judged for pair in judged[name][:4]]
    shown += [(out / "more", f"{path.stem}.png") for path in given.photos]
    write_png(out / "side_by_side.png", _picture(shown, methods))
    print(f"from left to right LR, {', '.join(methods)}, HR: {out / 'side_by_side.png'}")


def _trained(given: argparse.Namespace, end: float) -> Path:
    """Return a network trained by pixels on pairs that match the photos."""
    out: Path = given.out
    hr = [word for path in given.hr for word in ("--hr", path)]
    scale = ("--scale", _SCALE)
    _once(end, out / "pool", "build-pool", out / "photos", "--pool", out / "pool", *scale)
    _once(end, out / "matched", "match", out / "photos", "--pool", out / "pool", *hr, *scale)
    pairs = ("--pool", out / "pool", "--out", out / "pairs", *scale, "--recipe", "matched")
    _once(end, out / "built", "build-pairs", *pairs, *hr)
    model = out / "model"
    if newest_step(model) != given.steps:
        pixels = ("--set", f"pixel_steps={given.steps}", "--steps", given.steps)
        left = ("--max-minutes", max((end - time.monotonic()) / 60, 0.01), "--device", "cpu")
        words = ("--pairs", out / "pairs", "--out", model, *pixels, *left)
        print(_degrade(end + 60, "train", *words), flush=True)
    if newest_step(model) != given.steps:
        raise TimeoutError
    return model / "generator.pth"


def _once(end: float, mark: Path, *words: object) -> None:
    """Run a command unless it has run to its end before."""
    done = mark.with_suffix(".done")
    if not done.exists():
        print(_degrade(end, *words).splitlines()[0], flush=True)
        done.touch()


def _degrade(end: float, *words: object) -> str:
    """Run a command of the program, which is asked to stop in time; return what it says."""
    command = [sys.executable, "-m", "pipelines.cli", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        told, errors = process.communicate(timeout=max(end - time.monotonic(), 0.1))
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGTERM)
        process.communicate()
        raise TimeoutError from None
    if process.returncode not in (0, 3):
        raise SystemExit(f"{' '.join(command)}: {errors[-2000:]}")
    return told


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def _write(path: Path, pixels: U8Array) -> None:
    if not path.exists():
        write_png(path, pixels)


def _picture(shown: Sequence[tuple[Path, str]], methods: Sequence[str]) -> U8Array:
    """Return a row for each photo: the middle of LR, of each result, and of HR."""
    side = _SCALE * _PATCH
    rows = []
    for folder, name in shown:
        lr = _middle(read_photo(folder / "LR" / name).as_u8(), _PATCH)
        row = [lr.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1)]
        for method in (*methods, "HR"):
            path = folder / method / name
            blank = np.full((side, side, 3), 255, np.uint8)
            row.append(_middle(read_photo(path).as_u8(), side) if path.exists() else blank)
        rows.append(np.hstack(row))
    return np.vstack(rows)


def _middle(image: U8Array, side: int) -> U8Array:
    top, left = ((length - side) // 2 for length in image.shape[:2])
    return image[top : top + side, left : left + side]


if __name__ == "__main__":
    main()
