"""Every format of pairs can be asked for, and holds the same pairs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from click import Choice
from click.testing import CliRunner

from degrade.errors import InvalidValueError
from degrade.pairs import Format, open_pairs, verify_pairs
from pipelines import BuildPairsConfig
from pipelines.cli import main
from pipelines.cli.pair_commands import build_pairs


def test_the_command_offers_every_format() -> None:
    """The names are written out there, because ``--help`` must not load the formats."""
    (option,) = (o for o in build_pairs.params if o.name == "format")
    assert isinstance(option.type, Choice)
    assert tuple(option.type.choices) == get_args(Format)


def test_config_refuses_other_formats(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="one of hdf5, lmdb, lmdb-raw, got 'zarr'"):
        BuildPairsConfig(pool=tmp_path, out=tmp_path, format="zarr")  # type: ignore[arg-type]


def test_build_pairs_gives_the_same_pairs_in_every_format(
    tmp_path: Path, scenes: Path, pool: Path
) -> None:
    for format in get_args(Format):
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
        for format in get_args(Format):
            with open_pairs(tmp_path / format) as other:
                assert other.keys == first.keys
                for i in range(len(first)):
                    for one, two in zip(first.read(i), other.read(i), strict=True):
                        np.testing.assert_array_equal(one, two)
