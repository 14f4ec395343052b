from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esrgan.weights.files import weights_of, write_weights
from pipelines.cli import main
from tests.esrgan.networks.making import small_rrdbnet


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_convert_goes_through_every_naming_and_back(tmp_path: Path) -> None:
    write_weights(tmp_path / "0.pth", weights_of(small_rrdbnet(3)))
    hops = [
        ("1.safetensors", "--naming", "trunk"),
        ("2.pth", "--naming", "model"),
        ("3.safetensors", "--scale", 3),
        ("4.pth",),
    ]
    before = "0.pth"
    for name, *options in hops:
        result = run("convert", tmp_path / before, tmp_path / name, *options)
        assert result.exit_code == 0, result.output
        assert "RRDBNet ×3" in result.output
        before = name
    assert (tmp_path / "4.pth").read_bytes() == (tmp_path / "0.pth").read_bytes()


def test_convert_says_for_which_scale_it_takes_one_enlarging_convolution(tmp_path: Path) -> None:
    write_weights(tmp_path / "old.pth", weights_of(small_rrdbnet(3)), naming="model")
    result = run("convert", tmp_path / "old.pth", tmp_path / "x2.pth")
    assert result.exit_code == 0
    assert "RRDBNet ×2" in result.output and "--scale 3" in result.output
    result = run("convert", tmp_path / "old.pth", tmp_path / "x3.pth", "--scale", 3)
    assert result.exit_code == 0 and "RRDBNet ×3" in result.output
    # What is written says it, so that it need not be said again.
    result = run("convert", tmp_path / "x3.pth", tmp_path / "again.pth")
    assert result.exit_code == 0 and "RRDBNet ×3" in result.output


def test_export_model_prints_how_far_it_is_from_torch(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="the extra degrade[onnx] is not installed")
    write_weights(tmp_path / "w.pth", weights_of(small_rrdbnet(2)))
    result = run("export-model", tmp_path / "w.pth", tmp_path / "m.onnx")
    assert result.exit_code == 0, result.output
    assert "differs from torch by at most" in result.output
    assert (tmp_path / "m.onnx").is_file()


@pytest.mark.parametrize("command", ["convert", "export-model"])
def test_bad_input_is_one_line(tmp_path: Path, command: str) -> None:
    (tmp_path / "bad.pth").write_bytes(b"\x80\x02 no weights")
    for source, out, word in (
        ("bad.pth", "o.safetensors", "bad.pth"),
        ("none.pth", "o.safetensors", "none.pth"),
        ("bad.pth", "o.txt", "must end in"),
    ):
        result = run(command, tmp_path / source, tmp_path / out)
        assert result.exit_code == 1
        assert len(result.output.splitlines()) == 1 and word in result.output


@pytest.mark.parametrize("command", ["convert", "export-model"])
def test_help_imports_nothing_heavy(command: str) -> None:
    code = (
        "import sys, contextlib\nfrom pipelines.cli import main\n"
        f"with contextlib.suppress(SystemExit): main(['{command}', '--help'])\n"
        "print(sorted({'torch', 'numpy', 'onnx', 'safetensors'} & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.splitlines()[-1] == "[]"
