from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.losses import VGG19Features

# The convolutions of VGG19 in torchvision's numbering.
CONVOLUTIONS = {
    "conv1_1": 0,
    "conv1_2": 2,
    "conv2_1": 5,
    "conv2_2": 7,
    "conv3_1": 10,
    "conv3_2": 12,
    "conv3_3": 14,
    "conv3_4": 16,
    "conv4_1": 19,
    "conv4_2": 21,
    "conv4_3": 23,
    "conv4_4": 25,
    "conv5_1": 28,
    "conv5_2": 30,
    "conv5_3": 32,
    "conv5_4": 34,
}


def test_vgg19_has_the_layers_of_torchvision_up_to_conv5_4() -> None:
    with torch.device("meta"):
        network = VGG19Features()
    expected = {
        f"features.{n}.{kind}" for n in CONVOLUTIONS.values() for kind in ("weight", "bias")
    }
    assert set(network.state_dict()) == expected
    names = network.layer_names
    assert {name: names.index(name) for name in CONVOLUTIONS} == CONVOLUTIONS
    assert [n for n in names if n.startswith("pool")] == ["pool1", "pool2", "pool3", "pool4"]
    for name, layer in zip(names, network.features, strict=True):
        kind = {"conv": nn.Conv2d, "relu": nn.ReLU, "pool": nn.MaxPool2d}[name[:4]]
        assert isinstance(layer, kind)


def test_vgg19_gives_every_layer_before_and_after_its_activation(vgg: VGG19Features) -> None:
    image_BCHW = torch.rand(2, 3, 19, 16)
    found = vgg(image_BCHW, vgg.layer_names)
    x = (image_BCHW - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    weights = vgg.state_dict()
    for name, number in CONVOLUTIONS.items():
        if name.endswith("_1") and name != "conv1_1":
            x = functional.max_pool2d(x, 2)
            torch.testing.assert_close(found[f"pool{int(name[4]) - 1}"], x)
        x = functional.conv2d(
            x, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"], padding=1
        )
        torch.testing.assert_close(found[name], x)
        assert (x < 0).any()
        x = functional.relu(x)
        torch.testing.assert_close(found[name.replace("conv", "relu")], x)
    assert x.shape == (2, 512, 1, 1)


@pytest.mark.parametrize(
    ("layers", "convolutions"),
    [(("relu2_2",), 4), (("conv1_1",), 1), (("conv3_1", "relu1_2"), 5), ((), 0)],
)
def test_vgg19_computes_nothing_behind_the_deepest_layer(
    vgg: VGG19Features, layers: tuple[str, ...], convolutions: int
) -> None:
    ran: list[nn.Module] = []

    def note(module: nn.Module, *_: object) -> None:
        ran.append(module)

    hooks = [m.register_forward_hook(note) for m in vgg.modules() if isinstance(m, nn.Conv2d)]
    try:
        assert set(vgg(torch.rand(1, 3, 16, 16), layers)) == set(layers)
    finally:
        for hook in hooks:
            hook.remove()
    assert len(ran) == convolutions


def test_vgg19_never_learns(vgg: VGG19Features) -> None:
    assert not nn.Sequential(vgg).train()[0].training
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    vgg(image)["conv5_4"].sum().backward()
    assert image.grad is not None and image.grad.any()
    assert all(parameter.grad is None for parameter in vgg.parameters())


def test_vgg19_in_bfloat16_is_near_float32(vgg: VGG19Features) -> None:
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        coarse: Tensor = vgg(image)["conv5_4"]
    fine = vgg(image)["conv5_4"]
    assert coarse.dtype == torch.bfloat16
    assert float((coarse.float() - fine).detach().norm() / fine.detach().norm()) < 0.05
    coarse.float().square().mean().backward()
    assert image.grad is not None and image.grad.dtype == torch.float32 and image.grad.any()


def test_vgg19_refuses_what_it_has_not(vgg: VGG19Features) -> None:
    with pytest.raises(InvalidValueError, match=r"got 'conv3_5'"):
        vgg(torch.rand(1, 3, 16, 16), ("conv3_5",))
    with pytest.raises(InvalidValueError, match=r"at least 16 pixels a side, got 15×32"):
        vgg(torch.rand(1, 3, 15, 32), ("relu5_1",))
    with pytest.raises(InvalidValueError, match=r"at least 2 pixels"):
        vgg(torch.rand(1, 3, 1, 1), ("pool1",))
    assert vgg(torch.rand(1, 3, 1, 1), ("relu1_2",))["relu1_2"].shape == (1, 64, 1, 1)
    assert vgg(torch.rand(1, 3, 8, 8), ("conv4_1",))["conv4_1"].shape == (1, 512, 1, 1)
