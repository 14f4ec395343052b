"""A person's file stands where a result goes: it is kept, whatever the command and the file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import Result

from degrade.disk.results import RECORD_NAME
from degrade.errors import DegradeError
from degrade.kernels import gaussian_kernel
from degrade.kernels.kernelgan_mat import write_kernelgan_mat
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.upscaling.upscale import UpscaleConfig, upscale
from tests.pipelines.foreign_commands import (
    MINE,
    PASSED_BY,
    PASSED_BY_AGAIN,
    REFUSED,
    REFUSED_AGAIN,
    STAGES,
    Material,
    Run,
    degrade,
    make_material,
    run_build_pool,
    run_convert,
    run_estimate,
    run_export,
    run_export_model,
    run_make,
    run_replay,
    run_sheet,
    run_spectral,
    run_split,
    run_train,
    run_upscale,
)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return make_material(tmp_path_factory.mktemp("material"))


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
    if run is run_upscale and name.endswith(
        "png"
    ):  # its photo is rejected, the others are enlarged
        assert result.exit_code == 3 and name in result.output
    elif not refused:
        assert result.exit_code == 0, result.output
    elif run is not run_spectral:
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
    "upscale": (run_upscale, "a.png"),
    "replay": (run_replay, "KEY_LR.png"),
    "inspect": (run_sheet, "sheet.png"),
    "convert": (run_convert("o.pth"), "o.pth"),
    "export-model": (run_export_model("o.safetensors"), "o.safetensors"),
    "manifest make": (run_make, "list.jsonl"),
    "manifest split": (run_split, "photos.train.jsonl"),
    "estimate-kernels": (run_estimate(), "a/a_kernel_x2.mat"),
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
        (run_train(), "tensorboard", True),
        (STAGES, "2-realsr", False),
        (run_export("png"), "options", False),
        (run_export("png"), ".partial", False),
        (run_upscale, "sub", False),
        (run_estimate(), "a", False),
        (run_build_pool, "kernels", True),
        (run_build_pool, "noise", True),
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
    if run is run_upscale:
        shutil.copytree(material / "small", tmp_path / "small" / "sub")
        material = Material(tmp_path, "")
        shutil.copy(finished(run_convert("w.pth")) / "w.pth", tmp_path)
    (out / name).symlink_to(elsewhere)
    result = run(material, out)
    assert result.exit_code == 1 and name in result.output, result.output
    assert (out / name).is_symlink() and not list(elsewhere.iterdir())


def test_every_file_in_the_way_is_named_at_once(tmp_path: Path, material: Material) -> None:
    for name in ("hr", "lr", "meta_info.txt", "options/basicsr_psnr.yml"):
        Planted(tmp_path / "out" / name, "file", tmp_path / "elsewhere").plant()
    result = run_export("png")(material, tmp_path / "out")
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
    for run, steps in ((run_train(), 2), (run_upscale, 0), (run_build_pool, 0)):
        out, backup = tmp_path / "out", tmp_path / "backup"
        assert run(material, out).exit_code == 0
        shutil.copytree(out, backup, copy_function=os.link)
        before = {path: path.read_bytes() for path in backup.rglob("*") if path.is_file()}
        if steps:
            again = run_train("--steps", steps)(material, out)
        elif run is run_upscale:
            (out / "a.png").unlink()
            again = run_upscale(material, out)
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
    assert run_train()(material, out).exit_code == 0
    (out / RECORD_NAME).unlink()
    assert run_train("--steps", 2)(material, out).exit_code == 0
    (out / "preview.png").write_bytes(MINE)
    assert "preview.png is there" in run_train("--steps", 3)(material, out).output


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
