"""The command line as a person uses it: exit codes, one clear line, no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.images.image_io import write_png
from degrade.kernels import gaussian_kernel
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool, Provenance
from degrade.rng import rng_for
from pipelines.cli import main
from tests.making import fill_pool
from tests.pipelines.photographs import take_photo

COMMANDS = [
    "demo",
    "build-pool",
    "estimate-kernels",
    "extract-noise",
    "import-kernels",
    "import-noise",
    "inspect",
    "build-pairs",
    "verify",
    "replay",
    "import-pairs",
    "export",
    "train",
    "upscale",
    "convert",
    "export-model",
    "manifest",
]


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


@pytest.mark.parametrize("arguments", [[], *([command] for command in COMMANDS)], ids=str)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys, contextlib\nfrom pipelines.cli import main\n"
        f"with contextlib.suppress(SystemExit): main({[*arguments, '--help']})\n"
        "heavy = {'torch', 'numpy', 'cv2', 'scipy', 'h5py', 'lmdb', 'joblib'}\n"
        "print(sorted(heavy & set(sys.modules)))"
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
        "build-pairs",
        "--pool",
        pool,
        "--hr",
        scenes,
        "--out",
        tmp_path / "p",
        "--scale",
        2,
        "--hr-size",
        "full",
        "--jobs",
        1,
    )
    assert result.exit_code == 3
    assert "text.png" in result.output and "1 rejected" in result.output


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (("build-pairs", "--pool", "nowhere"), 1, "nowhere"),
        (("build-pairs",), 2, "--pool"),
        (("build-pairs", "--pool", "x", "--hr-size", "big"), 2, "full or auto, got 'big'"),
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
        (("estimate-kernels", "x", "--iterations", "9"), 2, "add --method kernelgan"),
        (("build-pool", "x", "--device", "cpu"), 2, "--device is KernelGAN's"),
        (
            ("estimate-kernels", "x", "--method", "spectral", "--constraints", "realsr"),
            2,
            "--constraints is KernelGAN's",
        ),
        (("estimate-kernels", "x", "--min-confidence", "2"), 2, "--min-confidence"),
        (("build-pairs", "--pool", "p", "--backend", "dask"), 2, "dask needs --scheduler tcp://"),
        (("extract-noise", "x", "--scheduler", "tcp://h:1"), 2, "add --backend dask"),
        (
            ("build-pool", "x", "--backend", "dask", "--scheduler", "tcp://h:1", "--jobs", "2"),
            2,
            "--jobs counts this machine's",
        ),
        (
            ("estimate-kernels", "x", "--backend", "dask", "--scheduler", "h"),
            1,
            "must be tcp://HOST:PORT, got 'h'",
        ),
        (
            ("estimate-kernels", "x", "--min-confidence", "nan"),
            2,
            "must be a number from 0 to 1, got nan",
        ),
        (
            ("build-pairs", "--pool", "p", "--out", "memory://x", "--jobs", "2"),
            2,
            "each process has a memory of its own",
        ),
        (
            ("import-pairs", "--hr", "x", "--lr", "y", "--out", "memory://x", "--jobs", "2"),
            2,
            "each process has a memory of its own",
        ),
        (("inspect", "nowhere", "--sheet", "x.foo"), 1, "must end in .png, got x.foo"),
    ],
)
def test_wrong_use_ends_with_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    exit_code: int,
    text: str,
) -> None:
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
    estimated = run("estimate-kernels", photo, "--scale", 2)
    assert estimated.exit_code == 0, estimated.output
    pool = DegradationPool.open(tmp_path / "pool")
    assert (len(pool.kernels), len(pool.noise)) == (1, 4)


def test_estimate_kernels_by_kernelgan_takes_its_options(tmp_path: Path, scenes: Path) -> None:
    result = run(
        "estimate-kernels",
        scenes / "scene 1.png",
        "--pool",
        tmp_path / "pool",
        "--scale",
        2,
        "--method",
        "kernelgan",
        "--iterations",
        2,
        "--constraints",
        "realsr",
        "--device",
        "cpu",
        "--jobs",
        1,
    )
    assert result.exit_code == 0, result.output
    (record,) = DegradationPool.open(tmp_path / "pool").kernels
    assert record.provenance.method == "kernelgan"
    assert record.provenance.settings["constraints"] == "realsr"
    assert record.provenance.settings["iterations"] == 2


def test_build_pool_takes_the_options_of_estimate_kernels(tmp_path: Path) -> None:
    for index, noise in enumerate((2, 2, 40)):
        write_png(
            tmp_path / "src" / f"{index}.png", take_photo("one", sigma=1.0, noise=noise + index / 9)
        )
    pool = tmp_path / "pool"
    arguments = ("build-pool", tmp_path / "src", "--scale", 2, "--patch-size", 8, "--jobs", 1)
    each = run(*arguments, "--pool", tmp_path / "each")
    assert each.exit_code == 0 and "doubtful (confidence below 0.5): " in each.output
    # The noisy photo is below any confidence that lies between it and the others.
    confidences = {
        record.provenance.source_name: record.provenance.values["confidence"]
        for record in DegradationPool.open(tmp_path / "each").kernels
    }
    floor = (confidences["2.png"] + min(confidences["0.png"], confidences["1.png"])) / 2
    result = run(*arguments, "--pool", pool, "--shared", "--min-confidence", floor)
    assert result.exit_code == 3, result.output
    assert "shared by 2 of 3 photos" in result.output and "2.png: confidence 0." in result.output
    opened = DegradationPool.open(pool)
    assert len(opened.kernels) == 1 and len(opened.noise) > 0
    too_few = run(*arguments, "--pool", tmp_path / "none", "--shared", "--min-confidence", 1)
    assert too_few.exit_code == 3
    assert "shared kernel: a shared kernel needs at least two photos" in too_few.output


def test_inspect_marks_doubtful_and_flagged_kernels_and_explains_the_words(tmp_path: Path) -> None:
    pool = fill_pool(tmp_path / "pool", kernels=1)
    for index, (confidence, flags) in enumerate(
        ((0.9, ()), (0.2, ()), (0.8, ("too noisy",)), (0.1, ("clipped", "too noisy")))
    ):
        provenance = Provenance(
            source_name=f"{index}.png",
            source_sha256=None,
            box=None,
            method="spectral",
            settings={},
            tool_version="0",
            values={"confidence": confidence},
            flags=flags,
        )
        pool.add_kernel(gaussian_kernel(13, 2, (2.0 + index, 1.0)), provenance)
    lines = run("inspect", pool.path).output.splitlines()
    assert "kernels ×2 (5, 2 doubtful, 2 flagged):" in lines
    assert sum(line.startswith(("doubtful: ", "flagged: ")) for line in lines) == 2
    ends = {
        line.split("confidence")[1].strip()
        for line in lines
        if " confidence " in line and line[0] == " "
    }
    assert ends == {
        "–  by hand",
        "0.90  0.png",
        "0.20  1.png  ! doubtful",
        "0.80  2.png  ! flagged: too noisy",
        "0.10  3.png  ! doubtful; flagged: clipped, too noisy",
    }
    found = json.loads(run("inspect", pool.path, "--json").output)
    marks = {k["provenance"]["source_name"]: (k["doubtful"], k["flags"]) for k in found["kernels"]}
    assert marks["1.png"] == (True, []) and marks["2.png"] == (False, ["too noisy"])
    assert marks["0.png"] == marks["by hand"] == (False, [])


def test_a_start_that_fails_leaves_nothing_behind(
    tmp_path: Path, scenes: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("pipelines.executors.dask_client._CONNECT", 0.5)
    dask = ("--backend", "dask", "--scheduler", "tcp://127.0.0.1:1")
    out = tmp_path / "out"
    for command in (
        ("build-pairs", "--pool", pool, "--hr", scenes, "--out", out),
        ("estimate-kernels", scenes, "--pool", out),
        ("extract-noise", scenes, "--pool", out),
    ):
        result = run(*command, *dask)
        assert result.exit_code == 1 and result.output.count("\n") == 1
        assert "no Dask scheduler answers at tcp://127.0.0.1:1" in result.output
        assert not out.exists()


def test_a_package_that_is_missing_is_named_in_one_line(
    tmp_path: Path, scenes: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lmdb", None)
    result = run(
        "build-pairs",
        "--pool",
        pool,
        "--hr",
        scenes,
        "--out",
        tmp_path / "p",
        "--scale",
        2,
        "--hr-size",
        64,
        "--jobs",
        1,
        "--format",
        "lmdb",
    )
    assert result.exit_code == 1 and result.output.count("\n") == 1
    assert "the package lmdb cannot be loaded" in result.output
    assert "pip install lmdb" in result.output


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
