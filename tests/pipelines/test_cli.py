"""The command line as a person uses it: exit codes, one clear line, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.image_io import write_png
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from degrade.rng import rng_for
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
    with open_pairs(out) as reader:
        replayed = run("replay", out, reader.keys[0])
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
        (("extract-noise", "nowhere", "--pool", "p"), 1, "nowhere"),
        (("verify", "nowhere"), 1, "nowhere"),
        (("replay", "nowhere", "key"), 1, "nowhere"),
        (("inspect", "nowhere"), 1, "nowhere"),
        (("upscale", "nowhere", "--weights", "w.pth"), 1, "w.pth"),
        (("train", "--pairs", "nowhere", "--out", "m"), 1, "nowhere"),
        (("no-such-command",), 2, "no-such-command"),
        (("extract-noise", ""), 2, "the path is empty"),
        (("build-pairs", "--pool", "p", "--out", ""), 2, "the path is empty"),
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


def test_commands_that_fill_a_pool_have_a_place_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenes: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    noisy = rng_for(0, "noisy").normal(120, 2, (64, 64, 3))
    write_png(tmp_path / "noisy.png", np.rint(noisy).astype(np.uint8))
    assert run("extract-noise", "noisy.png", "--patch-size", 32, "--jobs", 1).exit_code == 0
    photo = scenes / "scene 1.png"
    estimated = run("estimate-kernels", photo, "--scale", 2, "--iterations", 2, "--jobs", 1)
    assert estimated.exit_code == 0, estimated.output
    pool = DegradationPool.open(tmp_path / "pool")
    assert (len(pool.kernels), len(pool.noise)) == (1, 4)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = run("--debug", "verify", tmp_path / "nowhere")
    assert result.exception is not None and not isinstance(result.exception, SystemExit)


def test_kinds_of_folders_are_not_mixed(tmp_path: Path, scenes: Path, pool: Path) -> None:
    out = tmp_path / "pairs"
    arguments = ("--pool", pool, "--hr", scenes, "--scale", 2, "--hr-size", 64, "--jobs", 1)
    assert run("build-pairs", *arguments, "--out", out).exit_code == 0
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    trained = run("train", "--pairs", out, "--out", out, "--steps", 1)
    assert trained.exit_code == 1 and "holds a run of build-pairs" in trained.output
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    built = run("build-pairs", *arguments, "--out", pool)
    assert built.exit_code == 1 and "holds a degradation pool" in built.output
