"""A person's file stands where a result goes: it is kept, whatever the command and the file."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.disk.results import RECORD_NAME
from degrade.errors import DegradeError
from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel
from degrade.kernels.kernelgan_mat import write_kernelgan_mat
from degrade.pairs import open_pairs
from pipelines.cli import main
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.upscaling.upscale import UpscaleConfig, upscale
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


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    root = tmp_path_factory.mktemp("material")
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


def _train(*more: object, sizes: tuple[str, ...] = ()) -> Run:
    def run(m: Material, out: Path) -> Result:
        options = ("--steps", 1, "--batch-size", 1, "--hr-patch", 32, "--device", "cpu")
        changes = [word for size in sizes for word in ("--set", size)]
        pairs = ("--pairs", m / "pairs", "--validation", m / "pairs")
        return degrade("train", *pairs, "--out", out, *options, *changes, *more)

    return run


def _export(format: str) -> Run:
    return lambda m, out: degrade("export", m / "pairs", out, "--to", format, "--jobs", 1)


def _build_pairs(m: Material, out: Path) -> Result:
    options = ("--pool", m / "pool", "--scale", 2, "--hr-size", 32, "--jobs", 1)
    return degrade("build-pairs", "--hr", m / "hr", "--out", out, *options)


def _build_pool(m: Material, out: Path) -> Result:
    options = ("--scale", 2, "--patch-size", 16, "--jobs", 1)
    return degrade("build-pool", m / "hr", "--pool", out, *options)


def _upscale(m: Material, out: Path, *more: object) -> Result:
    options = ("--weights", m / "w.pth", "--device", "cpu")
    return degrade("upscale", m / "small", "--out", out, *options, *more)


def _replay(m: Material, out: Path, *more: object) -> Result:
    return degrade("replay", m / "pairs", m.key, "--out", out, *more)


def _sheet(m: Material, out: Path, *more: object) -> Result:
    pytest.importorskip("matplotlib")
    return degrade("inspect", m / "pool", "--sheet", out / "sheet.png", *more)


def _pairs_sheet(m: Material, out: Path, *more: object) -> Result:
    return degrade("inspect", m / "pairs", "--sheet", out / "pairs.png", *more)


def _convert(name: str) -> Run:
    return lambda m, out, *more: degrade("convert", m / "w.pth", out / name, *more)


def _export_model(name: str) -> Run:
    def run(m: Material, out: Path, *more: object) -> Result:
        if name.endswith("onnx"):
            pytest.importorskip("onnx")
            pytest.importorskip("onnxruntime")
        return degrade("export-model", m / "w.pth", out / name, *more)

    return run


def _make(m: Material, out: Path, *more: object) -> Result:
    if not (out / "hr").exists():
        shutil.copytree(m / "hr", out / "hr")
    return degrade("manifest", "make", out / "hr", "--out", out / "list.jsonl", *more)


def _split(m: Material, out: Path, *more: object) -> Result:
    if not (out / "photos.jsonl").exists():
        shutil.copytree(m / "hr", out / "hr")
        shutil.copy(m / "photos.jsonl", out)
    shares = ("--train", 0.4, "--val", 0.3, "--test", 0.3, "--seed", 1)
    return degrade("manifest", "split", out / "photos.jsonl", *shares, *more)


def _estimate(*options: object) -> Run:
    def run(m: Material, out: Path, *more: object) -> Result:
        pool = ("--pool", out.parent / "new pool", "--out-mat", out, "--scale", 2)
        return degrade("estimate-kernels", m / "hr", *pool, *options, "--jobs", 1, *more)

    return run


def _report(m: Material, out: Path) -> Result:
    return degrade("--report", out / "report.json", "inspect", m / "pool")


def _import(kind: str, *options: object) -> Run:
    return lambda m, out: degrade(f"import-{kind}", m / kind, "--pool", out, *options)


def _import_pairs(m: Material, out: Path) -> Result:
    sides = ("--hr", m / "hr", "--lr", m / "lr")
    return degrade("import-pairs", *sides, "--out", out, "--jobs", 1)


def _demo(_m: Material, out: Path) -> Result:
    pytest.importorskip("skimage")
    (out / ".degrade-demo").touch()
    return degrade("demo", "--out", out, "--jobs", 1)


def _spectral(m: Material, out: Path) -> Result:
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
STAGES = _train("--stages", "rrdb-psnr,realsr", sizes=SMALL_SIZES)

# What a command makes in an empty folder. It refuses to begin where a file has such a name.
REFUSED: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "train": (_train(), TRAIN_FILES),
    "train in stages": (STAGES, ("training.json", "1-rrdb-psnr/generator.pth", "2-realsr/x.png")),
    "export png": (
        _export("png"),
        (
            *("hr", "lr", "meta_info.txt", "meta_info_pair.txt", "export.json"),
            *("options/basicsr_psnr.yml", "options", ".partial/mine.txt", ".partial", ".lock"),
        ),
    ),
    "export kair": (
        _export("kair"),
        ("trainH", "trainL", "kernels.mat", "options/kair_psnr.json"),
    ),
    "export lmdb": (_export("basicsr-lmdb"), ("pairs_HR.lmdb", "pairs_LR.lmdb")),
    "export webdataset": (_export("webdataset"), ("pairs-000000.tar",)),
    "export h5": (_export("h5"), ("pairs.h5",)),
    "upscale": (_upscale, ("upscale.jsonl", "rejects.jsonl", ".lock")),
    "replay": (_replay, ("KEY_HR.png", "KEY_LR.png")),
    "inspect": (_sheet, ("sheet.png",)),
    "inspect pairs": (_pairs_sheet, ("pairs.png",)),
    "convert": (_convert("o.pth"), ("o.pth", ".degrade.jsonl")),
    "convert safe": (_convert("o.safetensors"), ("o.safetensors",)),
    "export-model": (_export_model("o.onnx"), ("o.onnx",)),
    "export-model safe": (_export_model("o.safetensors"), ("o.safetensors",)),
    "manifest make": (_make, ("list.jsonl",)),
    "manifest split": (
        _split,
        ("photos.train.jsonl", "photos.val.jsonl", "photos.test.jsonl"),
    ),
    "estimate-kernels": (_estimate(), ("a/a_kernel_x2.mat", "b/b_kernel_x2.mat", "a")),
    "estimate-kernels shared": (_estimate("--shared"), ("shared/shared_kernel_x2.mat",)),
    "report": (_report, ("report.json",)),
    "build-pool": (
        _build_pool,
        ("pool.json", "index.jsonl", "rejects.jsonl", "kernels", "photo.jpg"),
    ),
    "import-kernels": (_import("kernels", "--scale", 2), ("pool.json", "rejects.jsonl")),
    "import-noise": (_import("noise"), ("pool.json", "rejects.jsonl")),
    "build-pairs": (_build_pairs, (*PAIR_FILES, "run.json.old", "photo.jpg", ".lock")),
    "import-pairs": (_import_pairs, PAIR_FILES),
    "demo": (_demo, ("demo.png", "src/astronaut.png", "notes.txt", "model/notes.txt", "my/a.png")),
    "spectral_training": (_spectral, ("n.x", "n.jsonl")),
}

# What the same command meets when it is given again, and a person's file has come meanwhile.
REFUSED_AGAIN: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "train": (
        _train(),
        (
            *(name for name in TRAIN_FILES if name[:5] not in ("check", "photo")),
            *("checkpoint-00000009.pt", "checkpoint-00000009.json"),
        ),
    ),
    "train in stages": (STAGES, ("training.json", "2-realsr/generator.pth")),
    "export png": (_export("png"), ("export.json",)),
    "upscale": (_upscale, ("upscale.jsonl", "rejects.jsonl")),
    "replay": (_replay, ("KEY_HR.png", "KEY_LR.png")),
    "inspect": (_sheet, ("sheet.png",)),
    "convert": (_convert("o.pth"), ("o.pth",)),
    "export-model": (_export_model("o.safetensors"), ("o.safetensors",)),
    "manifest make": (_make, ("list.jsonl",)),
    "manifest split": (_split, ("photos.train.jsonl",)),
    "estimate-kernels": (_estimate(), ("a/a_kernel_x2.mat",)),
    "build-pool": (_build_pool, ("rejects.jsonl", "pool.json")),
    "import-kernels": (_import("kernels", "--scale", 2), ("rejects.jsonl",)),
    "build-pairs": (_build_pairs, ("run.json", "rejects.jsonl", "manifest.json")),
    "import-pairs": (_import_pairs, ("rejects.jsonl", "manifest.json")),
}

# Files that are in nobody's way: the command does its work and leaves them.
PASSED_BY: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "export": (_export("png"), ("options/mine.tmp", "photo.jpg", "options/mine.yml")),
    "upscale": (_upscale, ("photo.jpg", "mine.tmp", "a.png")),
    "replay": (_replay, ("photo.jpg",)),
    "inspect": (_sheet, ("photo.jpg",)),
    "estimate-kernels": (_estimate(), ("a/notes.txt",)),
    "build-pool": (_build_pool, (".hidden.tmp",)),
}
PASSED_BY_AGAIN: Mapping[str, tuple[Run, tuple[str, ...]]] = {
    "build-pool": (_build_pool, ("kernels/mine.tmp", "noise/mine.tmp", "mine.tmp")),
    "build-pairs": (_build_pairs, ("mine.tmp", "photo.jpg")),
    "export": (_export("png"), (".partial/mine.txt", "options/mine.tmp")),
    "train": (_train(), ("photo.jpg", "checkpoint-mine.pt", "mine.tmp")),
    "upscale": (_upscale, ("a.png",)),
}


@dataclass
class Planted:
    """A person's file, as something of a given kind."""

    path: Path
    kind: str
    elsewhere: Path
    before: list[object] = field(default_factory=list)

    def plant(self) -> None:
        for path in (self.path, self.elsewhere):
            path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.is_dir() and not self.path.is_symlink():
            shutil.rmtree(self.path)
        self.path.unlink(missing_ok=True)
        if self.kind == "folder":
            self.path.mkdir()
            (self.path / "mine.txt").write_bytes(MINE)
        elif self.kind == "file":
            self.path.write_bytes(MINE)
        else:
            self.elsewhere.write_bytes(MINE)
            link = os.symlink if self.kind == "link" else os.link
            link(self.elsewhere, self.path)
        self.before = self.state()

    def state(self) -> list[object]:
        found: list[object] = []
        for path in (self.path, self.path / "mine.txt", self.elsewhere):
            if os.path.lexists(path):
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found.append((status.st_ino, status.st_mode, content))
        return found


