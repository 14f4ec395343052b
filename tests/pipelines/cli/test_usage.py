"""Command lines that cannot be meant: one line, with what was got and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pipelines.cli import main

CASES = {
    "build-pool photos --jobs 1.5": "--jobs must be a whole number of at least 1, got 1.5",
    "build-pool photos --scale abc": "--scale must be a number from 1.5 to 64, such as 4, 2.5 or "
    "7/3, got abc",
    "build-pool": "SRC is missing; degrade build-pool --help tells more",
    "build-pool p --pool": "--pool needs a value; degrade build-pool --help tells more",
    "--report": "--report needs a value; degrade --help tells more",
    "manifest make p -o": "-o needs a value; degrade manifest make --help tells more",
    "upscale p --overwrite=3": "--overwrite takes no value; degrade upscale --help tells more",
    "--": "a command is missing; degrade --help tells more",
    "BUILD-POOL p": "degrade has no command BUILD-POOL; did you mean build-pool?",
    "match p --pairs q": "match has no option --pairs; degrade match --help tells more",
    "upscale p --weights w --format bmp": "--format must be one of png, jpeg, tiff, webp, got bmp",
    "upscale p --weights w --format jpe": "--format must be one of png, jpeg, tiff, webp, got jpe; "
    "did you mean jpeg?",
    "upscale p --weights w --max-memory 0": "--max-memory must be a number above 0, got 0",
    "upscale p --weights w --alpha 2": "--alpha must be a number from 0 to 1, got 2",
    "upscale p --weights=": "--weights: the path is empty; for the current folder give .",
    "upscal p": "degrade has no command upscal; did you mean upscale?",
    "frobnicate": "degrade has no command frobnicate; degrade --help tells more",
    "manifest mak": "manifest has no command mak; did you mean make?",
    "manifest make p": "--out is missing; degrade manifest make --help tells more",
    "--versoin": "degrade has no option --versoin; did you mean --version?",
    "train --validate v": "train has no option --validate; did you mean --validation?",
    "train --zzz": "train has no option --zzz; degrade train --help tells more",
    "train": "train needs --pairs, or --hr with --pool or a recipe that needs none",
    "train --pairs p --preset huge": "--preset must be one of tiny, ",
    "convert a": "convert needs OUT; degrade convert --help tells more",
    "export a b --out c --to png": "OUT is given twice: b and c; give one of them",
    "verify a b": "verify takes no more arguments, got b; degrade verify --help tells more",
    "build-pairs --pool p --hr-size x": "--hr-size must be a number of pixels, full or auto, got",
    "build-pairs --scheduler x": "--scheduler is Dask's: add --backend dask, or leave it out",
    "study make s --kind mos --results out": "--results must be NAME=DIR, such as mine=out, got",
}


@pytest.mark.parametrize("words", CASES)
def test_a_command_line_that_cannot_be_meant_is_told_in_one_line(words: str) -> None:
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 2, result.output
    assert result.output.startswith(f"degrade: {CASES[words]}"), result.output
    assert result.output.count("\n") == 1, result.output
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("build-pool --pool a none --pool b", "--pool is given twice, the last counts: b"),
        ("convert none -o b.pth --out c.pth", "--out is given twice, the last counts: c.pth"),
        ("train --pairs none --steps 1 --steps=2", "--steps is given twice, the last counts: 2"),
    ],
)
def test_an_option_given_twice_is_told(words: str, told: str) -> None:
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 1 and result.stderr.startswith(f"degrade: {told}\n"), result.output


@pytest.mark.parametrize(
    "words", ["evaluate none --sr a --sr b", "import-kernels none --pool p --index 0 --index 1"]
)
def test_an_option_that_may_be_given_often_is_not_told_of(words: str) -> None:
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 1 and "twice" not in result.output, result.output


@pytest.mark.parametrize("words", ["", "manifest"])
def test_a_group_alone_shows_its_help(words: str) -> None:
    result = CliRunner().invoke(main, words.split())
    assert (
        result.exit_code == 2
        and result.output.startswith("Usage: ")
        and "Options:" in result.output
    )


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[list[str]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _leaves(inner, (*path, name))
        return
    for parameter in command.params:
        if "--out" in parameter.opts:
            yield [" ".join(path), *parameter.opts]


def test_every_command_takes_the_same_names_for_where_its_results_go() -> None:
    found = list(_leaves(main))
    assert {"fingerprint", "train", "convert", "export", "manifest make"} <= {f[0] for f in found}
    assert all(opts == ["-o", "--out"] for _, *opts in found), found


def test_weights_are_converted_to_out_by_place_or_by_name(tmp_path: Path) -> None:
    for words in (["b.pth"], ["-o", "b.pth"], ["--out", "b.pth"]):
        result = CliRunner().invoke(main, ["convert", str(tmp_path / "a.pth"), *words])
        assert result.exit_code == 1 and "a.pth" in result.output, result.output


@pytest.mark.parametrize("words", ["-h", "train -h", "manifest make -h"])
def test_h_is_help(words: str) -> None:
    result = CliRunner().invoke(main, words.split())
    assert result.exit_code == 0 and result.output.startswith("Usage: "), result.output


def test_the_program_may_have_another_name() -> None:
    result = CliRunner().invoke(main, ["manifest", "mak"], prog_name="python -m pipelines.cli")
    assert result.output == "degrade: manifest has no command mak; did you mean make?\n"


@pytest.mark.parametrize("short", ["jpg", "tif"])
def test_endings_of_files_stand_for_formats(short: str) -> None:
    result = CliRunner().invoke(main, ["upscale", "p", "--weights", "w", f"--format={short}"])
    assert "--format" not in result.output and "w:" in result.output, result.output
