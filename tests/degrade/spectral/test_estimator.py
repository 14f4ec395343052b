from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.geometry import as_scale
from degrade.kernels import BlurKernel, downsample, gaussian_kernel, kernel_sigmas
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.kernels.metrics import kernel_psnr
from degrade.spectral import assess_kernel, estimate_kernel
from degrade.spectral.verdicts import periodicity
from degrade.spectral.weights import SCALES, load_network, read_network
from tests.making import make_scene


def sharp_photo(height: int, width: int) -> FloatArray:
    """Return overlapping discs and boxes of all sizes (dead leaves), as sharp as pixels allow."""
    rng = np.random.default_rng(3)
    image = np.full((2 * height, 2 * width, 3), 0.5, np.float32)
    for radius in np.sort(rng.pareto(1.2, 1500) * 6 + 3)[::-1]:
        centre = (int(rng.integers(2 * width)), int(rng.integers(2 * height)))
        colour = tuple(rng.uniform(0.1, 0.9, 3))
        size = int(min(radius, height))
        if rng.random() < 0.5:
            cv2.circle(image, centre, size, colour, -1)
        else:
            box = cv2.boxPoints((centre, (size, 2 * size), float(rng.uniform(0, 90))))
            cv2.fillPoly(image, [box.astype(np.int32)], colour)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def as_u8(image: FloatArray) -> np.ndarray:
    return np.clip(np.round(image * 255), 0, 255).astype(np.uint8)


def blurred(kernel: BlurKernel, side: int = 480) -> np.ndarray:
    return as_u8(downsample(sharp_photo(side * kernel.scale, side * kernel.scale), kernel))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(("wide", "narrow", "angle"), [(1.0, 0.45, 0.5), (0.8, 0.8, 0.0)])
def test_estimate_kernel_finds_a_known_kernel(
    scale: int, wide: float, narrow: float, angle: float
) -> None:
    truth = gaussian_kernel(8 * scale + 1, scale, (wide * scale, narrow * scale), angle)
    estimate = estimate_kernel(blurred(truth, 256), scale)
    constant = gaussian_kernel(8 * scale + 1, scale, (0.55 * scale, 0.55 * scale))
    assert kernel_psnr(estimate.kernel.weights, truth.weights) > max(
        42, kernel_psnr(constant.weights, truth.weights) + 3
    )
    assert estimate.method == "spectral"
    assert 0 <= estimate.confidence <= 1
    assert estimate.verdicts == ()


def test_estimate_kernel_turns_with_the_photo() -> None:
    photo = blurred(gaussian_kernel(17, 2, (1.9, 0.8), 0.6), 256)
    turned = np.ascontiguousarray(photo[::-1, ::-1].transpose(1, 0, 2))
    one, other = (estimate_kernel(image, 2).kernel.weights for image in (photo, turned))
    assert kernel_psnr(other, one.T) > 55


def test_estimate_kernel_is_the_same_every_time_and_leaves_the_photo_alone() -> None:
    photo = blurred(gaussian_kernel(17, 2, (1.5, 1.0), 0.6), 200)
    before = photo.copy()
    one, other = (estimate_kernel(photo, 2) for _ in range(2))
    np.testing.assert_array_equal(one.kernel.weights, other.kernel.weights)
    assert one.expected_kpsnr == other.expected_kpsnr
    np.testing.assert_array_equal(photo, before)


def test_estimate_kernel_looks_at_several_crops_of_a_large_photo() -> None:
    kernel = gaussian_kernel(17, 2, (1.5, 1.5))  # round: mirroring turns it
    # Mirrored at its borders, so that no seam is sharper than the blur.
    photo = np.pad(blurred(kernel, 480), ((0, 480), (0, 800), (0, 0)), mode="symmetric")
    photo = photo[:960, :1280]
    estimate = estimate_kernel(photo, 2)
    assert estimate.statistics["crops"] == 6  # 960 by 1280 pixels
    assert kernel_psnr(estimate.kernel.weights, kernel.weights) > 42


def test_estimate_kernel_does_with_96_pixels_and_not_with_less() -> None:
    photo = as_u8(sharp_photo(96, 96))
    assert estimate_kernel(photo, 2).kernel.scale == 2
    with pytest.raises(UnsuitablePhotoError, match=r"96×95 pixels are too few.*at least 96"):
        estimate_kernel(photo[:95], 2, source="small.png")


def test_estimate_kernel_refuses_a_photo_without_edges() -> None:
    with pytest.raises(UnsuitablePhotoError, match="all its pixels are equal"):
        estimate_kernel(np.full((100, 100, 3), 7, np.uint8), 2)


@pytest.mark.parametrize("shape", [(100, 100), (100, 100, 4)])
def test_estimate_kernel_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError, match=r"\(H, W, 3\) uint8"):
        estimate_kernel(np.zeros(shape, np.uint8), 2)


def test_estimate_kernel_refuses_what_is_no_scale() -> None:
    with pytest.raises(InvalidValueError, match=r"scale must be a number from 1\.5"):
        estimate_kernel(np.zeros((100, 100, 3), np.uint8), 1)


