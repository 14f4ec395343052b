"""Settings in messages become options, and every setting that a message names is one."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, strategies

from degrade.errors import InputError, as_typed, line_of
from degrade.images.image_io import write_png
from esrgan.training.config import TrainingConfig
from pipelines.cli import main
from pipelines.cli.options import as_options, options_of
from tests.making import fill_pool

BUILD = click.Command(
    "build",
    params=[
        click.Option(["--max-pixels"]),
        click.Option(["--to", "format"]),
        click.Option(["--overwrite"], is_flag=True),
        click.Option(["--check/--skip-check"]),
        click.Argument(["sources"]),
    ],
)
TRAIN = click.Command("train", params=[click.Option(["--set", "changes"], multiple=True)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise `max_pixels`", "raise --max-pixels"),
        ("use `format=png`", "use --to png"),
        ("or `overwrite`", "or --overwrite"),
        ("`overwrite=True`", "--overwrite"),
        ("`check=False`", "--skip-check"),
        ("`format=png` or `max_pixels=9`", "--to png or --max-pixels 9"),
        ("max_pixels must be at least 1", "--max-pixels must be at least 1"),
        ("format must be png, got `x`", "--to must be png, got `x`"),
        ("kernels must be odd; max_pixels must", "kernels must be odd; max_pixels must"),
        ("`unknown` and `sources` stay", "`unknown` and `sources` stay"),
        ("no `Setting`, no code ``x``", "no `Setting`, no code ``x``"),
    ],
)
def test_as_options_says_what_a_user_types(text: str, said: str) -> None:
    assert as_options(text, [BUILD]) == said


def test_as_options_names_other_settings_by_set_where_a_command_has_it() -> None:
    assert as_options("`content_weight=0`", [TRAIN]) == "--set content_weight=0"
    assert as_options("change `steps`", [TRAIN]) == "change --set steps=…"
    assert as_options("`content_weight=0`", []) == "`content_weight=0`"


def test_as_options_says_whole_commands_in_their_own_options() -> None:
    text = "run: `degrade build SRC format=png max_pixels=9`, or `degrade unknown x=1`"
    said = "run: degrade build SRC --to png --max-pixels 9, or degrade unknown x=1"
    assert as_options(text, [TRAIN], {"build": BUILD}) == said


ROOT = Path(__file__).parents[3]
LIBRARIES = ("degrade", "kernelgan", "esrgan", "report", "pipelines")
OF_OTHERS = re.compile(r"dask worker .*--nthreads|--nproc-per-node|var\(--\w+\)")
"""Options of other programs, and names in CSS."""


def messages() -> Iterator[tuple[str, str]]:
    """Yield every text outside the command line that is no docstring, and where it stands."""
    for library in LIBRARIES:
        for path in sorted((ROOT / library).rglob("*.py")):
            if "cli" in path.relative_to(ROOT).parts:
                continue
            tree = ast.parse(path.read_text())
            silent = {id(part) for node in ast.walk(tree) for part in docstring_of(node)}
            inside = {
                id(part)
                for node in ast.walk(tree)
                if isinstance(node, ast.JoinedStr)
                for part in ast.walk(node)
                if part is not node
            }
            for node in ast.walk(tree):
                if id(node) in silent or id(node) in inside:
                    continue
                text = text_of(node)
                if text:
                    yield f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", text


def docstring_of(node: ast.AST) -> list[ast.AST]:
    """Return the texts that stand alone in a body: docstrings of whatever is above them."""
    body = getattr(node, "body", [])
    return [
        item.value
        for item in (body if isinstance(body, list) else [])
        if isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
    ]


def text_of(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values
        )
    return ""


def test_messages_outside_the_command_line_name_no_options() -> None:
    wrong = [
        f"{where}: {text}"
        for where, text in messages()
        if re.search(r"(?<![\w-])--[a-z]", OF_OTHERS.sub("", text))
    ]
    assert not wrong, "\n".join(wrong)


def all_settings() -> set[str]:
    """Return what can be set by an option of some command, or in a training's configuration."""
    groups = [each for each in main.commands.values() if isinstance(each, click.Group)]
    inner = [command for group in groups for command in group.commands.values()]
    options = options_of([main, *main.commands.values(), *inner])
    return {*options, *TrainingConfig().settings()}


def test_every_setting_that_a_message_names_can_be_set() -> None:
    commands, known = dict(main.commands), all_settings()
    for where, text in messages():
        for quoted in re.findall(r"`([^`\n]+)`", text):
            called = re.match(r"degrade ([a-z-]+)", quoted)
            if called is not None:
                names = re.findall(r"(?<![\w=])([a-z][a-z0-9_]*)=", quoted)
                there = options_of([commands[called[1]]]).keys()
                assert set(names) <= there, f"{where}: {quoted}"
            elif re.fullmatch(r"[a-z][a-z0-9_]*(=[^\s]*)?", quoted):
                assert quoted.partition("=")[0] in known, f"{where}: {quoted}"


