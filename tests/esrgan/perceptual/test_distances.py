"""LPIPS and DISTS against whole networks put together from torch's own layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from degrade.arrays import U8Array, round_to_u8
from degrade.errors import DegradeError
from esrgan.perceptual import Kind, distances, read_perceptual
from esrgan.perceptual.backbones import ALEXNET, VGG16, Backbone
from tests.making import make_scene

ALEX_TAPS = (1, 4, 7, 9, 11)
VGG_TAPS = (3, 8, 15, 22, 29)


def make_pair(height: int, width: int) -> tuple[U8Array, U8Array]:
    hr = make_scene("alike", height, width) * 255
    sr = hr + np.random.default_rng(0).normal(0, 12, hr.shape)
    return round_to_u8(sr), round_to_u8(hr)


def alexnet_layers() -> nn.Sequential:
    """The layers of torchvision's AlexNet, by its numbers."""
    relu, pool = nn.ReLU, lambda: nn.MaxPool2d(3, 2)
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 11, 4, 2), relu(), pool()),
        *(nn.Conv2d(64, 192, 5, padding=2), relu(), pool()),
        *(nn.Conv2d(192, 384, 3, padding=1), relu()),
        *(nn.Conv2d(384, 256, 3, padding=1), relu()),
        *(nn.Conv2d(256, 256, 3, padding=1), relu()),
    )


def vgg_layers() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers[:-1])


class Weights:
    """Random weights of all, as the packages' files hold them."""

    def __init__(self, layers: nn.Sequential, backbone: Backbone) -> None:
        torch.manual_seed(1)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
                nn.init.normal_(layer.bias, 0, 0.1)
        self.layers = layers.eval()
        self.network = {f"features.{name}": t for name, t in layers.state_dict().items()}
        self.linear = {
            f"lin{number}.model.1.weight": torch.rand(1, width, 1, 1)
            for number, width in enumerate(backbone.widths)
        }
        self.mixing = {name: torch.rand(1, 1475, 1, 1) for name in ("alpha", "beta")}

    def write(self, folder: Path) -> dict[str, Path]:
        folder.mkdir(exist_ok=True)
        paths = {}
        for name in ("network", "linear", "mixing"):
            paths[name] = folder / f"{name}.pth"
            torch.save(getattr(self, name), paths[name])
        return paths


@pytest.fixture(scope="module")
def alex() -> Weights:
    return Weights(alexnet_layers(), ALEXNET)


@pytest.fixture(scope="module")
def vgg() -> Weights:
    return Weights(vgg_layers(), VGG16)


def as_tensor(image: U8Array) -> Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def column(*values: float) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


def plain_lpips(weights: Weights, taps: tuple[int, ...], pair: tuple[U8Array, U8Array]) -> float:
    shift, scale = column(-0.030, -0.088, -0.188), column(0.458, 0.448, 0.450)
    layers = []
    for image in pair:
        x, found = (as_tensor(image) * 2 - 1 - shift) / scale, []
        for number, layer in enumerate(weights.layers):
            x = layer(x)
            if number in taps:
                found.append(nn.functional.normalize(x, dim=1))
        layers.append(found)
    return sum(
        float(((a - b) ** 2 * lin).sum(1).mean())
        for a, b, lin in zip(*layers, weights.linear.values(), strict=True)
    )


def plain_dists(weights: Weights, pair: tuple[U8Array, U8Array]) -> float:
    window = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16
    layers = []
    for image in pair:
        x = as_tensor(image)
        found = [x]
        x = (x - column(0.485, 0.456, 0.406)) / column(0.229, 0.224, 0.225)
        for number, layer in enumerate(weights.layers):
            if isinstance(layer, nn.MaxPool2d):
                kernel = window.expand(x.shape[1], 1, 3, 3)
                x = nn.functional.conv2d(x**2, kernel, None, 2, 1, 1, x.shape[1])
                x = (x + 1e-12).sqrt()
            else:
                x = layer(x)
            if number in VGG_TAPS:
                found.append(x)
        layers.append(found)
    alike, begin = 0.0, 0
    alpha, beta = (each.flatten() for each in weights.mixing.values())
    for x, y in zip(*layers, strict=True):
        part = slice(begin, begin + x.shape[1])
        begin = part.stop
        mx, my = x.mean((2, 3))[0], y.mean((2, 3))[0]
        dx, dy = x[0] - mx[:, None, None], y[0] - my[:, None, None]
        vx, vy, vxy = ((p * q).mean((1, 2)) for p, q in ((dx, dx), (dy, dy), (dx, dy)))
        alike += float((alpha[part] * (2 * mx * my + 1e-6) / (mx**2 + my**2 + 1e-6)).sum())
        alike += float((beta[part] * (2 * vxy + 1e-6) / (vx + vy + 1e-6)).sum())
    return 1 - alike / float(alpha.sum() + beta.sum())


