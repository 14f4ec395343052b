from __future__ import annotations

from collections import Counter
from pathlib import Path

from benchmarks.jpeg_history import judge, lines, run
from degrade.images.image_io import write_png
from degrade.jpeg.pixel_history import Earlier, PixelHistory
from tests.degrade.jpeg.photos import make_photo


def test_judge_tells_right_wrong_and_not_told_apart() -> None:
    wanted = {"grid": (1, 2), "quality": 80, "subsampling": "4:4:4", "before": None}
    counts: Counter[str] = Counter()
    judge(PixelHistory(grid=(1, 2), quality=81), wanted, counts)
    assert counts == {
        "grid right": 1,
        "quality wrong": 1,
        "subsampling not told": 1,
        "once: right": 1,
    }
    for earlier, verdict in ((None, "not told"), ((55, 60), "right"), ((61, 62), "wrong")):
        counts.clear()
        found = PixelHistory(earlier=None if earlier is None else Earlier(None, earlier))
        judge(found, wanted | {"before": Earlier(None, (58, 58))}, counts)
        assert counts[f"same grid: {verdict}"] == 1


def test_run_counts_each_crop_once(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", make_photo("benchmark", 420, 420))
    found = run([tmp_path / "a.png"], 3, 256)
    assert (found["crops"], found["false alarms"]) == (3, 0)
    for what in ("grid", "quality", "subsampling"):
        names = [f"{what} {verdict}" for verdict in ("right", "wrong", "not told")]
        assert sum(group.get(name, 0) for group in found["groups"].values() for name in names) == 3
    assert "3 crops, right/wrong/not told; 0 of as many" in lines(found)[-1]
