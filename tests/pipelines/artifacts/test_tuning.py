from __future__ import annotations

from pathlib import Path

import numpy as np

from degrade.artifacts import grow_flagged
from pipelines.artifacts.judged_photos import EnlargedPhoto, JudgedPhoto
from pipelines.artifacts.tuning import make_samples


def test_samples_tell_what_was_flagged_and_what_is_near_it() -> None:
    hr = np.stack([*np.indices((96, 120)).astype(np.uint8), np.zeros((96, 120), np.uint8)], axis=2)
    flagged = np.zeros((96, 120), bool)
    flagged[50:60, 40:70] = True
    photos = []
    for mask in (flagged, np.zeros_like(flagged)):
        photo = EnlargedPhoto("photo", Path("photo.png"), hr[::2, ::2], hr, hr)
        photos.append(JudgedPhoto(photo, mask, (), hr))
    samples = make_samples(photos[:1], photos[1:], share=2, hr_patch=32, scale=2, seed=0)
    keys = [(0, index) for index in range(len(samples))]
    parts, (_, crops) = samples.read_near_flagged(keys), samples.read_batch(keys)
    assert parts is not None
    seen = parts[..., 0].numpy() > 0
    rows, columns = crops[..., 0].numpy(), crops[..., 1].numpy()
    near = grow_flagged(flagged)[rows, columns]
    # Crops of the photo without artefacts have none, wherever they lie.
    blank = ~seen.any(axis=(1, 2))
    assert np.array_equal(seen[~blank], near[~blank]) and 0.2 < seen[~blank].mean() < 0.8
    assert near[blank].any() and not grow_flagged(np.zeros_like(flagged)).any()
