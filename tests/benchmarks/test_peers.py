"""Scripts that stand in the places of the peers' own, which are not part of this project."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.peers import Peer, PeerError
from degrade.images.image_io import write_png

PROGRESS = """
import sys, time, torch
torch.zeros(1).cuda()
assert sys.argv[1] == "--input-dir"
for step in range(10_000):
    end = time.process_time() + 0.004
    while time.process_time() < end:
        pass
    sys.stderr.write(f"\\r {step}/10000 [00:01<00:09]")
    sys.stderr.flush()
"""

COLLECTION = """
import os, time, yaml
with open("./preprocess/paths.yml") as stream:
    paths = yaml.load(stream)
for _ in os.listdir(paths["dped"]["clean"]["hr"]["train"]):
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
"""


@pytest.fixture
def photo(tmp_path: Path, rng: np.random.Generator) -> Path:
    path = tmp_path / "photo.png"
    write_png(path, rng.integers(0, 256, (300, 300, 3), np.uint8))
    return path


def _checkout(folder: Path, name: str, text: str) -> Path:
    path = folder / "checkout" / name
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return folder / "checkout"


def test_compare_kernelgan_times_iterations_between_two_places(tmp_path: Path, photo: Path) -> None:
    checkout = _checkout(tmp_path, "train.py", PROGRESS)
    found = peers.compare_kernelgan(Peer(sys.executable), photo, checkout)
    assert found["theirs_ms"] > 3  # it takes 4, and the system counts by hundredths
    assert found["times_as_fast"] == found["theirs_ms"] / found["ours_ms"] > 0


@pytest.mark.slow
def test_compare_noise_counts_each_copy_of_a_photo(
    tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("yaml")
    monkeypatch.setattr(peers, "ROUNDS", 1)
    checkout = _checkout(tmp_path, "codes/preprocess/collect_noise.py", COLLECTION)
    found = peers.compare_noise(Peer(sys.executable), [photo], checkout)
    # Starting varies by tenths of a second, which 12 copies share.
    assert found["theirs_ms"] > 100


def test_main_names_a_peer_that_does_not_run(
    tmp_path: Path, photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = _checkout(tmp_path, "train.py", "raise ValueError('no such library')")
    figures = tmp_path / "figures.json"
    words = ["peers", str(photo), "--kernelgan", str(checkout), "--json", str(figures)]
    monkeypatch.setattr(sys, "argv", words)
    peers.main()
    assert "did not run: ValueError: no such library" in capsys.readouterr().out
    assert json.loads(figures.read_text()) == {}


def test_run_gives_what_a_script_prints_or_why_it_failed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys; print(sys.argv[1:]); sys.exit('bad' if len(sys.argv) > 2 else 0)"
    )
    spent, shown = Peer(sys.executable).run(script, "one")
    assert spent > 0 and shown == "['one']\n"
    with pytest.raises(PeerError, match="bad"):
        Peer(sys.executable).run(script, "one", "two")
