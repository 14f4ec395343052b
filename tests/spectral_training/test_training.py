from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from degrade.kernels.families import kernel_side
from degrade.spectral import estimate_kernel
from degrade.spectral.features import PHOTO_FEATURES, WINDOW_FEATURES
from degrade.spectral.measurement import CropFeatures
from degrade.spectral.network import KernelNetwork, embed, symmetric_part
from degrade.spectral.weights import read_network, write_network
from spectral_training.fit import FitConfig, as_ensemble, fit_network, measure_networks
from spectral_training.network import NetworkSize, TrainableNetwork
from spectral_training.samples import MAX_WINDOWS, Samples, draw_samples, make_variants
from tests.making import make_scene
from tests.rounding import SAME_FORMULA, gamma

SMALL = NetworkSize(encode1=24, encode2=12, heads=2, look=8, join=24, components=8)


def some_samples(scale: int, count: int, role: str = "a") -> Samples:
    variants = [make_variants(make_scene(f"train {index}", 420, 460)) for index in range(2)]
    keys = [f"{role} {index}" for index in range(count)]
    return draw_samples(variants, scale, keys, seed=1, measured=[np.ones((5, 5))])


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_symmetric_part_lies_evenly_around_the_phase_centre(scale: int) -> None:
    side = kernel_side(scale)
    taps = np.arange(side) - (side // 2 + (scale - 1) / 2)
    kernel = np.exp(-0.05 * (taps[:, None] ** 2 + 2 * taps[None] ** 2))
    part = symmetric_part(kernel, scale)
    np.testing.assert_allclose(part, part[::-1, ::-1])
    assert embed(part.astype(np.float32), scale).shape == (side, side)


@pytest.mark.parametrize("scale", [2, 3])
def test_network_in_numpy_equals_the_one_in_torch(scale: int, rng: np.random.Generator) -> None:
    side = symmetric_part(np.zeros((kernel_side(scale),) * 2), scale).shape[0]
    torch.manual_seed(scale)
    constants = {
        "window_mean": torch.randn(WINDOW_FEATURES),
        "window_spread": torch.rand(WINDOW_FEATURES) + 0.5,
        "photo_mean": torch.randn(PHOTO_FEATURES),
        "photo_spread": torch.rand(PHOTO_FEATURES) + 0.5,
        "mean_kernel": torch.rand(side * side) / side**2,
        "basis": 0.1 * torch.randn(SMALL.components, side * side),
    }
    trainable = TrainableNetwork(SMALL, scale=scale, side=side, constants=constants)
    for parameter in trainable.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    arrays = {name: tensor.numpy() for name, tensor in trainable.state_dict().items()}
    network = KernelNetwork(arrays, scale=scale)
    windows = rng.standard_normal((9, WINDOW_FEATURES)).astype(np.float32)
    photo = rng.standard_normal(PHOTO_FEATURES).astype(np.float32)
    seen, _ = network.estimate(CropFeatures(windows, photo))
    # A sum of side² taps of either sign.
    allowed = gamma(side**2) * np.abs(seen).sum(axis=(1, 2)).max()
    np.testing.assert_allclose(seen.sum(axis=(1, 2)), 1, atol=allowed)

    # Rounding grows from layer to layer: one formula is compared with the other in float64.
    network.arrays = {name: array.astype(np.float64) for name, array in arrays.items()}
    outputs, raw = network.forward(windows[None], photo[None])
    padded = torch.zeros(1, 12, WINDOW_FEATURES, dtype=torch.float64)
    padded[0, :9] = torch.from_numpy(windows)
    mask = torch.arange(12)[None] < 9
    with torch.no_grad():
        kernels, errors = trainable.double()(padded, mask, torch.from_numpy(photo)[None].double())
    assert outputs.dtype == np.float64 and kernels.dtype == torch.float64
    assert raw[0] == pytest.approx(errors.item(), rel=SAME_FORMULA)
    expected = kernels[0].numpy()
    # compose rounds once more, to float32.
    allowed = (SAME_FORMULA + gamma(1)) * np.abs(expected).max()
    np.testing.assert_allclose(network.compose(outputs[0]), expected, rtol=0, atol=allowed)


def test_draw_samples_depend_on_their_keys_alone() -> None:
    together = some_samples(2, 6)
    variants = [make_variants(make_scene(f"train {index}", 420, 460)) for index in range(2)]
    alone = draw_samples(variants, 2, ["a 4"], seed=1, measured=[np.ones((5, 5))])
    np.testing.assert_array_equal(alone.windows[0], together.windows[4])
    np.testing.assert_array_equal(alone.weights[0], together.weights[4])
    assert together.windows.shape == (6, MAX_WINDOWS, WINDOW_FEATURES)
    assert np.isfinite(together.windows).all()
    assert np.isfinite(together.photos).all()


def test_fit_network_learns_and_writes_what_the_estimator_reads(tmp_path: Path) -> None:
    samples, held_out = some_samples(2, 192), some_samples(2, 48, "held out")
    config = FitConfig(scale=2, epochs=12, batch=32, learning_rate=4e-3)
    figures: list[dict[str, object]] = []
    stands: list[TrainableNetwork] = []

    def on_epoch(figure: dict[str, object], network: TrainableNetwork) -> None:
        figures.append(figure)
        stands.append(network)

    network = fit_network(samples, held_out, config, size=SMALL, on_epoch=on_epoch)
    assert stands[-1] is network
    gains = [float(str(figure["training_kpsnr"])) for figure in figures]
    assert gains[-1] > gains[0] + 2
    report = measure_networks([network], held_out)
    path = tmp_path / "x2.safetensors"
    write_network(path, as_ensemble([network], report.calibration))
    read = read_network(path)
    assert read.calibration == report.calibration
    photo = np.clip(make_scene("unseen", 160, 160) * 255, 0, 255).astype(np.uint8)
    estimate = estimate_kernel(photo, 2, network=read)
    assert estimate.kernel.weights.sum(dtype=np.float64) == pytest.approx(1)
    assert report.kpsnr == pytest.approx(gains[-1], abs=4)


def test_command_trains_resumes_and_logs(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for index in range(3):
        scene = (make_scene(f"command {index}", 300, 320) * 255).astype(np.uint8)
        cv2.imwrite(str(photos / f"{index}.png"), scene)
    command = [
        sys.executable,
        "-m",
        "spectral_training",
        str(photos),
        "--scale",
        "3",
        "--samples",
        str(tmp_path / "cache"),
        "--out",
        str(tmp_path / "out.safetensors"),
        "--count",
        "64",
        "--drawn-count",
        "16",
        "--held-out-count",
        "8",
        "--epochs",
        "1",
        "--jobs",
        "1",
    ]
    outcomes = []
    for _ in range(2):
        subprocess.run(command, check=True, capture_output=True)
        outcomes.append((tmp_path / "out.safetensors").read_bytes())
    assert outcomes[0] == outcomes[1]
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert lines[0]["scale"] == 3
    assert sum("sha256" in line for line in lines) == 3
    assert "held_out" in lines[-2]
    assert "together" in lines[-1]


def test_command_averages_with_a_network_trained_before(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), (make_scene("a", 300, 320) * 255).astype(np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), (make_scene("b", 300, 320) * 255).astype(np.uint8))
    outs = [tmp_path / "first.safetensors", tmp_path / "both.safetensors"]
    command = [
        sys.executable,
        "-m",
        "spectral_training",
        str(tmp_path / "a.png"),
        str(tmp_path / "b.png"),
        "--samples",
        str(tmp_path / "cache"),
        "--count",
        "64",
        "--drawn-count",
        "0",
        "--held-out-count",
        "8",
        "--epochs",
        "1",
        "--jobs",
        "1",
        "--scale",
    ]
    subprocess.run([*command, "3", "--out", outs[0]], check=True, capture_output=True)
    beside = ["--beside", outs[0], "--seed", "1", "--out", outs[1]]
    subprocess.run([*command, "3", *beside], check=True, capture_output=True)
    first, both = (read_network(out).members for out in outs)
    assert len(first) == 1 and len(both) == 2
    for name, array in first[0].arrays.items():
        # Packed a second time; the steps of the bytes are those of the first.
        np.testing.assert_allclose(both[0].arrays[name], array, rtol=1e-3, atol=1e-6)
    assert any((array != both[1].arrays[name]).any() for name, array in first[0].arrays.items())
    refused = subprocess.run([*command, "2", *beside], capture_output=True, text=True)
    assert refused.returncode == 2 and "is for ×3, not for ×2" in refused.stderr
