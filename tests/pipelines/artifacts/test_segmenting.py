"""A network that makes label maps for ``degrade detect-artifacts``."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from degrade.images.image_io import write_png
from tests.pipelines.artifacts.detecting import SMALL, folders, run


class TestSegmenter:
    """A network that sees the sea where there is more blue than red, and trees elsewhere."""

    @pytest.fixture
    def network(self, tmp_path: Path) -> Path:
        onnx = pytest.importorskip("onnx", reason="the extra degrade[onnx] is not installed")
        pytest.importorskip("onnxruntime", reason="the extra degrade[onnx] is not installed")
        weights = np.zeros((27, 3, 1, 1), np.float32)
        weights[26] = np.float32([[[-1]], [[0]], [[1]]])
        weights[4] = -weights[26]
        sizes = ("N", 3, "H", "W")
        graph = onnx.helper.make_graph(
            [onnx.helper.make_node("Conv", ["image", "w"], ["scores"])],
            "segmenter",
            [onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, sizes)],
            [onnx.helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, None)],
            [onnx.numpy_helper.from_array(weights, "w")],
        )
        version = [onnx.helper.make_opsetid("", 17)]
        path = tmp_path / "segmenter.onnx"
        onnx.save(onnx.helper.make_model(graph, opset_imports=version, ir_version=8), path)
        return path

    def test_its_classes_weigh(self, results: Path, network: Path) -> None:
        halves = np.zeros((160, 160, 3), np.uint8)
        halves[:, :80, 2], halves[:, 80:, 0] = 200, 200
        for side in ("mse", "gan"):
            write_png(results / side / "3.png", halves)
        found = run(*folders(results), *SMALL, "--segmenter", network, "--maps")
        assert found.exit_code == 0, found.output
        weights = cv2.imread(str(results / "out/maps/weights/3.png"), cv2.IMREAD_UNCHANGED)
        assert np.unique(weights[:, :76]).tolist() == [round(255 * 13 / 20)]
        assert np.unique(weights[:, 84:]).tolist() == [round(255 * 15 / 20)]

    def test_other_files_are_refused_by_name(self, results: Path, network: Path) -> None:
        (results / "no.onnx").write_bytes(b"nothing")
        found = run(*folders(results), "--segmenter", results / "no.onnx")
        assert found.exit_code == 1 and "no network that can be run" in found.output
        found = run(*folders(results), "--segmenter", results / "absent.onnx")
        assert found.exit_code == 1 and "cannot be read" in found.output
        (results / "names.txt").write_text("sea\ndragon\n")
        words = ("--segmenter", network, "--classes", results / "names.txt")
        found = run(*folders(results), *words)
        assert "nothing is known of have weight 1: dragon" in found.output
        assert "labels that no class has, of weight 1: 4, 26" in found.output
