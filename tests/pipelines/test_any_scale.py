"""Every command at scales that are no integers, as people run it: small images, planted truth."""

from __future__ import annotations

import tarfile
from pathlib import Path

import cv2
import h5py
import lmdb
import numpy as np
import pytest
from click.testing import CliRunner

from degrade.arrays import U8Array, round_to_u8
from degrade.audit.closed_loop import kernel_response
from degrade.geometry import as_scale, border_of
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from esrgan.networks import RRDBNet
from esrgan.training.checkpoints import write_generator
from pipelines.cli import main
from tests.degrade.audit.scenes import make_scene as make_texture
from tests.making import make_scene

SCALES = ("1.5", "2.7")
PERIODS = 4
"""LR has so many periods of d pixels a side."""


def degrade(*arguments: object, exit_code: int = 0) -> str:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == exit_code, result.output
    return result.output


class Set:
    """Photos, a pool of one kernel that is known, and pairs of both stores."""

    def __init__(self, folder: Path, text: str) -> None:
        self.folder, self.text, self.scale = folder, text, as_scale(text)
        self.side = PERIODS * self.scale.numerator
        self.hr, self.pool = folder / "hr", folder / "pool"
        for name, shape in (("a", (self.side + 7, 2 * self.side)), ("b", (self.side, self.side))):
            write_png(self.hr / f"{name}.png", quantise(make_scene(name, *shape)))
        spread = (0.8 * float(self.scale), 0.5 * float(self.scale))
        self.kernel = gaussian_kernel(13, self.scale, spread, 0.4)
        np.save(folder / "kernel.npy", self.kernel.weights)
        degrade("import-kernels", folder / "kernel.npy", "--pool", self.pool, "--scale", text)
        for store in ("hdf5", "lmdb"):
            self.build(folder / store, "--format", store)

    def build(self, out: Path, *further: object) -> str:
        given = ("--hr", self.hr, "--out", out, "--scale", self.text, "--hr-size", self.side)
        where = () if "--fingerprint" in further else ("--pool", self.pool)
        plain = ("--noise", "none", "--linear-light", "none")
        return degrade("build-pairs", *where, *given, *plain, *further)

    @property
    def pairs(self) -> Path:
        return self.folder / "hdf5"


