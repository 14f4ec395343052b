"""A sidecar of the first version, before a plan was a list of steps, still replays."""

from __future__ import annotations

import json
from pathlib import Path

from degrade.degradation import DegradationPlan
from degrade.degradation.steps import Blur, Residual
from degrade.images.image_io import MAX_PIXELS
from degrade.pairs import Sidecar, place_at
from degrade.pairs.pair_records import pair_crc32
from degrade.pool import DegradationPool
from pipelines.pairs.build_shard import rebuild_pair
from tests.golden.pairs import make_material

FOLDER = Path(__file__).with_name("version-1")


def test_sidecar_of_version_1_replays_byte_for_byte(tmp_path: Path) -> None:
    make_material(tmp_path)
    pool = DegradationPool.open(tmp_path / "pool")
    records = Sidecar.read(place_at(FOLDER), 0).records
    assert len(records) == 5
    for record in records:
        assert record.plan is not None
        photo = tmp_path / "hr" / f"{record.key[0]}.ppm"
        pair = rebuild_pair(record.plan, photo, pool, max_pixels=MAX_PIXELS)
        assert pair_crc32(pair.lr_u8, pair.hr_u8) == record.crc32
        again = json.loads(json.dumps(record.plan.to_json()))
        assert again["version"] == 3
        assert DegradationPlan.from_json(again) == record.plan


def test_plan_of_version_1_is_its_steps() -> None:
    written = json.loads((FOLDER / "shard-00000.json").read_text())["records"][1]["plan"]
    plan = DegradationPlan.from_json(written)
    assert plan.steps == (
        Blur("a710bd4bfaa8e6f0830521b983324de9", coarse=True),
        Residual("47a25aae69a176b5ce9f0c01bb44f605", 8, 4),
    )
    assert (plan.scale, plan.clean_up, plan.hr_box) == (3, 2, (0, 27, 48, 48))
