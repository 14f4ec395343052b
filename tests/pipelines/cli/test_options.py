"""Settings in messages become options, and every setting that a message names is one."""

from __future__ import annotations

import click
import pytest

from pipelines.cli.options import as_options

BUILD = click.Command(
    "build",
    params=[
        click.Option(["--max-pixels"]),
        click.Option(["--to", "format"]),
        click.Option(["--overwrite"], is_flag=True),
        click.Option(["--check/--skip-check"]),
        click.Argument(["sources"]),
    ],
)
TRAIN = click.Command("train", params=[click.Option(["--set", "changes"], multiple=True)])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("raise `max_pixels`", "raise --max-pixels"),
        ("use `format=png`", "use --to png"),
        ("or `overwrite`", "or --overwrite"),
        ("`overwrite=True`", "--overwrite"),
        ("`check=False`", "--skip-check"),
        ("`format=png` or `max_pixels=9`", "--to png or --max-pixels 9"),
        ("`unknown` and `sources` stay", "`unknown` and `sources` stay"),
        ("no `Setting`, no code ``x``", "no `Setting`, no code ``x``"),
    ],
)
def test_as_options_says_what_a_user_types(text: str, said: str) -> None:
    assert as_options(text, [BUILD]) == said


def test_as_options_names_other_settings_by_set_where_a_command_has_it() -> None:
    assert as_options("`content_weight=0`", [TRAIN]) == "--set content_weight=0"
    assert as_options("change `steps`", [TRAIN]) == "change --set steps=…"
    assert as_options("`content_weight=0`", []) == "`content_weight=0`"