KINDS = ("file", "link", "hard link", "folder")
CASES = [
    pytest.param(run, name, kind, again, refused, id=f"{command}{mark}-{name}-{kind}")
    for rows, again, refused, mark in (
        (REFUSED, False, True, ""),
        (REFUSED_AGAIN, True, True, " again"),
        (PASSED_BY, False, False, ""),
        (PASSED_BY_AGAIN, True, False, " again"),
    )
    for command, (run, names) in rows.items()
    for name in names
    for kind in KINDS
    if kind != "folder" or (refused and name not in ("options", "a"))
]


@pytest.mark.parametrize(("run", "name", "kind", "again", "refused"), CASES)
def test_a_persons_file_is_kept(
    tmp_path: Path,
    material: Material,
    run: Run,
    name: str,
    kind: str,
    again: bool,
    refused: bool,
    finished: Callable[[Run], Path],
) -> None:
    out = tmp_path / "out"
    if again:
        shutil.copytree(finished(run), out, symlinks=True)
    else:
        out.mkdir()
    file = Planted(out / name.replace("KEY", material.key), kind, tmp_path / "elsewhere" / "mine")
    file.plant()
    result = run(material, out)
    assert file.state() == file.before, result.output
    if run is _upscale and name.endswith("png"):  # its photo is rejected, the others are enlarged
        assert result.exit_code == 3 and name in result.output
    elif not refused:
        assert result.exit_code == 0, result.output
    elif run is not _spectral:
        assert result.exit_code == 1 and len(result.output.splitlines()) <= 30, result.output
        last = result.output.splitlines()[-1]
        assert name.split("/")[0].replace("KEY", material.key) in last or "mine.txt" in last, last
    else:
        assert result.exit_code == 2


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, material: Material) -> Callable[[Run], Path]:
    """Return the folder of a run that has ended; made once, not to be changed."""
    made: dict[Run, Path] = {}

    def get(run: Run) -> Path:
        if run not in made:
            made[run] = tmp_path_factory.mktemp("finished") / "out"
            made[run].mkdir()
            result = run(material, made[run])
            assert result.exit_code == 0, result.output
        return made[run]

    return get


