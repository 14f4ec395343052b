"""The command line of export and import-pairs."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from degrade.images.image_io import quantise, write_png
from pipelines.cli import main
from tests.making import make_scene


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_import_pairs_then_export_from_the_command_line(tmp_path: Path) -> None:
    for number in range(3):
        hr = quantise(make_scene(str(number), 32, 48))
        write_png(tmp_path / "both" / f"c{number}_HR.png", hr)
        if number:
            write_png(tmp_path / "both" / f"c{number}_LR2.png", hr[::2, ::2])
    both, pairs, out = (tmp_path / name for name in ("both", "pairs", "out"))
    imported = run("import-pairs", "--hr", both, "--lr", both, "--out", pairs, "--jobs", 1)
    assert imported.exit_code == 3, imported.output
    assert "import-pairs: 2 pairs, 1 rejected" in imported.output
    assert "2 pairs ×2" in imported.output
    assert "c0_HR.png: no LR image has its name" in imported.stderr

    verified = run("verify", pairs)
    assert verified.exit_code == 0, verified.output
    exported = run("export", pairs, out, "--to", "png", "--jobs", 1)
    assert exported.exit_code == 0, exported.output
    assert "export: 2 pairs" in exported.output and "basicsr_gan.yml" in exported.output
    assert len(list((out / "hr").iterdir())) == 2

    replayed = run("replay", pairs, next((out / "hr").iterdir()).stem)
    assert replayed.exit_code == 1 and "was imported" in replayed.stderr
    assert run("export", pairs, out, "--to", "kair", "--jobs", 1).exit_code == 1
    assert run("export", pairs, out, "--to", "parquet").exit_code == 2
    assert run("export", tmp_path / "none", out, "--to", "png").exit_code == 1
