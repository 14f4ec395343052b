from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import artifact_speed
from degrade.images.image_io import write_png


@pytest.mark.parametrize("sizes", [(), (64,)])
def test_main_says_which_photos_it_wants(
    sizes: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in sizes:
        write_png(tmp_path / "small.png", np.zeros((size, size, 3), np.uint8))
    monkeypatch.setattr("sys.argv", ["artifact_speed", str(tmp_path)])
    with pytest.raises(SystemExit) as told:
        artifact_speed.main()
    for word in (str(tmp_path), "1024 x 1024", f"among {len(sizes)};", "PHOTOS="):
        assert word in str(told.value)
