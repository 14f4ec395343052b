from __future__ import annotations

from pathlib import Path

import pytest
import torch

from degrade.errors import DegradeError, InputError, InvalidValueError
from esrgan.weights.files import read_weights, weights_of, write_weights
from esrgan.weights.naming import Naming
from pipelines.models.convert_model import ConvertConfig, convert_model
from tests.esrgan.networks.making import (
    SMALL,
    same_state,
    small_msrresnet,
    small_rrdbnet,
    small_srresnet,
)
from tests.esrgan.plain_model import PlainRRDBNet


def convert(source: Path, out: Path, **options: object) -> list[str]:
    report = convert_model(ConvertConfig(source=source, out=out, **options))
    assert (report.done, report.exit_code) == (1, 0)
    return list(report.lines)


@pytest.mark.parametrize("between", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    ("name", "naming"),
    [("rrdbnet", "trunk"), ("rrdbnet", "model"), ("srresnet", "srgan"), ("msrresnet", "trunk")],
)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_conversion_there_and_back_gives_the_same_bytes(
    tmp_path: Path, name: str, naming: Naming, between: str, scale: int
) -> None:
    first, middle, last = tmp_path / "a.pth", tmp_path / f"b{between}", tmp_path / "c.pth"
    write_weights(first, weights_of(SMALL[name](scale)))
    convert(first, middle, naming=naming)
    convert(middle, last, scale=scale)
    assert last.read_bytes() == first.read_bytes()


def test_converted_file_loads_strictly(tmp_path: Path) -> None:
    network = small_rrdbnet(2)
    write_weights(tmp_path / "a.safetensors", weights_of(network), naming="model")
    lines = convert(tmp_path / "a.safetensors", tmp_path / "b.pth")
    plain = PlainRRDBNet(scale=2, features=8, blocks=2, growth=4)
    plain.load_state_dict(torch.load(tmp_path / "b.pth", weights_only=True)["params"], strict=True)
    assert same_state(dict(plain.state_dict()), dict(network.state_dict()))
    assert lines[0].startswith("RRDBNet ×2: in_channels 3, out_channels 3, features 8, blocks 2")
    assert "float32" in lines[0] and "basicsr" in lines[-1]


def test_half_halves_the_weights_and_is_kept(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.pth", weights_of(small_srresnet()))
    assert "float16" in convert(tmp_path / "a.pth", tmp_path / "b.safetensors", half=True)[0]
    convert(tmp_path / "b.safetensors", tmp_path / "c.pth")
    whole, half = read_weights(tmp_path / "a.pth").state, read_weights(tmp_path / "c.pth").state
    for name, tensor in half.items():
        floating = whole[name].is_floating_point()
        assert torch.equal(tensor, whole[name].half() if floating else whole[name])


def test_half_refuses_what_does_not_fit(tmp_path: Path) -> None:
    network = small_msrresnet()
    with torch.no_grad():
        network.conv_hr.bias[3] = 1e5
    write_weights(tmp_path / "a.pth", weights_of(network))
    with pytest.raises(InputError, match=r"a\.pth: conv_hr\.bias is too large .* without `half`"):
        convert(tmp_path / "a.pth", tmp_path / "b.pth", half=True)
    assert not (tmp_path / "b.pth").exists()


def test_conversion_of_x3_says_who_can_load_it(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.pth", weights_of(small_rrdbnet(3)))
    lines = convert(tmp_path / "a.pth", tmp_path / "b.pth", naming="model")
    assert any("×3: only the naming model loads elsewhere" in line for line in lines)


def test_conversion_never_replaces_its_source(tmp_path: Path) -> None:
    write_weights(tmp_path / "a.pth", weights_of(small_rrdbnet()))
    (tmp_path / "link.pth").symlink_to(tmp_path / "a.pth")
    before = (tmp_path / "a.pth").read_bytes()
    for out in ("a.pth", "link.pth"):
        with pytest.raises(DegradeError, match="would replace its own source"):
            convert(tmp_path / "a.pth", tmp_path / out, naming="trunk")
    assert (tmp_path / "a.pth").read_bytes() == before


def test_failed_conversion_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    (tmp_path / "out.pth").write_bytes(b"earlier")
    with pytest.raises(InputError, match=r"bad\.pth"):
        convert(tmp_path / "bad.pth", tmp_path / "out.pth", overwrite=True)
    write_weights(tmp_path / "a.pth", weights_of(small_msrresnet()))
    with pytest.raises(InvalidValueError, match="no naming 'model'"):
        convert(tmp_path / "a.pth", tmp_path / "out.pth", naming="model", overwrite=True)
    assert (tmp_path / "out.pth").read_bytes() == b"earlier"
    with pytest.raises(DegradeError, match="cannot be written"):
        convert(tmp_path / "a.pth", tmp_path / "none" / "out.pth")
    assert {path.name for path in tmp_path.iterdir()} == {"bad.pth", "out.pth", "a.pth"}


def test_convert_config_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"end in \.pth or \.safetensors, got '.*\.onnx'"):
        ConvertConfig(source=tmp_path / "a.pth", out=tmp_path / "b.onnx")
    with pytest.raises(InvalidValueError, match=r"naming must be one of .*, got 'keras'"):
        ConvertConfig(source=tmp_path / "a.pth", out=tmp_path / "b.pth", naming="keras")
