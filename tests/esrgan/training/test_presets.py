"""The numbers are those of the papers and of their authors' published option files."""

from __future__ import annotations

import pytest

from degrade.errors import InvalidValueError
from esrgan.training.construction import check_networks
from esrgan.training.presets import PRESETS, preset_named


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_their_source_and_make_networks(name: str) -> None:
    preset = PRESETS[name]
    assert preset.source
    check_networks(preset.config, 4)
    if preset.before:
        before, config = PRESETS[preset.before].config, preset.config
        sizes = [(c.generator, c.features, c.blocks, c.growth) for c in (before, config)]
        assert sizes[0] == sizes[1]


def rates(name: str, *steps: int) -> list[float]:
    return [PRESETS[name].config.learning_rate_at(step) for step in steps]


def test_realsr_has_the_published_numbers() -> None:
    config = PRESETS["realsr"].config
    assert (config.features, config.blocks, config.growth) == (64, 23, 32)
    assert config.discriminator == "patch"
    assert (config.discriminator_features, config.discriminator_layers) == (64, 3)
    losses = {name: weight for name, weight in config.loss_weights.items() if weight}
    assert losses == {"pixel": 0.01, "content": 1, "adversarial": 0.005}
    assert (config.pixel_loss, config.content_distance, config.content_layers) == (
        "l1",
        "l1",
        {"conv5_4": 1.0},
    )
    assert config.adversarial_loss == "relativistic"
    assert (config.hr_patch, config.batch_size, config.steps) == (128, 16, 60_000)
    assert rates("realsr", 0, 4999, 5000, 10_000, 20_000, 30_000, 59_999) == [
        1e-4, 1e-4, 5e-5, 2.5e-5, 1.25e-5, 6.25e-6, 6.25e-6,
    ]  # fmt: skip
    assert PRESETS["realsr"].before == PRESETS["esrgan"].before == "rrdb-psnr"


def test_esrgan_and_rrdb_psnr_have_the_published_numbers() -> None:
    config = PRESETS["esrgan"].config
    assert (config.discriminator, config.hr_patch, config.steps) == ("vgg", 128, 400_000)
    assert rates("esrgan", 49_999, 50_000, 300_000) == [1e-4, 5e-5, 6.25e-6]
    losses = {name: weight for name, weight in config.loss_weights.items() if weight}
    assert losses == {"pixel": 0.01, "content": 1, "adversarial": 0.005}
    config = PRESETS["rrdb-psnr"].config
    assert (config.hr_patch, config.batch_size, config.steps) == (128, 16, 1_000_000)
    assert rates("rrdb-psnr", 0, 200_000, 900_000) == [2e-4, 1e-4, 1.25e-5]


def test_real_esrgan_has_the_published_numbers() -> None:
    config = PRESETS["real-esrgan"].config
    assert (config.discriminator, config.discriminator_features) == ("unet", 64)
    losses = {name: weight for name, weight in config.loss_weights.items() if weight}
    assert losses == {"pixel": 1, "content": 1, "adversarial": 0.1}
    assert config.content_layers == {
        "conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1, "conv4_4": 1, "conv5_4": 1,
    }  # fmt: skip
    assert (config.adversarial_loss, config.ema_decay) == ("vanilla", 0.999)
    assert (config.hr_patch, config.batch_size, config.steps) == (256, 48, 400_000)
    assert rates("real-esrgan", 0, 399_999) == [1e-4, 1e-4]
    config = PRESETS["real-esrnet"].config
    assert (config.hr_patch, config.batch_size, config.steps) == (256, 48, 1_000_000)
    assert rates("real-esrnet", 0, 999_999) == [2e-4, 2e-4]
    assert PRESETS["real-esrgan"].before == "real-esrnet"
    assert PRESETS["real-esrnet"].before == "rrdb-psnr"


def test_srgan_variants_have_the_published_numbers() -> None:
    srresnet = PRESETS["srresnet"].config
    assert (srresnet.blocks, srresnet.features, srresnet.pixel_loss) == (16, 64, "l2")
    assert (srresnet.hr_patch, srresnet.batch_size, srresnet.steps) == (96, 16, 1_000_000)
    expected = {
        "srgan-mse": {"pixel": 4.0, "adversarial": 1e-3},
        "srgan-vgg22": {"content": 1.0, "adversarial": 1e-3, "variation": 2e-8},
        "srgan-vgg54": {"content": 1.0, "adversarial": 1e-3},
    }
    for name, losses in expected.items():
        config = PRESETS[name].config
        assert {loss: weight for loss, weight in config.loss_weights.items() if weight} == losses
        assert (config.adversarial_loss, config.discriminator) == ("vanilla", "vgg")
        assert rates(name, 99_999, 100_000) == pytest.approx([1e-4, 1e-5])
        assert (config.hr_patch, config.batch_size, config.steps) == (96, 16, 200_000)
        assert PRESETS[name].before == "srresnet"
    vgg54 = PRESETS["srgan-vgg54"].config
    assert (vgg54.content_layers, vgg54.content_scale) == ({"relu5_4": 1.0}, 1 / 12.75)
    assert PRESETS["srgan-vgg22"].config.content_layers == {"relu2_2": 1.0}


def test_preset_named_lists_the_presets() -> None:
    assert preset_named("tiny") is PRESETS["tiny"]
    with pytest.raises(InvalidValueError, match=r"tiny, .*realsr, .*got 'huge'"):
        preset_named("huge")
