"""Commands that write results, and the files that each makes: where a person's may stand."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel
from degrade.kernels.kernelgan_mat import write_kernelgan_mat
from degrade.pairs import open_pairs
from pipelines.cli import main
from spectral_training.__main__ import main as train_spectral
from tests.making import fill_pool, make_scene
from tests.pipelines.enlarged import write_interpolator

MINE = b"my holiday\n"


def degrade(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@dataclass(frozen=True)
class Material:
    """What the commands read; not to be changed. The others lie below ``root``."""

    root: Path
    key: str

    def __truediv__(self, name: str) -> Path:
        return self.root / name


def make_material(root: Path) -> Material:
    for name in ("a", "b"):
        scene = make_scene(name, 96, 96)
        noise = np.random.default_rng(len(name)).normal(0.5, 0.01, (48, 48, 1))
        scene[:48, :48] = noise  # a flat part, for those who look for noise
        write_png(root / "hr" / f"{name}.png", quantise(scene))
        write_png(root / "lr" / f"{name}.png", quantise(scene[::2, ::2]))
        write_png(root / "small" / f"{name}.png", quantise(scene[:16, :16]))
    write_png(root / "noise" / "n.png", quantise(0.01 * make_scene("n", 64, 64) + 0.5))
    write_kernelgan_mat(root / "kernels", "k", gaussian_kernel(13, 2, (1.2, 0.8)))
    fill_pool(root / "pool")
    write_interpolator(root / "w.pth", scale=2)
    options = ("--pool", root / "pool", "--scale", 2, "--hr-size", 32, "--jobs", 1)
    built = degrade("build-pairs", "--hr", root / "hr", "--out", root / "pairs", *options)
    assert built.exit_code == 0, built.output
    made = degrade("manifest", "make", root / "hr", "--out", root / "photos.jsonl")
    assert made.exit_code == 0, made.output
    with open_pairs(root / "pairs") as reader:
        return Material(root, reader.keys[0])


Run = Callable[[Material, Path], Result]
"""Runs a command whose results go into a folder, or below it."""


def run_train(*more: object, sizes: tuple[str, ...] = ()) -> Run:
    def run(m: Material, out: Path) -> Result:
        options = ("--steps", 1, "--batch-size", 1, "--hr-patch", 32, "--device", "cpu")
        changes = [word for size in sizes for word in ("--set", size)]
        pairs = ("--pairs", m / "pairs", "--validation", m / "pairs")
        return degrade("train", *pairs, "--out", out, *options, *changes, *more)

    return run


def run_export(format: str) -> Run:
    return lambda m, out: degrade("export", m / "pairs", out, "--to", format, "--jobs", 1)


def run_build_pairs(m: Material, out: Path) -> Result:
    options = ("--pool", m / "pool", "--scale", 2, "--hr-size", 32, "--jobs", 1)
    return degrade("build-pairs", "--hr", m / "hr", "--out", out, *options)


def run_build_pool(m: Material, out: Path) -> Result:
    options = ("--scale", 2, "--patch-size", 16, "--jobs", 1)
    return degrade("build-pool", m / "hr", "--pool", out, *options)


def run_upscale(m: Material, out: Path, *more: object) -> Result:
    options = ("--weights", m / "w.pth", "--device", "cpu")
    return degrade("upscale", m / "small", "--out", out, *options, *more)


def run_replay(m: Material, out: Path, *more: object) -> Result:
    return degrade("replay", m / "pairs", m.key, "--out", out, *more)


def run_sheet(m: Material, out: Path, *more: object) -> Result:
    pytest.importorskip("matplotlib")
    return degrade("inspect", m / "pool", "--sheet", out / "sheet.png", *more)


def run_pairs_sheet(m: Material, out: Path, *more: object) -> Result:
    return degrade("inspect", m / "pairs", "--sheet", out / "pairs.png", *more)


def run_convert(name: str) -> Run:
    return lambda m, out, *more: degrade("convert", m / "w.pth", out / name, *more)


def run_export_model(name: str) -> Run:
    def run(m: Material, out: Path, *more: object) -> Result:
        if name.endswith("onnx"):
            pytest.importorskip("onnx")
            pytest.importorskip("onnxruntime")
        return degrade("export-model", m / "w.pth", out / name, *more)

    return run


def run_make(m: Material, out: Path, *more: object) -> Result:
    if not (out / "hr").exists():
        shutil.copytree(m / "hr", out / "hr")
    return degrade("manifest", "make", out / "hr", "--out", out / "list.jsonl", *more)


def run_split(m: Material, out: Path, *more: object) -> Result:
    if not (out / "photos.jsonl").exists():
        shutil.copytree(m / "hr", out / "hr")
        shutil.copy(m / "photos.jsonl", out)
    shares = ("--train", 0.4, "--val", 0.3, "--test", 0.3, "--seed", 1)
    return degrade("manifest", "split", out / "photos.jsonl", *shares, *more)


def run_estimate(*options: object) -> Run:
    def run(m: Material, out: Path, *more: object) -> Result:
        pool = ("--pool", out.parent / "new pool", "--out-mat", out, "--scale", 2)
        return degrade("estimate-kernels", m / "hr", *pool, *options, "--jobs", 1, *more)

    return run


def run_report(m: Material, out: Path) -> Result:
    return degrade("--report", out / "report.json", "inspect", m / "pool")


def run_import(kind: str, *options: object) -> Run:
    return lambda m, out: degrade(f"import-{kind}", m / kind, "--pool", out, *options)


def run_import_pairs(m: Material, out: Path) -> Result:
    sides = ("--hr", m / "hr", "--lr", m / "lr")
    return degrade("import-pairs", *sides, "--out", out, "--jobs", 1)


def run_demo(_m: Material, out: Path) -> Result:
    pytest.importorskip("skimage")
    (out / ".degrade-demo").touch()
    return degrade("demo", "--out", out, "--jobs", 1)


def run_spectral(m: Material, out: Path) -> Result:
    arguments = ["x", str(m / "hr"), "--samples", str(out / "s"), "--out", str(out / "n.x")]
    before, sys.argv = sys.argv, arguments
    try:
        train_spectral()
    except SystemExit as error:
        return Result(CliRunner(), b"", b"", b"", None, int(error.code or 0), error)
    finally:
        sys.argv = before
    raise AssertionError("it began")


PAIR_FILES = ("run.json", "manifest.json", "rejects.jsonl", "shard-00000.h5", "shard-00000.json")
TRAIN_FILES = (
    *("generator.pth", "best.pth", "preview.png", "log.jsonl", "validation.jsonl"),
    *("rejects.jsonl", "training.json", "checkpoint-00000001.pt", "checkpoint-00000001.json"),
    "photo.jpg",
)
SMALL_SIZES = ("features=8", "blocks=1", "growth=4", "discriminator_features=4", "content_weight=0")
STAGES = run_train("--stages", "rrdb-psnr,realsr", sizes=SMALL_SIZES)

# What a command makes in an empty folder. It refuses to begin where a file has such a name.
REFUSED: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "train": (run_train(), TRAIN_FILES),
    "train in stages": (STAGES, ("training.json", "1-rrdb-psnr/generator.pth", "2-realsr/x.png")),
    "export png": (
        run_export("png"),
        (
            *("hr", "lr", "meta_info.txt", "meta_info_pair.txt", "export.json"),
            *("options/basicsr_psnr.yml", "options", ".partial/mine.txt", ".partial", ".lock"),
        ),
    ),
    "export kair": (
        run_export("kair"),
        ("trainH", "trainL", "kernels.mat", "options/kair_psnr.json"),
    ),
    "export lmdb": (run_export("basicsr-lmdb"), ("pairs_HR.lmdb", "pairs_LR.lmdb")),
    "export webdataset": (run_export("webdataset"), ("pairs-000000.tar",)),
    "export h5": (run_export("h5"), ("pairs.h5",)),
    "upscale": (run_upscale, ("upscale.jsonl", "rejects.jsonl", ".lock")),
    "replay": (run_replay, ("KEY_HR.png", "KEY_LR.png")),
    "inspect": (run_sheet, ("sheet.png",)),
    "inspect pairs": (run_pairs_sheet, ("pairs.png",)),
    "convert": (run_convert("o.pth"), ("o.pth", ".degrade.jsonl")),
    "convert safe": (run_convert("o.safetensors"), ("o.safetensors",)),
    "export-model": (run_export_model("o.onnx"), ("o.onnx",)),
    "export-model safe": (run_export_model("o.safetensors"), ("o.safetensors",)),
    "manifest make": (run_make, ("list.jsonl",)),
    "manifest split": (
        run_split,
        ("photos.train.jsonl", "photos.val.jsonl", "photos.test.jsonl"),
    ),
    "estimate-kernels": (run_estimate(), ("a/a_kernel_x2.mat", "b/b_kernel_x2.mat", "a")),
    "estimate-kernels shared": (run_estimate("--shared"), ("shared/shared_kernel_x2.mat",)),
    "report": (run_report, ("report.json",)),
    "build-pool": (
        run_build_pool,
        ("pool.json", "index.jsonl", "rejects.jsonl", "kernels", "photo.jpg"),
    ),
    "import-kernels": (run_import("kernels", "--scale", 2), ("pool.json", "rejects.jsonl")),
    "import-noise": (run_import("noise"), ("pool.json", "rejects.jsonl")),
    "build-pairs": (run_build_pairs, (*PAIR_FILES, "run.json.old", "photo.jpg", ".lock")),
    "import-pairs": (run_import_pairs, PAIR_FILES),
    "demo": (
        run_demo,
        ("demo.png", "src/astronaut.png", "notes.txt", "model/notes.txt", "my/a.png"),
    ),
    "spectral_training": (run_spectral, ("n.x", "n.jsonl")),
}

# What the same command meets when it is given again, and a person's file has come meanwhile.
REFUSED_AGAIN: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "train": (
        run_train(),
        (
            *(name for name in TRAIN_FILES if name[:5] not in ("check", "photo")),
            *("checkpoint-00000009.pt", "checkpoint-00000009.json"),
        ),
    ),
    "train in stages": (STAGES, ("training.json", "2-realsr/generator.pth")),
    "export png": (run_export("png"), ("export.json",)),
    "upscale": (run_upscale, ("upscale.jsonl", "rejects.jsonl")),
    "replay": (run_replay, ("KEY_HR.png", "KEY_LR.png")),
    "inspect": (run_sheet, ("sheet.png",)),
    "convert": (run_convert("o.pth"), ("o.pth",)),
    "export-model": (run_export_model("o.safetensors"), ("o.safetensors",)),
    "manifest make": (run_make, ("list.jsonl",)),
    "manifest split": (run_split, ("photos.train.jsonl",)),
    "estimate-kernels": (run_estimate(), ("a/a_kernel_x2.mat",)),
    "build-pool": (run_build_pool, ("rejects.jsonl", "pool.json")),
    "import-kernels": (run_import("kernels", "--scale", 2), ("rejects.jsonl",)),
    "build-pairs": (run_build_pairs, ("run.json", "rejects.jsonl", "manifest.json")),
    "import-pairs": (run_import_pairs, ("rejects.jsonl", "manifest.json")),
}

# Files that are in nobody's way: the command does its work and leaves them.
PASSED_BY: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "export": (run_export("png"), ("options/mine.tmp", "photo.jpg", "options/mine.yml")),
    "upscale": (run_upscale, ("photo.jpg", "mine.tmp", "a.png")),
    "replay": (run_replay, ("photo.jpg",)),
    "inspect": (run_sheet, ("photo.jpg",)),
    "estimate-kernels": (run_estimate(), ("a/notes.txt",)),
    "build-pool": (run_build_pool, (".hidden.tmp",)),
}
PASSED_BY_AGAIN: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "build-pool": (run_build_pool, ("kernels/mine.tmp", "noise/mine.tmp", "mine.tmp")),
    "build-pairs": (run_build_pairs, ("mine.tmp", "photo.jpg")),
    "export": (run_export("png"), (".partial/mine.txt", "options/mine.tmp")),
    "train": (run_train(), ("photo.jpg", "checkpoint-mine.pt", "mine.tmp")),
    "upscale": (run_upscale, ("a.png",)),
}