@torch.inference_mode()
def test_lpips_is_that_of_the_whole_network(tmp_path: Path, alex: Weights, vgg: Weights) -> None:
    pair = make_pair(101, 94)
    for number, (weights, taps) in enumerate(((alex, ALEX_TAPS), (vgg, VGG_TAPS))):
        paths = weights.write(tmp_path / str(number))
        measure = read_perceptual("lpips", [paths["network"], paths["linear"]])
        expected = plain_lpips(weights, taps, pair)
        assert measure.distance(*pair) == pytest.approx(expected, rel=1e-4)
        assert measure.distance(pair[0], pair[0]) == 0


@torch.inference_mode()
def test_dists_is_that_of_the_whole_network(tmp_path: Path, vgg: Weights) -> None:
    pair, paths = make_pair(90, 101), vgg.write(tmp_path)
    measure = read_perceptual("dists", [paths["mixing"], paths["network"]])
    assert measure.distance(*pair) == pytest.approx(plain_dists(vgg, pair), rel=1e-4)
    assert measure.distance(pair[0], pair[0]) == pytest.approx(0, abs=1e-6)


def test_distances_do_not_depend_on_strips(
    tmp_path: Path, alex: Weights, vgg: Weights, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_pair(419, 64)
    own, other = alex.write(tmp_path / "alex"), vgg.write(tmp_path / "vgg")
    measures = [
        read_perceptual("lpips", [own["network"], own["linear"]]),
        read_perceptual("dists", [other["network"], other["mixing"]]),
    ]
    whole = [measure.distance(*pair) for measure in measures]
    monkeypatch.setattr(distances, "_PIXELS", 64 * 160)
    assert [measure.distance(*pair) for measure in measures] == pytest.approx(whole, rel=1e-5)


def test_modules_saved_whole_are_read(tmp_path: Path, alex: Weights) -> None:
    """As ``lpips.LPIPS().state_dict()`` names its parts."""
    state = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1)}
    for name, tensor in alex.network.items():
        layer = int(name.split(".")[1])
        part = 1 + sum(layer >= start for start in (3, 6, 8, 10))
        state[f"net.slice{part}.{name.removeprefix('features.')}"] = tensor
    for name, tensor in alex.linear.items():
        state[name] = tensor
        state[f"lins.{name[3]}.model.1.weight"] = tensor
    torch.save(state, tmp_path / "whole.pth")
    paths = alex.write(tmp_path)
    both = [
        read_perceptual("lpips", files).distance(*make_pair(70, 70))
        for files in ([tmp_path / "whole.pth"], [paths["linear"], paths["network"]])
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize("change", [torch.Tensor.half, torch.Tensor.bfloat16])
def test_weights_of_16_bits_and_of_wrapped_modules_are_read(
    tmp_path: Path, alex: Weights, change: Callable[[Tensor], Tensor]
) -> None:
    paths, pair = alex.write(tmp_path), make_pair(70, 70)
    torch.save({name: change(t) for name, t in alex.network.items()}, tmp_path / "short.pth")
    wrapped = {f"module.{name}": change(t).float() for name, t in alex.network.items()}
    torch.save({"state_dict": wrapped}, tmp_path / "wrapped.pth")
    found = [
        read_perceptual("lpips", [tmp_path / name, paths["linear"]]).distance(*pair)
        for name in ("short.pth", "wrapped.pth")
    ]
    assert found[0] == found[1] and found[0] is not None and found[0] > 0


def test_safetensors_are_read(tmp_path: Path, alex: Weights) -> None:
    paths, pair = alex.write(tmp_path), make_pair(70, 70)
    save_file(alex.network, tmp_path / "network.safetensors")
    both = [
        read_perceptual("lpips", [tmp_path / name, paths["linear"]]).distance(*pair)
        for name in ("network.safetensors", "network.pth")
    ]
    assert both[0] == both[1] is not None
    (tmp_path / "cut.safetensors").write_bytes(b"{")
    assert "no safetensors file" in refused("lpips", tmp_path / "cut.safetensors")


def test_squeezenet_and_version_0_0_are_refused_by_name(tmp_path: Path, alex: Weights) -> None:
    paths, wrong = alex.write(tmp_path), tmp_path / "wrong.pth"
    torch.save(alex.linear | {"lin5.model.1.weight": torch.rand(1, 512, 1, 1)}, wrong)
    start = f"{wrong}: is of SqueezeNet, which is not read; `lpips` wants"
    assert refused("lpips", paths["network"], wrong).startswith(start)
    torch.save({"features.3.squeeze.weight": torch.rand(16, 64, 1, 1)}, wrong)
    assert refused("lpips", paths["linear"], wrong).startswith(start)
    sums = (2.5659, 10.2574, 22.4343, 16.3139, 13.9345)
    linear = zip(alex.linear.items(), sums, strict=True)
    torch.save({name: t * (total / t.sum()) for (name, t), total in linear}, wrong)
    start = f"{wrong}: holds linear layers of LPIPS' version 0.0"
    assert refused("lpips", paths["network"], wrong).startswith(start)


def refused(kind: Kind, *paths: Path) -> str:
    with pytest.raises(DegradeError) as refusal:
        read_perceptual(kind, paths)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_files_with_a_wrong_tensor_are_refused_by_its_name(tmp_path: Path, alex: Weights) -> None:
    paths, wrong = alex.write(tmp_path), tmp_path / "wrong.pth"

    def said(**changed: Tensor) -> str:
        torch.save(alex.network | {f"features.{n}": t for n, t in changed.items()}, wrong)
        return refused("lpips", paths["linear"], wrong)

    weight = alex.network["features.3.weight"]
    turned = said(**{"3.weight": weight.transpose(0, 1).contiguous()})
    start = f"{wrong}: features.3.weight"
    assert turned.startswith(f"{start} has the shape (64, 192, 5, 5), not (192, 64, 5, 5)")
    assert said(**{"3.weight": weight.int()}).startswith(f"{start} holds int32, no fractions")
    assert said(**{"3.weight": weight / 0}).startswith(f"{start} holds NaN or infinity")
    claimed = said(**{"3.weight": torch.zeros(1).expand(192, 64, 5, 5)})
    assert claimed.startswith(f"{wrong}: claims more weights than the file holds")
    twice = said(**{"3.weight": weight, "x.features.3.weight": weight + 1})
    assert twice == f"{start} is there twice, with other numbers; give one"
    less = {name: t for name, t in alex.network.items() if name != "features.8.bias"}
    torch.save(less, wrong)
    assert f"{wrong}: features.8.bias is missing; " in refused("lpips", paths["linear"], wrong)


def test_two_networks_are_refused_in_any_order(tmp_path: Path, alex: Weights, vgg: Weights) -> None:
    own, other = alex.write(tmp_path / "alex"), vgg.write(tmp_path / "vgg")
    files = [own["linear"], own["network"], other["network"]]
    first, second = (refused("lpips", *order) for order in (files, files[::-1]))
    assert first == second and "features.0.weight is there twice" in first
    same = read_perceptual("lpips", [own["linear"], own["network"], own["network"]])
    assert same.backbone is ALEXNET


def test_damaged_files_and_code_are_refused(tmp_path: Path, alex: Weights) -> None:
    paths, wrong, made = alex.write(tmp_path), tmp_path / "wrong.pth", tmp_path / "made"
    whole = paths["network"].read_bytes()
    for data in (b"", whole[:1000], whole[: len(whole) // 2], whole[:-1]):
        wrong.write_bytes(data)
        assert refused("lpips", wrong, paths["linear"]).startswith(f"{wrong}: is damaged")

    class Code:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (made,)

    for zipped in (True, False):
        content = alex.network | {"features.0.weight": Code()}
        torch.save(content, wrong, _use_new_zipfile_serialization=zipped)
        assert "could run code" in refused("lpips", wrong, paths["linear"])
    assert not made.exists()


def test_weights_that_make_nan_are_said(tmp_path: Path, vgg: Weights) -> None:
    paths = vgg.write(tmp_path)
    torch.save({name: 0 * t for name, t in vgg.mixing.items()}, paths["mixing"])
    measure = read_perceptual("dists", [paths["mixing"], paths["network"]])
    with pytest.raises(DegradeError, match="the weights for dists make NaN"):
        measure.distance(*make_pair(64, 64))


def test_what_is_missing_is_said_with_where_it_comes_from(
    tmp_path: Path, alex: Weights, vgg: Weights
) -> None:
    own, other = alex.write(tmp_path / "alex"), vgg.write(tmp_path / "vgg")
    for kind, files, text in (
        ("lpips", [own["linear"]], "features.0.weight is missing.*alexnet-owt-7be5be79.pth"),
        ("lpips", [own["network"]], "lin0 is missing.*weights/v0.1/alex.pth"),
        ("lpips", [own["linear"], other["network"]], "is VGG16, and .*linear.pth wants AlexNet; "),
        ("lpips", [other["linear"], own["network"]], "is AlexNet, and .*linear.pth wants VGG16; "),
        ("dists", [other["mixing"], own["network"]], "is AlexNet, and DISTS wants VGG16; "),
        ("dists", [other["network"]], "alpha is missing.*DISTS_pytorch"),
        ("dists", [tmp_path / "nowhere.pth"], "nowhere.pth"),
    ):
        with pytest.raises(DegradeError, match=text):
            read_perceptual(kind, files)  # type: ignore[arg-type]
    broken = dict(alex.linear)
    broken["lin2.model.1.weight"] = torch.full((1, 384, 1, 1), torch.nan)
    torch.save(broken, own["linear"])
    with pytest.raises(DegradeError, match="lin2 holds NaN"):
        read_perceptual("lpips", [own["linear"], own["network"]])


def test_small_images_have_no_distance(tmp_path: Path, alex: Weights) -> None:
    paths = alex.write(tmp_path)
    measure = read_perceptual("lpips", [paths["linear"], paths["network"]])
    assert measure.distance(*make_pair(63, 200)) is None
