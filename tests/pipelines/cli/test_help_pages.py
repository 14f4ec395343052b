"""Every command's help can be read, and its examples can be pasted."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.cli.help_pages import EXAMPLES, OPTION_GROUPS


def _commands() -> dict[str, click.Command]:
    found = {}
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            found.update({f"{name} {sub}": child for sub, child in command.commands.items()})
        else:
            found[name] = command
    return found


COMMANDS = _commands()


def test_every_command_has_examples_and_no_other() -> None:
    assert set(EXAMPLES) == set(COMMANDS)
    assert all(len(examples) >= 2 for examples in EXAMPLES.values())


@pytest.mark.parametrize("name", COMMANDS)
def test_examples_are_commands_that_the_program_takes(name: str) -> None:
    text = CliRunner().invoke(main, [*name.split(), "--help"]).output
    for line, meaning in EXAMPLES[name]:
        program, *words = shlex.split(line)
        assert program == "degrade" and words[: len(name.split())] == name.split()
        arguments = words[len(name.split()) :]
        COMMANDS[name].make_context(name, arguments)  # refuses what it does not know
        assert f"  {line}\n" in text and meaning in text


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_each_option_once_below_one_title(name: str) -> None:
    text = CliRunner().invoke(main, [*name.split(), "--help"]).output
    options = [p for p in COMMANDS[name].params if isinstance(p, click.Option)]
    _, *sections = re.split(r"\n\n(?=[A-Z][a-z ]+:\n)", text)
    for option in options:
        assert len(re.findall(rf"\n  {option.opts[0]}\b(?!-)", "\n".join(sections))) == 1
    if len(options) > 8:
        titles = [line for line in text.splitlines() if line.rstrip(":") in OPTION_GROUPS]
        assert len(titles) >= 2 and titles == sorted(
            titles, key=lambda t: [*OPTION_GROUPS].index(t[:-1])
        )
        grouped = {each for names in OPTION_GROUPS.values() for each in names}
        assert {str(option.name) for option in options} <= grouped | {"help"}


def test_groups_name_parameters_that_there_are() -> None:
    known = {param.name for command in COMMANDS.values() for param in command.params}
    grouped = [name for names in OPTION_GROUPS.values() for name in names]
    assert len(grouped) == len(set(grouped)) and set(grouped) <= known
