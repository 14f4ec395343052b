"""The same photos, pool and seed give the bytes that they always gave, in every format."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from tests.golden.pairs import digest_of_run, make_configs, make_digests, make_material

GOLDEN = json.loads(Path(__file__).with_name("pairs.json").read_text())


def test_pairs_are_those_that_were_always_made(tmp_path: Path) -> None:
    assert make_digests(tmp_path) == GOLDEN


def test_every_format_has_the_same_pairs(tmp_path: Path) -> None:
    make_material(tmp_path)
    name, config = next(iter(make_configs(tmp_path)))
    for form in ("lmdb", "lmdb-raw"):
        out = tmp_path / form
        assert digest_of_run(replace(config, format=form, out=out)) == GOLDEN[name]