AGAIN = {**REFUSED, **REFUSED_AGAIN, "build-pairs": REFUSED["build-pairs"]}


@pytest.mark.parametrize("command", [c for c in AGAIN if c not in ("demo", "spectral_training")])
def test_a_command_given_again_replaces_its_own(
    tmp_path: Path, material: Material, command: str, finished: Callable[[Run], Path]
) -> None:
    run = AGAIN[command][0]
    out = tmp_path / "out"
    shutil.copytree(finished(run), out)
    before = {path: path.read_bytes() for path in out.rglob("*.p*") if path.is_file()}
    result = run(material, out)
    assert result.exit_code == 0, result.output
    assert before == {path: path.read_bytes() for path in before}


OVERWRITTEN: Mapping[str, tuple[Callable[..., Result], str]] = {
    "upscale": (_upscale, "a.png"),
    "replay": (_replay, "KEY_LR.png"),
    "inspect": (_sheet, "sheet.png"),
    "convert": (_convert("o.pth"), "o.pth"),
    "export-model": (_export_model("o.safetensors"), "o.safetensors"),
    "manifest make": (_make, "list.jsonl"),
    "manifest split": (_split, "photos.train.jsonl"),
    "estimate-kernels": (_estimate(), "a/a_kernel_x2.mat"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", OVERWRITTEN)
def test_overwrite_replaces_a_file_and_no_more(
    tmp_path: Path, material: Material, command: str, kind: str
) -> None:
    run, name = OVERWRITTEN[command]
    out = tmp_path / "out"
    file = Planted(out / name.replace("KEY", material.key), kind, tmp_path / "elsewhere" / "mine")
    file.plant()
    result = run(material, out, "--overwrite")
    if kind == "folder":
        assert result.exit_code in (1, 3) and file.state() == file.before
        return
    assert result.exit_code == 0, result.output
    assert file.path.is_file() and not file.path.is_symlink()
    assert file.path.read_bytes() != MINE and file.path.stat().st_nlink == 1
    assert kind == "file" or file.elsewhere.read_bytes() == MINE
    assert run(material, out).exit_code == 0  # now it is the command's own


@pytest.mark.parametrize(
    ("run", "name", "again"),
    [
        (_train(), "tensorboard", True),
        (STAGES, "2-realsr", False),
        (_export("png"), "options", False),
        (_export("png"), ".partial", False),
        (_upscale, "sub", False),
        (_estimate(), "a", False),
        (_build_pool, "kernels", True),
        (_build_pool, "noise", True),
    ],
)
def test_no_write_follows_a_linked_folder(
    tmp_path: Path,
    material: Material,
    run: Run,
    name: str,
    again: bool,
    finished: Callable[[Run], Path],
) -> None:
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    elsewhere.mkdir()
    if again:
        shutil.copytree(finished(run), out)
        shutil.rmtree(out / name, ignore_errors=True)
    else:
        out.mkdir()
    if run is STAGES:  # begun, before its second stage
        shutil.copytree(finished(run), out, dirs_exist_ok=True)
        shutil.rmtree(out / name)
    if run is _upscale:
        shutil.copytree(material / "small", tmp_path / "small" / "sub")
        material = Material(tmp_path, "")
        shutil.copy(finished(_convert("w.pth")) / "w.pth", tmp_path)
    (out / name).symlink_to(elsewhere)
    result = run(material, out)
    assert result.exit_code == 1 and name in result.output, result.output
    assert (out / name).is_symlink() and not list(elsewhere.iterdir())


def test_every_file_in_the_way_is_named_at_once(tmp_path: Path, material: Material) -> None:
    for name in ("hr", "lr", "meta_info.txt", "options/basicsr_psnr.yml"):
        Planted(tmp_path / "out" / name, "file", tmp_path / "elsewhere").plant()
    result = _export("png")(material, tmp_path / "out")
    assert all(name in result.output for name in ("/hr", "/lr", "meta_info.txt", "psnr.yml"))
    assert len(result.output.splitlines()) == 1 and "were not made by this command" in result.output


def test_a_file_that_appears_during_an_export_is_kept(tmp_path: Path, material: Material) -> None:
    for name in ("hr", "meta_info.txt", "options/neosr_gan.toml", "export.json"):
        file = Planted(tmp_path / name.replace("/", "-") / name, "file", tmp_path / "elsewhere")

        def appear(done: int, _total: int, file: Planted = file) -> None:
            if done and not file.before:
                file.plant()

        config = ExportConfig(
            pairs=material / "pairs", out=tmp_path / name.replace("/", "-"), format="png"
        )
        with pytest.raises(DegradeError, match="is there"):
            export_pairs(config, on_progress=appear)
        assert file.state() == file.before
        file.path.unlink()
        if name != "export.json":
            assert export_pairs(config).exit_code == 0


def test_a_file_that_appears_while_photos_are_enlarged_is_kept(
    tmp_path: Path, material: Material
) -> None:
    file = Planted(tmp_path / "out" / "b.png", "file", tmp_path / "elsewhere")

    def appear(done: int, _total: int) -> None:
        if done and not file.before:
            file.plant()

    config = UpscaleConfig(
        sources=(material / "small",), weights=material / "w.pth", out=tmp_path / "out"
    )
    report = upscale(config, on_progress=appear)
    assert (report.done, report.exit_code) == (1, 3) and file.state() == file.before
    assert "b.png is there" in str(report.rejects[0])


def test_a_backup_by_hard_links_stays_as_it_was(tmp_path: Path, material: Material) -> None:
    """``cp -al`` is a usual backup: a log that grows must not grow there too."""
    for run, steps in ((_train(), 2), (_upscale, 0), (_build_pool, 0)):
        out, backup = tmp_path / "out", tmp_path / "backup"
        assert run(material, out).exit_code == 0
        shutil.copytree(out, backup, copy_function=os.link)
        before = {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()}
        if steps:
            again = _train("--steps", steps)(material, out)
        elif run is _upscale:
            (out / "a.png").unlink()
            again = _upscale(material, out)
        else:
            again = degrade("build-pool", material / "small", "--pool", out, "--jobs", 1)
            assert again.exit_code in (0, 3)
        assert again.exit_code in (0, 3), again.output
        assert before == {path: path.read_bytes() for path in before}
        shutil.rmtree(out)
        shutil.rmtree(backup)


def test_a_training_of_before_there_were_records_goes_on(
    tmp_path: Path, material: Material
) -> None:
    out = tmp_path / "out"
    assert _train()(material, out).exit_code == 0
    (out / RECORD_NAME).unlink()
    assert _train("--steps", 2)(material, out).exit_code == 0
    (out / "preview.png").write_bytes(MINE)
    assert "preview.png is there" in _train("--steps", 3)(material, out).output


def test_results_among_the_photos_are_no_photos_the_next_time(
    tmp_path: Path, material: Material
) -> None:
    photos = tmp_path / "photos"
    shutil.copytree(material / "hr", photos)
    write_kernelgan_mat(photos / "kernels", "k", gaussian_kernel(13, 2, (1.2, 0.8)))
    runs: list[tuple[object, ...]] = [
        ("upscale", photos, "--weights", material / "w.pth", "--out", photos / "sr"),
        ("upscale", photos, "--weights", material / "w.pth", "--out", photos / "sr 2"),
        ("build-pool", photos, "--pool", photos / "pool", "--scale", 2, "--patch-size", 16),
        ("import-kernels", photos, "--pool", photos / "pool 2", "--scale", 2),
        (
            *("build-pairs", "--pool", photos / "pool", "--hr", photos, "--out", photos / "pairs"),
            *("--scale", 2, "--hr-size", 32, "--jobs", 1),
        ),
        ("export", photos / "pairs", photos / "export", "--to", "png", "--jobs", 1),
        ("manifest", "make", photos, "--out", photos / "all.jsonl"),
    ]
    for _ in range(2):
        said = [degrade(*run) for run in runs]
        assert all(result.exit_code == 0 for result in said), [each.output for each in said]
    assert len((photos / "all.jsonl").read_bytes().splitlines()) == 2
    assert len(list((photos / "sr 2").glob("*.png"))) == 2
    assert "0 kernels, 1 already there" in said[3].output
