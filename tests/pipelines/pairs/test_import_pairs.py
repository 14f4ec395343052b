"""Imported folders verify, export and train as built ones do; what cannot be used is named."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from degrade.errors import ChangedConfigError, DegradeError, InvalidValueError
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.pairs import STORES, open_pairs
from pipelines.executors import ProcessExecutor
from pipelines.exports.export_pairs import ExportConfig, export_pairs
from pipelines.pairs.checks import ReplayConfig, replay_pair, verify
from pipelines.pairs.import_pairs import ImportPairsConfig, import_pairs
from tests.making import make_scene
from tests.pipelines.trainer_readers import read_webdataset

SCALE = 3


def write_images(root: Path, sizes: list[tuple[int, int]], scale: int = SCALE) -> tuple[Path, Path]:
    """Write HR and LR images as DIV2K names them."""
    for number, (height, width) in enumerate(sizes):
        hr = quantise(make_scene(f"i{number}", height * scale, width * scale))
        write_png(root / "HR" / f"{number:04d}.png", hr)
        write_png(root / "LR" / f"{number:04d}x{scale}.png", hr[1::scale, 1::scale])
    return root / "HR", root / "LR"


@pytest.fixture
def images(tmp_path: Path) -> tuple[Path, Path]:
    return write_images(tmp_path, [(16, 20), (18, 16), (16, 16), (24, 17)])


def digests(out: Path) -> dict[str, str]:
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        # Where the images lie is a hint in these two.
        if path.is_file() and path.name not in ("run.json", "manifest.json", "lock.mdb")
    }


@pytest.mark.parametrize("store", STORES)
def test_import_pairs_keeps_every_pixel(
    tmp_path: Path, images: tuple[Path, Path], store: str
) -> None:
    hr, lr = images
    out = tmp_path / "pairs"
    report = import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=out, format=store))
    assert (report.done, report.exit_code) == (4, 0)
    assert verify(out).done == 4
    with open_pairs(out) as reader:
        assert reader.scale == SCALE and reader.hr_size is None and reader.format == store
        for row, key in enumerate(reader.keys):
            stored_lr, stored_hr = reader.read(row)
            name = key.split("-")[0]
            assert np.array_equal(stored_hr, read_photo(hr / f"{name}.png").pixels)
            assert np.array_equal(stored_lr, read_photo(lr / f"{name}x3.png").pixels)
            assert reader.records[row].plan is None


def test_import_pairs_of_one_square_size_are_a_fixed_set(tmp_path: Path) -> None:
    hr, lr = write_images(tmp_path, [(16, 16)] * 3)
    import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs"))
    with open_pairs(tmp_path / "pairs") as reader:
        assert reader.hr_size == 48


def test_imported_pairs_are_exported_and_give_training_samples(
    tmp_path: Path, images: tuple[Path, Path]
) -> None:
    from esrgan.data import PairDataset

    out = tmp_path / "pairs"
    import_pairs(ImportPairsConfig(hr=images[0], lr=images[1], out=out))
    exported = tmp_path / "exported"
    export_pairs(ExportConfig(pairs=out, out=exported, format="webdataset"))
    with open_pairs(out) as reader:
        for key, lr, hr in read_webdataset(exported):
            expected = reader.read(reader.find(key))
            assert np.array_equal(lr, expected[0]) and np.array_equal(hr, expected[1])
    kair = export_pairs(ExportConfig(pairs=out, out=tmp_path / "kair", format="kair"))
    assert any("no kernels.mat: the pairs were imported" in line for line in kair.lines)
    assert len(PairDataset(out, hr_patch=24, seed=0)) == 4


def test_replay_pair_says_that_an_imported_pair_has_no_plan(
    tmp_path: Path, images: tuple[Path, Path]
) -> None:
    out = tmp_path / "pairs"
    import_pairs(ImportPairsConfig(hr=images[0], lr=images[1], out=out))
    with open_pairs(out) as reader:
        key = reader.keys[0]
    with pytest.raises(DegradeError, match=f"{key} was imported: there is no plan"):
        replay_pair(ReplayConfig(pairs=out, key=key))


def test_import_pairs_gives_the_same_bytes_from_elsewhere_and_on_workers(
    tmp_path: Path, images: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.pairs.import_pairs._SHARD_BYTES", 10_000)
    config = ImportPairsConfig(hr=images[0], lr=images[1], out=tmp_path / "one")
    import_pairs(config)
    assert len(list(config.out.glob("shard-*.h5"))) == 4
    moved = tmp_path / "else" / "where"
    shutil.copytree(images[0], moved / "h")
    shutil.copytree(images[1], moved / "l")
    there = replace(config, hr=moved / "h", lr=moved / "l", out=tmp_path / "two")
    import_pairs(there, executor=ProcessExecutor(2))
    assert digests(tmp_path / "two") == digests(config.out)


def test_import_pairs_resumes_and_refuses_other_settings(
    tmp_path: Path, images: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.pairs.import_pairs._SHARD_BYTES", 10_000)
    whole = ImportPairsConfig(hr=images[0], lr=images[1], out=tmp_path / "whole")
    import_pairs(whole)
    config = replace(whole, out=tmp_path / "pairs")

    def stop(done: int, _total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    first = import_pairs(config, on_progress=stop)
    assert first.exit_code == 130 and not (config.out / "manifest.json").exists()
    second = import_pairs(config)
    assert (second.done, second.skipped) == (2, 2)
    assert digests(config.out) == digests(whole.out)
    with pytest.raises(ChangedConfigError, match="format"):
        import_pairs(replace(config, format="lmdb"))
    next(images[1].iterdir()).unlink()
    with pytest.raises(ChangedConfigError, match="images"):
        import_pairs(config)


def test_import_pairs_names_what_it_cannot_use(tmp_path: Path, images: tuple[Path, Path]) -> None:
    hr, lr = images
    write_png(hr / "lonely.png", np.zeros((12, 12, 3), np.uint8))
    write_png(lr / "stray.png", np.zeros((4, 4, 3), np.uint8))
    write_png(hr / "odd.png", np.zeros((13, 12, 3), np.uint8))
    write_png(lr / "odd.png", np.zeros((4, 4, 3), np.uint8))
    (hr / "text.png").write_text("no image")
    cut = (hr / "0001.png").read_bytes()
    (hr / "0001.png").write_bytes(cut[: len(cut) // 2])
    # Sound until it is decoded: one byte of the pixels is wrong.
    data = bytearray((lr / "0002x3.png").read_bytes())
    data[data.index(b"IDAT") + 40] ^= 255
    (lr / "0002x3.png").write_bytes(data)
    out = tmp_path / "pairs"
    report = import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=out))
    assert (report.done, report.exit_code) == (2, 3)
    lines = (out / "rejects.jsonl").read_text().splitlines()
    rejected = {Path(json.loads(line)["path"]).name: json.loads(line)["reason"] for line in lines}
    assert set(rejected) == {
        "lonely.png",
        "stray.png",
        "odd.png",
        "text.png",
        "0001.png",
        "0001x3.png",
        "0002x3.png",
    }
    assert "12×13 is not 3 times the 4×4" in rejected["odd.png"]
    assert rejected["0001x3.png"] == "its HR image 0001.png cannot be used"
    assert rejected["lonely.png"] == "no LR image has its name"
    again = import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=out))
    assert (again.done, again.skipped, len(again.rejects)) == (0, 2, 7)


def test_import_pairs_of_nothing_gives_the_most_frequent_reason(
    tmp_path: Path, images: tuple[Path, Path]
) -> None:
    hr, lr = images
    (hr / "0000.png").unlink()
    for path in lr.iterdir():
        path.write_text("no image")
    with pytest.raises(DegradeError) as caught:
        import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs"))
    text = str(caught.value)
    assert "7 rejected: " in text and "LR/0000x3.png: not an image in a known format" in text
    assert text.endswith("(and 3 more for this reason)")
    assert not (tmp_path / "pairs").exists()


def test_import_pairs_tells_of_pairs_that_are_there_twice(tmp_path: Path) -> None:
    hr, lr = write_images(tmp_path, [(16, 16)] * 2)
    (lr / f"0000x{SCALE}.png").rename(lr / f"0000x{SCALE}w1.png")
    for number in (2, 3):
        shutil.copy(lr / f"0000x{SCALE}w1.png", lr / f"0000x{SCALE}w{number}.png")
    report = import_pairs(
        ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs", all_variants=True)
    )
    assert report.done == 2
    assert "passed over, the same two images again: 2 pairs" in report.lines


def test_import_pairs_of_one_folder_for_both_sides_says_so(
    tmp_path: Path, images: tuple[Path, Path]
) -> None:
    hr, _ = images
    same = hr / ".." / hr.name
    with pytest.raises(DegradeError, match=r"given for HR and LR both: .* its own folder"):
        import_pairs(ImportPairsConfig(hr=hr, lr=same, out=tmp_path / "pairs"))


@pytest.mark.parametrize("spelling", ["dots", "relative", "linked", "links", "hard links"])
def test_import_pairs_knows_a_file_by_whatever_path(
    tmp_path: Path, images: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    both, other = tmp_path / "both", tmp_path / "other"
    shutil.copytree(images[0], both)
    shutil.copytree(images[1], both, dirs_exist_ok=True)
    if spelling == "dots":
        other = both / ".." / "both"
    elif spelling == "relative":
        monkeypatch.chdir(tmp_path)
        other = Path("both")
    elif spelling == "linked":
        other.symlink_to(both)
    else:
        link = os.symlink if spelling == "links" else os.link
        shutil.copytree(both, other, copy_function=link)
    for number, (hr, lr) in enumerate([(both, other), (other, both)]):
        report = import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / f"{number}"))
        assert (report.done, report.rejects) == (4, ())
    assert digests(tmp_path / "0") == digests(tmp_path / "1")


def test_import_pairs_of_equal_sizes_alone_says_so(
    tmp_path: Path, images: tuple[Path, Path]
) -> None:
    hr, copied = images[0], tmp_path / "copied"
    shutil.copytree(hr, copied)
    with pytest.raises(DegradeError, match=r"4 rejected: .* has its size, 60×48; take LR images"):
        import_pairs(ImportPairsConfig(hr=hr, lr=copied, out=tmp_path / "pairs"))


def test_import_pairs_takes_the_scale_that_is_asked_for(
    tmp_path: Path, images: tuple[Path, Path]
) -> None:
    hr, lr = images
    config = ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs", scale=2)
    with pytest.raises(DegradeError, match="is not 2 times"):
        import_pairs(config)
    with pytest.raises(DegradeError, match="no image in"):
        (tmp_path / "empty").mkdir()
        import_pairs(replace(config, hr=tmp_path / "empty", lr=tmp_path / "empty"))


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_import_pairs_survives_any_damage_of_an_image(tmp_path: Path, data: st.DataObject) -> None:
    root = tmp_path / hashlib.sha256(repr(data).encode()).hexdigest()[:8]
    shutil.rmtree(root, ignore_errors=True)
    hr, lr = write_images(root, [(4, 5), (4, 5)])
    victim = data.draw(st.sampled_from([hr / "0000.png", lr / "0000x3.png"]))
    content = bytearray(victim.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(1, len(content))) :]
    victim.write_bytes(content)
    report = import_pairs(ImportPairsConfig(hr=hr, lr=lr, out=root / "pairs"))
    assert report.done in (1, 2)
    assert report.done == 2 or report.rejects
    assert verify(root / "pairs").done == report.done


def test_import_pairs_of_exchanged_sides_says_so(tmp_path: Path, images: tuple[Path, Path]) -> None:
    hr, lr = images
    with pytest.raises(DegradeError, match=r"smaller than .*; exchange `hr` and `lr`"):
        import_pairs(ImportPairsConfig(hr=lr, lr=hr, out=tmp_path / "pairs"))


def test_import_pairs_counts_what_is_alone_and_passed_over(tmp_path: Path) -> None:
    hr, lr = tmp_path / "HR", tmp_path / "LR"
    for number in range(1, 5):
        image = quantise(make_scene("variants", 12, 16))
        write_png(hr / "0001.png", np.repeat(np.repeat(image, 4, 0), 4, 1))
        write_png(lr / f"0001x4w{number}.png", image)
    write_png(hr / "0002.png", np.zeros((8, 8, 3), np.uint8))
    write_png(lr / "0003x4w1.png", np.zeros((4, 4, 3), np.uint8))
    config = ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "pairs", lr_name="{name}x{scale}w1")
    report = import_pairs(config)
    assert report.done == 1 and len(report.rejects) == 2
    assert "without a partner: 1 HR, 1 LR" in report.lines
    assert "passed over, another image of their photo was chosen: 3 images" in report.lines
    # The same content is one pair: the four LR images are equal here.
    variants = replace(config, out=tmp_path / "all", lr_name=None, all_variants=True)
    image = read_photo(lr / "0001x4w2.png").as_u8()
    for number in range(2, 5):
        write_png(lr / f"0001x4w{number}.png", image // number)
    assert import_pairs(variants).done == 4
    with pytest.raises(InvalidValueError, match=r"lr_name must have \{name\}"):
        ImportPairsConfig(hr=hr, lr=lr, out=tmp_path / "p", lr_name="x4")
