from __future__ import annotations

import numpy as np

from degrade.rng import rng_for
from spectral_training.scenes import draw_scene


def test_draw_scene_follows_from_its_random_numbers() -> None:
    first, again, other = (draw_scene(rng_for(0, "scene", key), 96) for key in (1, 1, 2))
    assert first.shape == (96, 96) and first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 5


def test_draw_scene_has_grey_levels_and_edges_in_all_directions() -> None:
    for key in range(12):
        scene = draw_scene(rng_for(1, "scene", key), 200)
        assert scene.min() >= 0 and scene.max() <= 255
        steps = [np.abs(np.diff(scene, axis=axis)) for axis in (0, 1)]
        for step in steps:
            assert np.percentile(step, 99.5) > 4 * np.median(step) + 2, "no edges"
        means = [step.mean() for step in steps]
        assert 0.4 < means[0] / means[1] < 2.5
