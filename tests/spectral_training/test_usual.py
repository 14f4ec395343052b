from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from degrade.images.image_io import write_png
from degrade.images.sources import hash_file
from degrade.spectral.features import PHOTO_FEATURES, WINDOW_FEATURES
from degrade.spectral.usual import FEWEST_WINDOWS, read_usual, summary_of
from spectral_training.samples import MAX_WINDOWS, Samples
from spectral_training.usual import fit_usual, main, summaries_of
from tests.making import make_scene
from tests.rounding import gamma


def test_fit_usual_finds_distances_of_1_and_a_limit_that_few_exceed(
    rng: np.random.Generator,
) -> None:
    count = len(summary_of(np.zeros(WINDOW_FEATURES), np.zeros(PHOTO_FEATURES)))
    mixing = rng.standard_normal((count, count)) / count**0.5 + np.eye(count)
    draws = [rng.standard_normal((n, count)) @ mixing + 3 for n in (4000, 2000)]
    training, held_out = (values.astype(np.float32) for values in draws)
    usual = fit_usual(training, held_out)
    # Shrinking makes distances less, if anything; samples that were not fitted lie further off.
    assert 0.8 < float(np.square(usual.distances(training)).mean()) <= 1.01
    assert (usual.distances(held_out) > usual.limit).mean() == pytest.approx(0.005, abs=0.001)
    far = training + 4 * training.std(axis=0)
    assert (usual.distances(far) > usual.limit).all()


def test_summaries_of_are_means_of_the_windows_that_there_are(rng: np.random.Generator) -> None:
    counts = np.array([MAX_WINDOWS, FEWEST_WINDOWS, FEWEST_WINDOWS - 1])
    windows = rng.standard_normal((3, MAX_WINDOWS, WINDOW_FEATURES)).astype(np.float16)
    windows[np.arange(MAX_WINDOWS) >= counts[:, None]] = 0
    photos = rng.standard_normal((3, PHOTO_FEATURES)).astype(np.float32)
    kernels = np.zeros((3, 15, 15), np.float32)
    samples = Samples(windows, counts, photos, kernels, kernels, np.zeros(3, np.int64))
    found = summaries_of(samples)
    assert len(found) == 2
    for number in range(2):
        mean = windows[number, : counts[number]].mean(axis=0, dtype=np.float64)
        wanted = summary_of(mean, photos[number])
        # Two sums in float32, of at most so many terms whose sizes are about 1.
        np.testing.assert_allclose(found[number], wanted, rtol=0, atol=gamma(WINDOW_FEATURES))


def test_main_makes_the_same_file_again_and_asks_for_all_photos_of_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, log, out = tmp_path / "photos", tmp_path / "log.jsonl", tmp_path / "usual.safetensors"
    folder.mkdir()
    lines = []
    for number in range(3):
        path = folder / f"{number}.png"
        scene = make_scene(f"usual {number}", 400, 420)
        write_png(path, (255 * scene).astype(np.uint8))
        lines.append({"sha256": hash_file(path), "held_out": number == 0})
    log.write_text("\n".join(map(json.dumps, lines)))
    words = [str(folder), "--log", str(log), "--out", str(out), "--overwrite"]
    files = []
    for _ in range(2):
        main([*words, "--count", "60", "--held-out-count", "20"])
        files.append(out.read_bytes())
    assert files[0] == files[1] and read_usual(out).limit > 0
    assert "the limit is" in capsys.readouterr().out
    (folder / "1.png").unlink()
    with pytest.raises(SystemExit):
        main(words)
    assert "1 photos of" in capsys.readouterr().err
