from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.disk.results import RECORD_NAME
from degrade.errors import DegradeError, InputError, InvalidValueError, MissingDependencyError
from esrgan.networks import GENERATORS
from esrgan.weights.files import read_network, weights_of, write_weights
from pipelines.models import export_model as model_export
from pipelines.models.export_model import ExportModelConfig, export_model
from tests.esrgan.networks.making import SMALL, small_rrdbnet, small_srresnet

pytest.importorskip("onnx", reason="the extra degrade[onnx] is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="degrade[onnx] is not installed")


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    write_weights(tmp_path / "w.pth", weights_of(small_rrdbnet(2)), naming="trunk")
    return tmp_path / "w.pth"


@pytest.mark.parametrize("name", GENERATORS)
def test_export_model_writes_onnx_that_gives_torchs_images(tmp_path: Path, name: str) -> None:
    network = SMALL[name](2).eval()
    write_weights(tmp_path / "w.safetensors", weights_of(network))
    report = export_model(
        ExportModelConfig(weights=tmp_path / "w.safetensors", out=tmp_path / "m.onnx")
    )
    assert report.exit_code == 0
    text = report.summary()
    assert "opset 17" in text and "1×17×23 and 2×32×21" in text
    assert float(re.search(r"at most (\S+) on", text)[1]) < 1e-5
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    lr_BCHW = torch.rand(1, 3, 9, 14)
    (sr_BCHW,) = session.run(["sr"], {"lr": lr_BCHW.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(sr_BCHW, network(lr_BCHW).numpy(), atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map["scale"] == "2"


def test_export_model_writes_safetensors_in_single_precision_without_normalisation(
    tmp_path: Path,
) -> None:
    network = small_srresnet().half().eval()
    write_weights(tmp_path / "w.pth", weights_of(network), naming="srgan")
    export_model(ExportModelConfig(weights=tmp_path / "w.pth", out=tmp_path / "m.safetensors"))
    read = read_network(tmp_path / "m.safetensors")
    assert {tensor.dtype for tensor in read.state_dict().values()} == {torch.float32}
    assert not any("bn" in name for name in read.state_dict())
    lr_BCHW = torch.rand(1, 3, 6, 5)
    torch.testing.assert_close(read(lr_BCHW), network.float()(lr_BCHW), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["onnx", "onnxruntime"])
def test_export_model_without_onnx_says_how_to_get_it(
    weights: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'degrade\[onnx\]'"):
        export_model(ExportModelConfig(weights=weights, out=weights.with_name("m.onnx")))
    export_model(ExportModelConfig(weights=weights, out=weights.with_name("m.safetensors")))
    assert {path.name for path in weights.parent.iterdir()} == {
        "w.pth",
        "m.safetensors",
        RECORD_NAME,
    }


def test_export_model_writes_nothing_that_differs(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = model_export.encode_onnx(small_rrdbnet(4), {})
    monkeypatch.setattr(model_export, "encode_onnx", lambda *_: other)
    with pytest.raises(DegradeError, match="differs from the network"):
        export_model(ExportModelConfig(weights=weights, out=weights.with_name("m.onnx")))
    assert [path.name for path in weights.parent.iterdir()] == ["w.pth"]


def test_export_model_refuses_bad_weights_and_endings(tmp_path: Path) -> None:
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    with pytest.raises(InputError, match=r"bad\.pth"):
        export_model(ExportModelConfig(weights=tmp_path / "bad.pth", out=tmp_path / "m.onnx"))
    with pytest.raises(InvalidValueError, match=r"end in \.onnx or \.safetensors"):
        ExportModelConfig(weights=tmp_path / "w.pth", out=tmp_path / "w.pth")


def test_export_model_never_replaces_its_source(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    write_weights(path, weights_of(small_rrdbnet()))
    before = path.read_bytes()
    for overwrite in (False, True):
        with pytest.raises(DegradeError, match="would replace its own source"):
            export_model(ExportModelConfig(weights=path, out=path, overwrite=overwrite))
    assert path.read_bytes() == before
