"""Every option that takes a number, of every command, with numbers that nobody means."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from pipelines.cli import main


def _leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield each command and each of its options of a number."""
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _leaves(inner, (*path, name))
        return
    for parameter in command.params:
        kind = parameter.type
        if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
            yield " ".join(path), max(parameter.opts, key=len)


OPTIONS = sorted(_leaves(main))


def test_there_are_options_of_numbers() -> None:
    assert len(OPTIONS) > 40
    assert ("train", "--batch-size") in OPTIONS and ("manifest split", "--val") in OPTIONS


@pytest.mark.parametrize(("command", "option"), OPTIONS, ids=lambda name: name)
def test_an_option_refuses_what_is_no_number_of_any_use(command: str, option: str) -> None:
    for value in ("-1", "nan", "inf", "-inf", "1e400", "9" * 25, "x", ""):
        result = CliRunner().invoke(main, [*command.split(), f"{option}={value}"])
        assert result.exit_code == 2, (value, result.output)
        assert result.output.startswith(f"degrade: {option} must be "), (value, result.output)
        assert f"got {value[:20]}" in result.output, (value, result.output)
        assert result.output.count("\n") == 1, (value, result.output)


@pytest.mark.parametrize("command", ["estimate-kernels", "build-pool"])
def test_regions_refuses_what_is_no_grid(command: str) -> None:
    for value in ("0x3", "3", "99x99", "3x", "x3", "-1x3", "3x3x3", "2.5x2", ""):
        result = CliRunner().invoke(main, [command, "photos", f"--regions={value}"])
        assert result.exit_code == 2, (value, result.output)
        assert result.output.startswith("degrade: --regions must be ")
        assert "ROWSxCOLUMNS, each from 1 to 16, such as 3x3" in result.output


def test_regions_needs_room_for_several_kernels_a_photo() -> None:
    for option in ("--shared", "--out-mat=mats", "--method=kernelgan"):
        command = ["estimate-kernels", "photos", "--regions", "3x3", option]
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 1, (option, result.output)
        assert "leave --regions" in result.output and result.output.count("\n") == 1
