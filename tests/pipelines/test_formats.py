"""Every format of pairs can be asked for, and holds the same pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from degrade.errors import InvalidValueError
from degrade.pairs import STORES, open_pairs, verify_pairs
from pipelines import BuildPairsConfig
from pipelines.cli import main


def test_the_command_offers_every_format() -> None:
    shown = CliRunner().invoke(main, ["build-pairs", "--help"], terminal_width=200).output
    assert f"[{'|'.join(STORES)}]" in shown
    assert all(row.words in shown for row in STORES.values())
    refused = CliRunner().invoke(main, ["build-pairs", "--pool", "p", "--format", "zarr"])
    assert refused.exit_code == 2 and "zarr" in refused.output


def test_config_refuses_other_formats(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="one of hdf5, lmdb, lmdb-raw, got 'zarr'"):
        BuildPairsConfig(pool=tmp_path, out=tmp_path, format="zarr")  # type: ignore[arg-type]


def test_build_pairs_gives_the_same_pairs_in_every_format(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    for format in STORES:
        arguments = [
            "build-pairs",
            "--pool",
            str(pool),
            "--hr",
            str(min(scenes.iterdir())),
            "--out",
            str(tmp_path / format),
            "--format",
            format,
            "--scale",
            "2",
            "--hr-size",
            "64",
        ]
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        assert not [found for found in verify_pairs(tmp_path / format) if found.problem]
    with open_pairs(tmp_path / "hdf5") as first:
        for format in STORES:
            with open_pairs(tmp_path / format) as other:
                assert other.keys == first.keys
                for i in range(len(first)):
                    for one, two in zip(first.read(i), other.read(i), strict=True):
                        np.testing.assert_array_equal(one, two)
