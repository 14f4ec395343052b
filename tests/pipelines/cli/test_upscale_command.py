from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import click
import pytest
import torch
from click.testing import CliRunner, Result

from degrade.images.image_io import quantise, read_photo, write_png
from degrade.images.image_rows import ROW_FORMATS
from esrgan.devices import UpscalingPrecision
from esrgan.networks import RRDBNet
from esrgan.training.checkpoints import write_generator
from pipelines.cli import main
from pipelines.cli.upscale_command import upscale
from tests.making import make_scene
from tests.torture.children import PATIENCE


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    write_generator(tmp_path / "g.pth", RRDBNet(scale=2, features=4, blocks=1, growth=2))
    return tmp_path / "g.pth"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "my photos" / "a photo.png"
    write_png(path, quantise(make_scene("cli", 12, 18)))
    return path


def test_upscale_writes_and_says_what_it_wrote(tmp_path: Path, weights: Path, photo: Path) -> None:
    out = tmp_path / "large"
    arguments = ("upscale", photo.parent, "--weights", weights, "--out", out, "--flips")
    result = run(*arguments, "--format", "tiff", "--suffix", "_x2", "--max-memory", 0.1)
    assert result.exit_code == 0, result.output
    assert "upscale: 1 photo in" in result.output and "a photo_x2.tif: 36×24" in result.output
    assert read_photo(out / "a photo_x2.tif").pixels.shape == (24, 36, 3)
    again = run(*arguments, "--format", "tiff", "--suffix", "_x2")
    assert again.exit_code == 0 and "1 already there" in again.output


def test_upscale_exits_3_when_photos_were_rejected(
    tmp_path: Path, weights: Path, photo: Path
) -> None:
    (photo.parent / "text.png").write_text("no photo")
    result = run("upscale", photo.parent, "--weights", weights, "--out", tmp_path / "o")
    assert result.exit_code == 3 and "text.png: not an image" in result.output
    assert (tmp_path / "o" / "a photo.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (("--alpha", "0.5"), 1, "--with and --alpha belong together"),
        (("--with", "g.pth", "--alpha", "1.5"), 2, "--alpha"),
        (("--weights", "none.pth"), 1, "none.pth: cannot be read"),
        (("--weights", "model.onnx"), 1, "an ONNX file is a program"),
        (("--weights", "my photos"), 1, "a folder without generator.pth"),
        (("--weights", "my photos/a photo.png"), 1, "a photo.png: holds more than plain weights"),
        (("--out", "g.pth"), 1, "g.pth"),
        (("--out", "/proc/none"), 1, "/proc/none: cannot be made"),
        (("--device", "nowhere"), 1, "'nowhere' cannot be used here"),
        (("--precision", "bf16", "--device", "cpu"), 1, "bf16 is for GPUs"),
        (("--scale", "3"), 1, "g.pth"),
        (("--max-memory", "0"), 2, "--max-memory"),
        (("--out", ""), 2, "the path is empty"),
    ],
)
def test_wrong_use_ends_with_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    weights: Path,
    photo: Path,
    arguments: tuple[str, ...],
    exit_code: int,
    text: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"\x08\x07")
    weights_given = () if "--weights" in arguments else ("--weights", "g.pth")
    result = run("upscale", "my photos", *weights_given, *arguments)
    assert result.exit_code == exit_code, result.output
    assert text in result.output and "Traceback" not in result.output
    if exit_code == 1:
        assert result.output.startswith("degrade: ") and result.output.count("\n") == 1


def test_options_offer_what_the_library_has() -> None:
    choices = {
        option.name: set(option.type.choices)
        for option in upscale.params
        if isinstance(option.type, click.Choice)
    }
    assert choices == {"format": set(ROW_FORMATS), "precision": set(get_args(UpscalingPrecision))}


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, contextlib\nfrom pipelines.cli import main\n"
        "with contextlib.suppress(SystemExit): main(['upscale', '--help'])\n"
        "print(sorted({'torch', 'numpy', 'cv2', 'safetensors'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.splitlines()[-1] == "[]"


_STOPPED_AT_THE_SECOND_RESULT = """
import os, signal, sys

found = []

def stop(event, words):
    if event in ("os.rename", "os.link") and str(words[1]).endswith(".png"):
        found.append(words[1])
        if len(found) == 2:
            os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(stop)
from pipelines.cli.start import start
start()
"""


def test_ctrl_c_ends_the_run_and_leaves_whole_files_only(tmp_path: Path, weights: Path) -> None:
    source, out = tmp_path / "many", tmp_path / "out"
    for number in range(60):
        write_png(source / f"{number}.png", quantise(make_scene("many", 160, 160 + number)))
    words = ["upscale", str(source), "--weights", str(weights), "--out", str(out)]
    done = subprocess.run(
        [
            *(sys.executable, "-c", _STOPPED_AT_THE_SECOND_RESULT),
            *words,
            *("--device", "cpu", "--tile", "8"),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 130, done.stderr
    assert "run the same command again to go on" in done.stdout
    results = list(out.glob("*.png"))
    assert 2 <= len(results) < 60
    assert all(read_photo(path).pixels.shape[0] == 320 for path in results)
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
