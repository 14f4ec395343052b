from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.measuring_cost import measure_costs, table_of
from degrade.images.image_io import write_png
from degrade.rng import rng_for


def test_measuring_cost_has_a_column_for_each_measurement(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    pixels = rng_for(0, "cost").integers(60, 190, (256, 256, 3)).astype(np.uint8)
    write_png(path, pixels)
    costs = measure_costs(path, 1)
    assert {"decoding", "jpeg", "noise-model", "levels", "sharpening", "likeness"} <= set(costs)
    assert all(spent >= 0 for spent in costs.values())
    head, _, row = table_of([(path, costs)]).splitlines()
    assert head.count("|") == row.count("|") and row.startswith("| photo.png | ")


def test_the_sum_is_of_what_tells_of_the_history() -> None:
    costs = {"decoding": 50.0, "jpeg": 30.0, "levels": 20.0, "noise": 200.0, "likeness": 40.0}
    row = table_of([(Path("a.jpg"), costs)]).splitlines()[-1]
    assert row == "| a.jpg | 30.0 | 20.0 | **50** | 1.00 | 50 | 200 | 40 |"
