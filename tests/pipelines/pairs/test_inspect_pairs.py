from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from degrade.errors import DegradeError
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.images.labels import LABEL_HEIGHT
from pipelines import BuildPairsConfig, build_pairs
from pipelines.cli import main
from pipelines.pairs.inspect_pairs import holds_pairs, inspect_pairs
from tests.making import fill_pool, make_scene


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inspected")
    fill_pool(folder / "pool", scale=2)
    for name, size in {"a.png": (96, 128), "b.png": (64, 64)}.items():
        write_png(folder / "hr" / name, quantise(make_scene(name, *size)))
    config = BuildPairsConfig(
        pool=folder / "pool", out=folder / "pairs", hr=(folder / "hr",), scale=2, hr_size=64
    )
    build_pairs(config)
    return folder / "pairs"


def test_inspect_pairs_counts_photos_kernels_noise_and_sizes(pairs: Path) -> None:
    found = inspect_pairs(pairs)
    assert sorted(found.photos.values()) == [1, 4] and found.sizes == {"64×64": 5}
    assert found.kernels.total() == found.noise.total() == 5
    *lines, last = found.lines()
    assert "5 pairs ×2 in hdf5; of 2 photos, " in last
    (made_with,) = (line for line in lines if line.startswith("made with: "))
    assert made_with == "made with: clean up 1, noise bake, seed 0"
    at = lines.index("recipe measured:")
    kinds = [line.split(":")[0] for line in lines[at + 1 : at + 6]]
    assert kinds == [
        f"  always {kind}"
        for kind in ("blur", "linear-light", "response", "model-error", "residual")
    ]
    assert any(re.fullmatch(r" +1 pair   \S+", line) for line in lines)
    assert json.loads(json.dumps(found.to_json()))["pairs"] == 5


def test_inspect_of_pairs_draws_lr_bicubic_and_hr(pairs: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    arguments = ["inspect", str(pairs), "--sheet", str(sheet), "--verify"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert "5 pairs" in result.output.splitlines()[-2]
    pixels = read_photo(sheet).pixels
    # Two columns of three pictures of 64 px, three lines of text above each.
    assert pixels.shape == (8 + 3 * (64 + 3 * LABEL_HEIGHT + 8), 8 + 2 * (3 * 64 + 8), 3)
    assert np.isin(pixels[::7, ::7], 255).mean() < 0.8
    sheet.write_bytes(b"somebody's own")
    assert CliRunner().invoke(main, arguments).exit_code == 1
    assert sheet.read_bytes() == b"somebody's own"


def test_holds_pairs_tells_pairs_from_other_folders(pairs: Path, tmp_path: Path) -> None:
    assert holds_pairs(pairs)
    assert not holds_pairs(pairs.parent / "pool") and not holds_pairs(tmp_path)
    with pytest.raises(DegradeError, match="no pairs"):
        inspect_pairs(tmp_path)