NO_PLAIN_WORDS = ("seed", "iterations", "stride", "tile", "suffix")
"""Settings that no message of ours calls by an everyday word."""


def test_settings_within_a_sentence_stand_in_backquotes() -> None:
    known = all_settings()
    names = [name for name in known if "_" in name or name in NO_PLAIN_WORDS]
    within = re.compile(rf"(?<=[a-z,:;(] )(?:{'|'.join(names)})(?![\w=(-])(?! (?:of|is|are)\b)")
    wrong = [
        f"{where}: {text}"
        for where, text in messages()
        if within.search(re.sub(r"`[^`]*`|'[^']*'", "X", text))
    ]
    assert not wrong, "\n".join(wrong)


# Letters, blanks, what marks settings and what a shell would mind; and what a text may begin with.
NAMES = strategies.text(
    strategies.sampled_from("ab_ =.:-\\`'\"$×\n") | strategies.characters(codec="utf-8"),
    min_size=1,
) | strategies.sampled_from(
    ["seed must be 3.png", "`max_pixels`", "it`s a `max_pixels=3`.png", "a\\`max_pixels\\`", "\\"]
)


@given(NAMES)
def test_names_in_messages_stay_as_they_are(name: str) -> None:
    shown = line_of(name)
    error = InputError(name, "too large", "raise `max_pixels` or `changes=1`")
    for command in (BUILD, TRAIN):
        said = as_options(line_of(str(error)), [command])
        assert said.startswith((f"{shown}: too large", f"./{shown}: too large"))
        assert said.endswith("changes=1`") or "`" not in said.removeprefix(shown)
    assert "raise --max-pixels" in as_options(str(error), [BUILD])
    text = f"run: `degrade build format={as_typed(name)} max_pixels=9`, and max_pixels"
    said = as_options(text, [TRAIN], {"build": BUILD})
    command = said.removeprefix("run: ").removesuffix(", and max_pixels")
    words = shlex.split(command)
    assert words == ["degrade", "build", "--to", shown, "--max-pixels", "9"]


def test_a_photo_with_backquotes_keeps_its_name_in_all_that_is_said(tmp_path: Path) -> None:
    name = "it`s a `seed`, max_pixels must be `small`.png"
    noise = np.random.default_rng(3).normal(120, 3, (64, 64, 3))
    write_png(tmp_path / "photos" / "a `stride`.png", np.rint(noise).astype(np.uint8))
    write_png(tmp_path / "photos" / name, np.zeros((80, 80, 3), np.uint8))
    pool = tmp_path / "a `pool`"
    arguments = ("--pool", pool, "--patch-size", 16, "--max-pixels", 5000)
    output = ended("extract-noise", tmp_path / "photos", *arguments, exit_code=3)
    assert f"{name}: " in output and "raise --max-pixels" in output
    output += ended("inspect", pool) + ended("inspect", tmp_path / "no `pool`", exit_code=1)
    assert "a `pool`: 0 kernels" in output and "a `stride`.png" in output
    assert f"--pool '{tmp_path}/no `pool`'" in output and "\\`" not in output


def ended(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


def test_report_tells_how_every_command_ended(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    ended("--report", path, "verify", tmp_path / "nothing", exit_code=1)
    found = json.loads(path.read_text())
    assert found["job"] == "verify" and found["exit_code"] == 1 and "nothing" in found["error"]
    pool = fill_pool(tmp_path / "pool").path
    flat = tmp_path / "flat.png"
    write_png(flat, np.full((64, 64, 3), 9, np.uint8))
    ended("--report", path, "extract-noise", flat, "--pool", pool, "--patch-size", 32, exit_code=1)
    found = json.loads(path.read_text())
    assert found["exit_code"] == 1 and found["error"] and found["facts"]
    ended("--report", path, "inspect", pool)
    found = json.loads(path.read_text())
    assert found["job"] == "inspect" and found["exit_code"] == 0
    (tmp_path / "notes.txt").write_text("mine")
    output = ended("--report", tmp_path / "notes.txt", "inspect", pool, exit_code=1)
    assert "choose another --report" in output and (tmp_path / "notes.txt").read_text() == "mine"
    ended("--report", tmp_path / "no" / "r.json", "inspect", pool, exit_code=1)


def test_rejects_on_disk_name_options_too(tmp_path: Path) -> None:
    write_png(tmp_path / "photos" / "a.png", np.zeros((64, 64, 3), np.uint8))
    write_png(tmp_path / "photos" / "b.png", np.zeros((8, 8, 3), np.uint8))
    pool = tmp_path / "pool"
    arguments = ("--pool", pool, "--patch-size", 16, "--max-pixels", 100)
    ended("extract-noise", tmp_path / "photos", *arguments, exit_code=1)
    text = (pool / "rejects.jsonl").read_text()
    assert "raise --max-pixels" in text and "use --patch-size 8 or less" in text
