"""From photos to an enlarged photo as a person does it: real pictures, small settings."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from degrade.images.image_io import read_photo, write_png
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from pipelines.cli import main
from pipelines.demo.run_demo import DemoConfig, run_demo
from pipelines.shared.reports import no_progress

skimage_data = pytest.importorskip("skimage.data", reason="the photos come with scikit-image")


def degrade(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three real photos and a file that is none."""
    folder = Path(skimage_data.__file__).parent
    for name in ("coffee.png", "chelsea.png", "rocket.jpg"):
        (tmp_path / "photos").mkdir(exist_ok=True)
        shutil.copy(folder / name, tmp_path / "photos" / name)
    (tmp_path / "photos" / "notes.jpg").write_text("not a photo")
    return tmp_path / "photos"


def test_photos_become_pairs_and_pairs_a_model(tmp_path: Path, photos: Path) -> None:
    pool, pairs, model = tmp_path / "pool", tmp_path / "pairs", tmp_path / "model"
    output = degrade(
        "build-pool",
        photos,
        "--pool",
        pool,
        "--scale",
        2,
        "--patch-size",
        32,
        "--max-variance",
        60,
        "--jobs",
        2,
        exit_code=3,
    )
    assert "notes.jpg" in output
    opened = DegradationPool.open(pool)
    assert len(opened.kernels) == 3 and len(opened.noise) > 0

    # Without --hr the pool's own photos, halved, are the HR images.
    degrade(
        "build-pairs",
        "--pool",
        pool,
        "--out",
        pairs,
        "--scale",
        2,
        "--hr-size",
        96,
        "--jobs",
        2,
        "--format",
        "lmdb",
    )
    degrade("verify", pairs)
    with open_pairs(pairs) as reader:
        assert len(reader) >= 12 and reader.scale == 2
        key = reader.keys[0]
    assert "identical" in degrade("replay", pairs, key)

    degrade(
        "train",
        "--pairs",
        pairs,
        "--out",
        model,
        "--preset",
        "tiny",
        "--steps",
        3,
        "--batch-size",
        2,
        "--hr-patch",
        64,
    )
    small = read_photo(photos / "coffee.png").pixels[:60, :81]
    write_png(tmp_path / "small.png", small)
    degrade(
        "upscale",
        tmp_path / "small.png",
        "--weights",
        model / "generator.pth",
        "--out",
        tmp_path / "large",
    )
    (enlarged,) = (tmp_path / "large").glob("*.png")
    assert read_photo(enlarged).pixels.shape == (120, 162, 3)


def test_demo_ends_where_it_is_interrupted(tmp_path: Path) -> None:
    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_demo(DemoConfig(out=tmp_path / "demo"), on_stage=lambda _: stop)
    assert not (tmp_path / "demo" / "pairs").exists()


def test_demo_draws_its_picture(tmp_path: Path) -> None:
    stages = []

    def on_stage(label: str):  # type: ignore[no-untyped-def]
        stages.append(label)
        return no_progress

    config = DemoConfig(out=tmp_path / "demo", train_steps=2)
    report = run_demo(config, on_stage=on_stage)
    assert report.exit_code == 0 and len(stages) == 3
    picture = read_photo(tmp_path / "demo" / "demo.png").pixels
    assert min(picture.shape[:2]) > 1000 and picture.std() > 20
    # A second time it starts over; a folder that is no demo's is left alone.
    assert run_demo(config, on_stage=on_stage).exit_code == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    refused = CliRunner().invoke(main, ["demo", "--out", str(tmp_path / "mine")])
    assert refused.exit_code == 1 and "holds something else than a demo" in refused.output