@pytest.mark.parametrize(("scale", "nearest"), [("2.5", 3), ("1.5", 2), ("8", 4)])
def test_estimate_kernel_takes_the_network_of_the_nearest_scale(scale: str, nearest: int) -> None:
    # Soft: a kernel narrower than half an HR pixel has no place between two of them.
    photo = cv2.GaussianBlur(as_u8(sharp_photo(160, 160)), (0, 0), 0.9)
    wanted, near = as_scale(scale), estimate_kernel(photo, nearest)
    found = estimate_kernel(photo, wanted)
    factor = float(wanted) / nearest
    assert found.kernel.scale == wanted
    widths = np.array(kernel_sigmas(found.kernel.weights)) / factor
    np.testing.assert_allclose(widths, kernel_sigmas(near.kernel.weights), rtol=0.1)
    assert found.expected_kpsnr == pytest.approx(near.expected_kpsnr + 20 * np.log10(factor))


def test_estimate_kernel_trusts_noisy_photos_less() -> None:
    photo = blurred(gaussian_kernel(17, 2, (1.2, 0.8), 0.6), 256)
    noise = np.random.default_rng(0).normal(0, 25, photo.shape)
    noisy = np.clip(photo + noise, 0, 255).astype(np.uint8)
    clean, rough = estimate_kernel(photo, 2), estimate_kernel(noisy, 2)
    assert rough.expected_kpsnr < clean.expected_kpsnr
    assert "too noisy" in rough.verdicts


def test_estimate_kernel_says_what_is_wrong_with_a_photo() -> None:
    photo = as_u8(make_scene("verdicts", 300, 300))
    fog = (120 + 0.02 * photo).astype(np.uint8)
    assert "too smooth" in estimate_kernel(fog, 2).verdicts
    harsh = np.clip((photo.astype(float) - 128) * 6 + 128, 0, 255).astype(np.uint8)
    assert "clipped" in estimate_kernel(harsh, 2).verdicts


@pytest.mark.parametrize("factor", [1.5, 1.7, 3])
def test_estimate_kernel_sees_that_a_photo_was_enlarged(factor: float) -> None:
    photo = as_u8(sharp_photo(400, 400))
    photo = np.clip(photo + np.random.default_rng(0).normal(0, 5, photo.shape), 0, 255)
    larger = cv2.resize(
        photo.astype(np.uint8), None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC
    )
    assert "already upscaled" in estimate_kernel(larger, 2).verdicts
    assert "already upscaled" not in estimate_kernel(photo.astype(np.uint8), 2).verdicts


@pytest.mark.parametrize("quality", [50, 80])
def test_periodicity_does_not_take_jpeg_for_enlarging(quality: int) -> None:
    image = ndimage.gaussian_filter(make_scene("jpeg", 400, 400)[..., 0], 0.7)
    _, data = cv2.imencode(".jpg", as_u8(image), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert periodicity(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)) < 60


def test_estimate_kernel_needs_no_torch() -> None:
    code = (
        "import json, sys, numpy as np\n"
        "from degrade.spectral import estimate_kernel\n"
        "photo = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)\n"
        "estimate_kernel(photo, 2)\n"
        "print(json.dumps(sorted({'torch', 'joblib', 'click'} & set(sys.modules))))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == []


def test_load_network_is_small_enough_to_ship() -> None:
    folder = Path(sys.modules["degrade.spectral.weights"].__file__ or "").parent / "weights"
    files = list(folder.glob("*.safetensors"))
    assert sorted(file.stem for file in files) == [f"spectral_x{s}" for s in SCALES] + ["usual"]
    assert sum(file.stat().st_size for file in files) <= 2_000_000
    assert load_network(2) is load_network(2)


def test_read_network_refuses_what_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(CorruptDataError, match=r"x\.safetensors"):
        read_network(path)


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("pattern", ["rows", "columns", "checks", "noise", "dot"])
def test_estimate_kernel_stays_finite_on_pictures_that_are_no_photos(
    pattern: str, scale: int
) -> None:
    rows, columns = np.indices((128, 160))
    grey = {
        "rows": 255 * (rows % 2),
        "columns": 255 * (columns % 2),
        "checks": 255 * ((rows + columns) % 2),
        "noise": np.random.default_rng(0).integers(0, 256, rows.shape),
        "dot": 255 * ((rows == 64) & (columns == 64)),
    }[pattern]
    photo = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8)
    estimate = estimate_kernel(photo, scale)
    assert np.isfinite(estimate.kernel.weights).all()
    assert np.isfinite(list(estimate.statistics.values())).all()
    assert 0 <= estimate.confidence <= 1


def test_assess_kernel_trusts_the_true_kernel_and_not_another() -> None:
    truth = gaussian_kernel(17, 2, (1.6, 1.0), 0.5)
    other = gaussian_kernel(17, 2, (3.0, 3.0))
    photo = blurred(truth, 320)
    right, wrong = (assess_kernel(photo, kernel) for kernel in (truth, other))
    assert right.expected_kpsnr > wrong.expected_kpsnr + 5
    assert right.expected_kpsnr <= estimate_kernel(photo, 2).expected_kpsnr
    assert right.kernel is truth
