from __future__ import annotations

import hashlib
import math
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from degrade.errors import DegradeError
from esrgan.losses import (
    VGG19Features,
    load_vgg19,
    perceptual_loss,
    pixel_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)

# The convolutions of VGG19 in torchvision's numbering, and their channels.
VGG19 = {
    0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128),
    10: (128, 256), 12: (256, 256), 14: (256, 256), 16: (256, 256),
    19: (256, 512), 21: (512, 512), 23: (512, 512), 25: (512, 512),
    28: (512, 512), 30: (512, 512), 32: (512, 512), 34: (512, 512),
}  # fmt: skip


@pytest.fixture(scope="module")
def vgg_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return random weights with torchvision's names, a piece of classifier included."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for number, (inputs, outputs) in VGG19.items():
        weight = torch.randn(outputs, inputs, 3, 3, generator=generator)
        state[f"features.{number}.weight"] = weight * math.sqrt(2 / (9 * inputs))
        state[f"features.{number}.bias"] = torch.zeros(outputs)
    state["classifier.6.bias"] = torch.zeros(1000)
    path = tmp_path_factory.mktemp("vgg") / "vgg.pth"
    torch.save(state, path)
    return path


def test_pixel_loss_is_the_mean_absolute_difference() -> None:
    assert float(pixel_loss(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5]]))) == 0.5


def test_relativistic_losses_are_log_2_when_real_and_fake_look_alike() -> None:
    logits = torch.full((2, 1, 3, 3), 1.7)
    for loss in (relativistic_discriminator_loss, relativistic_generator_loss):
        assert float(loss(logits, logits)) == pytest.approx(math.log(2), rel=1e-6)


def test_relativistic_losses_follow_equations_1_and_2() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(2, 1, 4, 4), torch.randn(2, 1, 4, 4)
    real_side = torch.sigmoid(real - fake.mean())
    fake_side = torch.sigmoid(fake - real.mean())
    wanted_d = (-real_side.log().mean() - (1 - fake_side).log().mean()) / 2
    wanted_g = (-(1 - real_side).log().mean() - fake_side.log().mean()) / 2
    torch.testing.assert_close(relativistic_discriminator_loss(real, fake), wanted_d)
    torch.testing.assert_close(relativistic_generator_loss(real, fake), wanted_g)


def test_vgg19_has_the_layers_of_torchvision_up_to_conv5_4() -> None:
    with torch.device("meta"):
        state = VGG19Features().state_dict()
    assert set(state) == {f"features.{n}.{kind}" for n in VGG19 for kind in ("weight", "bias")}


def test_load_vgg19_computes_normalised_features_without_the_last_activation(
    vgg_file: Path,
) -> None:
    vgg = load_vgg19(vgg_file)
    image_BCHW = torch.rand(1, 3, 32, 32)
    x = (image_BCHW - torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)) / torch.tensor(
        [0.229, 0.224, 0.225]
    ).view(3, 1, 1)
    weights = torch.load(vgg_file, weights_only=True)
    for number in VGG19:
        if number in (5, 10, 19, 28):
            x = functional.max_pool2d(x, 2)
        x = functional.conv2d(
            x, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"], padding=1
        )
        if number != 34:
            x = functional.relu(x)
    torch.testing.assert_close(vgg(image_BCHW), x)
    assert (x < 0).any()


def test_perceptual_loss_teaches_sr_only(vgg_file: Path) -> None:
    vgg = load_vgg19(vgg_file)
    hr_BCHW = torch.rand(1, 3, 32, 32)
    assert float(perceptual_loss(vgg, hr_BCHW, hr_BCHW)) == 0
    sr_BCHW = torch.rand(1, 3, 32, 32, requires_grad=True)
    perceptual_loss(vgg, sr_BCHW, hr_BCHW).backward()
    assert sr_BCHW.grad is not None and sr_BCHW.grad.any()
    assert all(parameter.grad is None for parameter in vgg.parameters())


def test_load_vgg19_says_what_to_do_when_the_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match=r"nowhere\.pth.*vgg19-dcbb9e9d\.pth.*leaving"):
        load_vgg19(tmp_path / "nowhere.pth")


def test_load_vgg19_holds_a_file_to_the_hash_in_its_name(tmp_path: Path, vgg_file: Path) -> None:
    wrong = tmp_path / "vgg19-dcbb9e9d.pth"
    shutil.copy(vgg_file, wrong)
    with pytest.raises(DegradeError, match="not dcbb9e9d"):
        load_vgg19(wrong)
    digest = hashlib.sha256(vgg_file.read_bytes()).hexdigest()
    right = tmp_path / f"vgg19-{digest[:8]}.pth"
    shutil.copy(vgg_file, right)
    load_vgg19(right)


def test_load_vgg19_refuses_other_weights(tmp_path: Path) -> None:
    torch.save({"features.0.weight": torch.ones(4)}, tmp_path / "other.pth")
    with pytest.raises(DegradeError, match=r"is not VGG19 \(features\.0\.weight"):
        load_vgg19(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(DegradeError, match=r"text\.pth.*no PyTorch file; refused"):
        load_vgg19(tmp_path / "text.pth")
