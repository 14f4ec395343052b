"""JSON that is nested deeper than can be read: one line that names the file, in every command."""

from __future__ import annotations

import hashlib
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main

DEEP = b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def plain(_: bytes) -> bytes:
    return DEEP


def with_checksum(_: bytes) -> bytes:
    body = DEEP[1:]
    return b'{"checksum": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body


def deep_line(content: bytes) -> bytes:
    """Return an index with a second line that is sound but for its depth."""
    first, *rest = content.splitlines(keepends=True)
    body = b'"a": ' + DEEP + b"}"
    return b"".join([first, b'{"crc32": "%08x", ' % zlib.crc32(body), body, b"\n", *rest])


def safetensors(_: bytes) -> bytes:
    return len(DEEP).to_bytes(8, "little") + DEEP


def assert_one_line(result: Result, name: str) -> None:
    assert result.exit_code in (1, 3), result.output
    lines = [line for line in result.stderr.splitlines() if line]
    assert lines and all(len(line) < 600 for line in lines), result.stderr
    assert any(name in line for line in lines), result.stderr
    assert "unexpected" not in result.stderr and "Traceback" not in result.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, pairs_to_train_on: Path) -> Path:
    """Return a folder with the files of every job. Not to be changed."""
    root = tmp_path_factory.mktemp("deep")
    shutil.copytree(pairs_to_train_on.parent, root, dirs_exist_ok=True)
    assert run(*export(root)).exit_code == 0
    return root


def export(root: Path) -> tuple[object, ...]:
    options = ("--to", "png", "--allow-clean-lr", "--jobs", 1)
    return ("export", root / "pairs", root / "png", *options)


def again(root: Path) -> tuple[object, ...]:
    options = ("--pool", root / "pool", "--hr", root / "hr", "--out", root / "pairs")
    return ("build-pairs", *options, "--scale", 2, "--hr-size", 64, "--noise", "defer", "--jobs", 1)


Command = Callable[[Path], tuple[object, ...]]

CASES: list[tuple[str, Callable[[bytes], bytes], Command]] = [
    ("pairs/shard-00000.json", plain, lambda root: ("verify", root / "pairs")),
    ("pairs/shard-00000.json", with_checksum, lambda root: ("verify", root / "pairs")),
    ("pairs/manifest.json", plain, lambda root: ("train", "--pairs", root / "pairs")),
    ("pairs/manifest.json", with_checksum, lambda root: ("replay", root / "pairs", "k")),
    ("pairs/run.json", plain, again),
    ("pool/pool.json", plain, again),
    ("pool/index.jsonl", deep_line, lambda root: ("inspect", root / "pool")),
    ("png/export.json", plain, export),
    (
        "list.jsonl",
        plain,
        lambda root: ("extract-noise", root / "list.jsonl", "--pool", root / "q"),
    ),
    (
        "net.safetensors",
        safetensors,
        lambda root: (
            "upscale",
            root / "hr",
            "--weights",
            root / "net.safetensors",
            "--out",
            root / "u",
        ),
    ),
    (
        "report.json",
        plain,
        lambda root: ("--report", root / "report.json", "inspect", root / "pool"),
    ),
]


@pytest.mark.parametrize(("name", "damage", "command"), CASES)
def test_deep_json_is_an_error_of_one_line(
    made: Path, tmp_path: Path, name: str, damage: Callable[[bytes], bytes], command: Command
) -> None:
    root = tmp_path / "made"
    shutil.copytree(made, root)
    path = root / name
    path.write_bytes(damage(path.read_bytes() if path.exists() else b""))
    assert_one_line(run(*command(root)), path.name)
