from __future__ import annotations

from pathlib import Path

import pytest

from degrade.errors import DegradeError
from pipelines import BuildPairsConfig, build_pairs
from pipelines.pair_checks import verify


def test_verify_of_a_run_that_has_not_ended_says_so(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    out = tmp_path / "pairs"
    build_pairs(BuildPairsConfig(pool=pool, hr=(scenes,), out=out, scale=2, hr_size=64))
    assert verify(out).done > 0
    (out / "manifest.json").unlink()
    with pytest.raises(DegradeError, match=r"pairs are sound, but its run has not ended"):
        verify(out)
    next(out.glob("shard-*.h5")).unlink()
    with pytest.raises(DegradeError, match="is damaged"):
        verify(out)