@pytest.fixture(scope="module", params=SCALES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Set:
    return Set(tmp_path_factory.mktemp("any-scale"), request.param)


def read(folder: Path) -> dict[str, tuple[U8Array, U8Array]]:
    with open_pairs(folder) as reader:
        return {key: reader.read(number) for number, key in enumerate(reader.keys)}


def by_float64(photo_u8: U8Array, kernel: BlurKernel, top: int, left: int, side: int) -> U8Array:
    levels = downsample(photo_u8.astype(np.float32), kernel, box=(top, left, side, side))
    return round_to_u8(np.clip(levels, 0, 255))


def test_lr_is_what_float64_makes_of_the_known_kernel(made: Set) -> None:
    with open_pairs(made.pairs) as reader:
        assert reader.scale == made.scale and len(reader) >= 3
        for number, record in enumerate(reader.records):
            assert record.plan is not None
            top, left, side, _ = record.plan.hr_box
            photo = read_photo(made.hr / f"{record.key[0]}.png").as_u8()
            lr_u8, hr_u8 = reader.read(number)
            assert np.array_equal(hr_u8, photo[top : top + side, left : left + side])
            wanted = by_float64(photo, made.kernel, top, left, side)
            assert lr_u8.shape == wanted.shape
            # A level where float64 lies half-way between two.
            assert (lr_u8 != wanted).mean() < 1e-3


def test_both_stores_have_the_same_pairs_and_verify(made: Set) -> None:
    hdf5, lmdb_ = (read(made.folder / store) for store in ("hdf5", "lmdb"))
    assert hdf5.keys() == lmdb_.keys()
    for key, (lr_u8, hr_u8) in hdf5.items():
        assert np.array_equal(lr_u8, lmdb_[key][0]) and np.array_equal(hr_u8, lmdb_[key][1])
        assert [side * made.scale for side in lr_u8.shape[:2]] == list(hr_u8.shape[:2])
    for store in ("hdf5", "lmdb"):
        assert f"verify: {len(hdf5)} sound pairs" in degrade("verify", made.folder / store)
    assert f"pairs ×{made.text} in hdf5" in degrade("inspect", made.pairs)


def test_replay_gives_the_bytes_again(made: Set, tmp_path: Path) -> None:
    for key, (lr_u8, _) in read(made.pairs).items():
        said = degrade("replay", made.pairs, key, "--out", tmp_path / key)
        assert "identical, byte for byte" in said and f"×{made.text}" in said
        (lr,) = (path for path in (tmp_path / key).rglob("*.png") if "lr" in path.stem.lower())
        assert np.array_equal(read_photo(lr).as_u8(), lr_u8)


def test_exports_hold_the_pairs(made: Set, tmp_path: Path) -> None:
    wanted = {lr_u8.tobytes(): hr_u8.tobytes() for lr_u8, hr_u8 in read(made.pairs).values()}
    for form in ("basicsr-lmdb", "png", "kair", "webdataset", "h5"):
        said = degrade("export", made.pairs, tmp_path / form, "--to", form)
        assert f"export: {len(wanted)} pairs" in said
        if form in ("basicsr-lmdb", "png"):
            assert f"have no network for ×{made.text}" in said
        assert sorted(_lr_of(form, tmp_path / form)) == sorted(wanted), form


def _lr_of(form: str, folder: Path) -> list[bytes]:
    if form == "h5":
        (path,) = folder.glob("*.h5")
        with h5py.File(path) as file:
            return [np.asarray(image).tobytes() for image in np.asarray(file["lr"])]
    if form == "webdataset":
        with tarfile.open(next(folder.glob("*.tar"))) as tar:
            names = [member for member in tar.getmembers() if ".lr." in member.name]
            return [_pixels(tar.extractfile(member).read()) for member in names]  # type: ignore[union-attr]
    if form == "basicsr-lmdb":
        (path,) = folder.glob("*_LR.lmdb")
        with lmdb.open(str(path), readonly=True, lock=False) as env, env.begin() as transaction:
            return [_pixels(bytes(value)) for _, value in transaction.cursor()]
    lr = next(path for path in sorted(folder.rglob("*")) if path.is_dir() and _is_lr(path.name))
    return [_pixels(path.read_bytes()) for path in lr.rglob("*.png")]


def _is_lr(name: str) -> bool:
    return name.lower() in ("lr", "trainl") or name.lower().endswith("_lr")


def _pixels(png: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return bytes(image[..., ::-1].tobytes())


def test_exported_pairs_are_imported_again(made: Set, tmp_path: Path) -> None:
    """By the names alone, then by the scale, with the same pixels."""
    for key, (lr_u8, hr_u8) in read(made.pairs).items():
        write_png(tmp_path / "HR" / f"{key}.png", hr_u8)
        write_png(tmp_path / "named" / f"{key}x{made.text}.png", lr_u8)
        write_png(tmp_path / f"LR_x{made.text}" / f"{key}.png", lr_u8)
    wanted = sorted(lr_u8.tobytes() for lr_u8, _ in read(made.pairs).values())
    for number, lr in enumerate(("named", f"LR_x{made.text}")):
        out = tmp_path / f"pairs{number}"
        said = degrade("import-pairs", "--hr", tmp_path / "HR", "--lr", tmp_path / lr, "--out", out)
        assert f"{len(wanted)} pairs ×{made.text}" in said
        assert sorted(lr_u8.tobytes() for lr_u8, _ in read(out).values()) == wanted
        assert "sound pairs" in degrade("verify", out)


def test_fingerprint_builds_the_same_within_a_level(made: Set, tmp_path: Path) -> None:
    camera = tmp_path / "camera.json"
    degrade("fingerprint", made.pool, "-o", camera)
    made.build(tmp_path / "pairs", "--fingerprint", camera)
    own, other = read(made.pairs), read(tmp_path / "pairs")
    assert own.keys() == other.keys()
    for key, (lr_u8, _) in own.items():
        assert np.abs(lr_u8.astype(int) - other[key][0]).max() <= 1


def test_audit_says_that_lr_lies_on_hr(tmp_path: Path) -> None:
    scale = as_scale("1.5")
    side = 72 * scale.numerator // scale.denominator
    for number in range(3):
        write_png(tmp_path / "hr" / f"{number}.png", quantise(make_scene(f"s{number}", side, side)))
    kernel = gaussian_kernel(13, scale, (1.0, 0.8), 0.3)
    np.save(tmp_path / "k.npy", kernel.weights)
    degrade("import-kernels", tmp_path / "k.npy", "--pool", tmp_path / "pool", "--scale", scale)
    given = ("--pool", tmp_path / "pool", "--hr", tmp_path / "hr", "--scale", scale)
    out = tmp_path / "pairs"
    degrade("build-pairs", *given, "--out", out, "--hr-size", "full", "--noise", "none")
    said = degrade("audit", "--pairs", out, "--photos", tmp_path / "hr")
    assert "alignment as it should be" in said and "brightness and colours as it should be" in said


def test_import_of_rounded_sizes_needs_the_scale(tmp_path: Path) -> None:
    scale = as_scale("2.7")
    photo = quantise(make_scene("rounded", 2 * 27, 3 * 27))
    levels = downsample(photo.astype(np.float32), gaussian_kernel(13, scale, (1.4, 1.0), 0.2))
    write_png(tmp_path / "HR" / "0801.png", photo[:-8, :-9])  # 46 × 72 over 2.7: 17.04 × 26.7
    write_png(
        tmp_path / "LR" / "X2.70" / "0801.png", round_to_u8(np.clip(levels, 0, 255))[:17, :27]
    )
    given = ("--hr", tmp_path / "HR", "--lr", tmp_path / "LR", "--out", tmp_path / "pairs")
    refused = degrade("import-pairs", *given, exit_code=1)
    assert "named ×2.7; if LR is HR over 2.7, its sides rounded, --scale 2.7 takes such" in refused
    said = degrade("import-pairs", *given, "--scale", "2.7")
    assert "LR is HR over 2.7, its sides rounded: 1 pair, cut at the right and bottom by 19" in said
    ((lr_u8, hr_u8),) = read(tmp_path / "pairs").values()
    assert lr_u8.shape == (10, 20, 3) and hr_u8.shape == (27, 54, 3)
    assert np.array_equal(lr_u8, round_to_u8(np.clip(levels, 0, 255))[:10, :20])


def test_training_says_what_to_do_instead(made: Set, tmp_path: Path) -> None:
    higher = -(-made.scale.numerator // made.scale.denominator)
    recipe = ("--preset", "tiny", "--steps", 1, "--device", "cpu", "--out", tmp_path / "model")
    said = degrade("train", "--pairs", made.pairs, *recipe, exit_code=1)
    assert f"its pairs are ×{made.text}" in said and f"build pairs of --scale {higher}" in said
    photos = ("--hr", made.hr, "--pool", made.pool, "--scale", made.text)
    said = degrade("train", *photos, *recipe, exit_code=1)
    assert f"×{made.text} is no whole scale: networks enlarge by whole numbers" in said
    assert f"train with --scale {higher}" in said
    said = degrade("prove", "--pairs", made.pairs, "--photos", made.hr, exit_code=1)
    assert f"×{made.text} is no whole scale" in said
    assert f"prove pairs of `scale={higher}` instead" in said
    assert not (tmp_path / "model").exists()


def test_networks_are_not_judged_on_pairs_of_other_scales(made: Set, tmp_path: Path) -> None:
    whole = border_of(made.scale)
    network = RRDBNet(scale=2, features=4, blocks=1, growth=2)
    write_generator(tmp_path / "g.pth", network)
    said = degrade(
        "evaluate", made.pairs, "--weights", tmp_path / "g.pth", "--border", 0, exit_code=1
    )
    assert f"enlarges 2 times, and the pairs are ×{made.text}" in said
    assert f"networks enlarge by whole numbers: give pairs of ×{whole}" in said


@pytest.mark.parametrize("text", ["2.5", "7/3", "2.0x"])
def test_commands_of_whole_scales_say_what_to_do(tmp_path: Path, text: str) -> None:
    networks = "must be a whole number from 1 to 8, as networks enlarge: give that of the weights"
    for command, said in (
        (("upscale", tmp_path, "--weights", "g.pth"), networks),
        (("convert", "a.pth", "b.pth"), networks),
        (("export-model", "a.pth", "b.onnx"), networks),
        (("selftest", tmp_path), "must be 2, 3 or 4: kernels are measured by networks for these"),
    ):
        output = degrade(*command, "--scale", text, exit_code=2)
        assert said in output and f"got {text}" in output and "not a valid" not in output
        assert output.count("\n") == 1


def test_a_camera_is_matched(tmp_path: Path) -> None:
    scale = as_scale("2.5")
    start, camera = (gaussian_kernel(17, scale, (width, width)) for width in (1.2, 1.7))
    for number in range(20):
        hr, photo = (make_texture(f"{side} {number}", side) for side in (160, 240))
        write_png(tmp_path / "hr" / f"{number}.png", round_to_u8(hr))
        lr = np.clip(downsample(np.rint(photo), camera), 0, 255)
        write_png(tmp_path / "photos" / f"{number}.png", round_to_u8(lr))
    np.save(tmp_path / "start.npy", start.weights)
    pool = ("--pool", tmp_path / "pool", "--scale", scale)
    degrade("import-kernels", tmp_path / "start.npy", *pool)
    degrade("match", tmp_path / "photos", *pool, "--hr", tmp_path / "hr", "--aim", "match")
    opened = DegradationPool.open(tmp_path / "pool")
    (key,) = opened.index(scale).matched_ids
    before, after = (
        np.abs(20 * np.log10(kernel_response(kernel) / kernel_response(camera)))[2:16].max()
        for kernel in (start, opened.read_kernel(key))
    )
    assert before > 4 and after < before / 2
    shown = degrade("recipe", "show", "matched", *pool)
    assert "has 1 kernel ×2.5, 1 matched" in shown
