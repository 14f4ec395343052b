"""The long form of the fault tests: ``python -m tests.torture --help``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from tests.torture import failing_calls, flips, fuzzing, kills, odd_entries, signals, small_disk
from tests.torture.parts import LONG, SHORT, Outcome, Part, Rounds, run_part, table

SKIPPED = 5
"""The exit code when every part that was chosen had to be skipped."""


def all_parts() -> Iterator[Part]:
    for module in (kills, signals, small_disk, failing_calls, odd_entries, flips, fuzzing):
        yield from module.parts()


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a few rounds of each, as in CI")
    parser.add_argument("--list", action="store_true", help="only name the parts")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="TEXT",
        help="parts whose 'group: subject' holds this; may be repeated",
    )
    for entry in fields(Rounds):
        parser.add_argument(
            f"--{entry.name.replace('_', '-')}",
            type=int,
            metavar="N",
            default=os.environ.get(f"TORTURE_{entry.name.upper()}"),
            help=f"instead of {getattr(LONG, entry.name)} (or TORTURE_{entry.name.upper()})",
        )
    return parser.parse_args(arguments)


def _rounds(chosen: argparse.Namespace) -> Rounds:
    given = {entry.name: getattr(chosen, entry.name) for entry in fields(Rounds)}
    return replace(
        SHORT if chosen.short else LONG, **{k: v for k, v in given.items() if v is not None}
    )


def _show(outcome: Outcome, failure: str | None) -> None:
    """Print a failure; keep the last line of a terminal up to date."""
    if failure is not None:
        _say(f"FAILED {failure}")
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{outcome.describe()}")
        sys.stderr.flush()


def _say(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parse(arguments)
    parts = [
        part
        for part in all_parts()
        if not chosen.only or any(text in f"{part.group}: {part.subject}" for text in chosen.only)
    ]
    if chosen.list:
        _say("\n".join(f"{part.group}: {part.subject}" for part in parts))
        return 0
    outcomes, interrupted = [], False
    try:
        for part in parts:
            outcomes.append(run_part(part, _rounds(chosen), _show))
            _say(outcomes[-1].describe())
    except KeyboardInterrupt:
        interrupted = True
        _say("interrupted")
    _say("\n" + table(outcomes))
    if any(outcome.failures for outcome in outcomes):
        return 1
    if interrupted:
        return 130
    return SKIPPED if outcomes and all(outcome.skipped for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
