from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from esrgan.networks import Generator
from esrgan.upscaling import overlap
from esrgan.upscaling.overlap import known_overlap, measure_overlap
from esrgan.upscaling.upscaler import upscale
from tests.esrgan.lively import lively_network
from tests.making import make_scene


@pytest.mark.parametrize(
    "network",
    [
        lively_network("rrdbnet", scale=2),
        lively_network("rrdbnet", scale=4),
        lively_network("srresnet", scale=4),
        lively_network("msrresnet", scale=3),
    ],
)
def test_measure_overlap_finds_what_makes_tiles_equal_to_the_whole(network: Generator) -> None:
    found = measure_overlap(network)
    assert 0 < found < network.receptive_radius + 4 and found % 4 == 0
    image = make_scene("overlap", 70, 101)
    whole = upscale(image, network, tile=200)
    tiles = upscale(image, network, tile=16, overlap=found)
    assert np.abs(tiles - whole).max() < 0.5 / 255
    # It is not found by being generous: with a third of it, tiles show.
    few = upscale(image, network, tile=16, overlap=max(0, found // 3 - 2))
    assert np.abs(few - whole).max() > 0.5 / 255


def test_measure_overlap_is_never_more_than_the_network_sees() -> None:
    for blocks in (1, 2):
        network = lively_network("srresnet", scale=2, blocks=blocks)
        assert 4 < measure_overlap(network) < network.receptive_radius + 4


def test_measure_overlap_is_the_same_each_time() -> None:
    network = lively_network("srresnet", scale=2)
    assert measure_overlap(network) == measure_overlap(network)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Generator]:
    """What is measured, with a cache of its own."""
    found: list[Generator] = []

    def measure(network: Generator) -> int:
        found.append(network)
        return measure_overlap(network)

    monkeypatch.setenv("DEGRADE_CACHE", str(tmp_path))
    monkeypatch.setattr(overlap, "_OVERLAPS", {})
    monkeypatch.setattr(overlap, "measure_overlap", measure)
    return found


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be another process."""
    monkeypatch.setattr(overlap, "_OVERLAPS", {})


def test_known_overlap_is_measured_once_for_the_same_weights(measured: list[Generator]) -> None:
    network, same = lively_network(blocks=1), lively_network(blocks=1)
    for each in (network, same, network):
        assert known_overlap(each) == measure_overlap(network)
    assert measured == [network]
    with torch.no_grad():
        same.conv_last.bias.add_(1e-6)
    assert known_overlap(same) == measure_overlap(same)
    assert measured == [network, same]


def test_known_overlap_is_measured_once_for_all_processes(
    measured: list[Generator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = lively_network(blocks=1)
    first = known_overlap(network)
    forget(monkeypatch)
    assert known_overlap(network) == first and measured == [network]
    (kept,) = tmp_path.rglob("*.json")
    for damage in (b"", b'{"overlap": 3', b'{"overlap": -4}', b'{"overlap": 5}', b"[8]", b"\xff"):
        kept.write_bytes(damage)
        forget(monkeypatch)
        measured.clear()
        assert known_overlap(network) == first and measured == [network]
        forget(monkeypatch)  # it was mended
        assert known_overlap(network) == first and measured == [network]


def test_known_overlap_of_passing_weights_is_not_kept(
    measured: list[Generator], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = lively_network(blocks=1)
    known_overlap(network, passing=True)
    assert known_overlap(network, passing=True) and measured == [network]
    assert not list(tmp_path.rglob("*"))
