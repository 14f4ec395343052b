"""The command line as a person uses it: exit codes, one clear line, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines.cli import main

COMMANDS = [
    "demo", "build-pool", "estimate-kernels", "extract-noise", "import-kernels", "import-noise",
    "inspect", "build-pairs", "verify", "replay", "train", "upscale", "manifest",
]  # fmt: skip


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_help_lists_the_commands_in_the_order_of_the_work() -> None:
    result = run("--help")
    assert result.exit_code == 0
    places = [result.output.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0 and "Usage:" in result.output


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, contextlib\nfrom pipelines.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "print(sorted({'torch', 'numpy', 'cv2', 'scipy', 'h5py', 'joblib'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.splitlines()[-1] == "[]"


def test_build_pairs_command_builds_verifies_and_replays(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    out = tmp_path / "pairs"
    arguments = ("--pool", pool, "--hr", scenes, "--out", out, "--scale", 2, "--hr-size", 64)
    built = run("build-pairs", *arguments, "--jobs", 1)
    assert built.exit_code == 0, built.output
    assert "build-pairs:" in built.output and "rejected" not in built.output
    assert run("verify", out).exit_code == 0
    sidecar = next(out.glob("shard-*.json")).read_text()
    key = sidecar.split('"key":"')[1].split('"')[0] if '"key":"' in sidecar else ""
    key = key or sidecar.split('"key": "')[1].split('"')[0]
    replayed = run("replay", out, key)
    assert replayed.exit_code == 0, replayed.output
    assert "identical, byte for byte" in replayed.output


def test_build_pairs_command_exits_3_when_inputs_were_rejected(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    (scenes / "text.png").write_text("not a picture")
    result = run(
        "build-pairs", "--pool", pool, "--hr", scenes, "--out", tmp_path / "p", "--scale", 2,
        "--hr-size", "full", "--jobs", 1,
    )  # fmt: skip
    assert result.exit_code == 3
    assert "text.png" in result.output and "1 rejected" in result.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (("build-pairs", "--pool", "nowhere"), 1, "nowhere"),
        (("build-pairs",), 2, "--pool"),
        (("build-pairs", "--pool", "x", "--hr-size", "big"), 2, "'full'"),
        (("build-pairs", "--pool", "x", "--scale", "1"), 2, "--scale"),
        (("estimate-kernels", "nowhere", "--pool", "p"), 1, "nowhere"),
        (("estimate-kernels", "."), 1, "--pool"),
        (("extract-noise", "nowhere", "--pool", "p"), 1, "nowhere"),
        (("verify", "nowhere"), 1, "nowhere"),
        (("replay", "nowhere", "key"), 1, "nowhere"),
        (("inspect", "nowhere"), 1, "nowhere"),
        (("upscale", "nowhere", "--weights", "w.pth"), 1, "w.pth"),
        (("train", "--pairs", "nowhere", "--out", "m"), 1, "nowhere"),
        (("no-such-command",), 2, "no-such-command"),
    ],
)
def test_wrong_use_ends_with_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], exit_code: int,
    text: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == exit_code, result.output
    assert text in result.output
    assert "Traceback" not in result.output
    if exit_code == 1:
        assert result.output.startswith("degrade: ") and result.output.count("\n") == 1


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = run("--debug", "verify", tmp_path / "nowhere")
    assert result.exception is not None and not isinstance(result.exception, SystemExit)
