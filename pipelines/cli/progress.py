"""How far a command is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import click

__all__ = ["Progress", "showing_progress"]

_FIRST_S, _NEXT_S, _MOST_S = 10.0, 30.0, 600.0
"""Seconds until the first line, until the next, and at most between two of a long run."""


class Progress:
    """What a job calls as it goes on; made by :func:`showing_progress`.

    Parameters
    ----------
    label : str
    unit : str
        What is counted, in the plural.
    bar : tqdm.tqdm or None
        None: write lines instead.
    silent : bool
        Show nothing at all.
    """

    def __init__(self, label: str, unit: str, bar: Any, *, silent: bool = False) -> None:
        self._label, self._unit, self._bar, self._silent = label, unit, bar, silent
        self._noted: Mapping[str, float] = {}
        self._begun: tuple[float, int] | None = None
        self._next_s = _FIRST_S

    def advance(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done."""
        if self._begun is None:
            # What an earlier run has done took no time in this one.
            self._begun = monotonic(), done
            if self._bar is not None:
                self._bar.initial = self._bar.n = done
        if self._bar is not None:
            self._bar.total = total
            self._bar.update(done - self._bar.n)
        elif not self._silent:
            self._write_line(done, total)

    def note(self, values: Mapping[str, float]) -> None:
        """Show numbers, such as losses, beside."""
        self._noted = values
        if self._bar is not None:
            self._bar.set_postfix({k: f"{v:.3g}" for k, v in values.items()}, refresh=False)

    def tell(self, text: str) -> None:
        """Write a line of text on standard error."""
        if self._bar is not None:
            self._bar.write(text, file=sys.stderr)
        elif not self._silent:
            click.echo(text, err=True)

    def show(self, text: str) -> None:
        """Show how far the work is, in words that the summary repeats.

        On a terminal they stand in the bar's place, until the next ones; elsewhere they are a line,
        at the rate of others.
        """
        if self._bar is not None:
            self._bar.bar_format = "{desc} [{elapsed}]"
            self._bar.set_description_str(f"{self._label}: {text}")
        elif not self._silent:
            spent = self._spent()
            if spent >= self._next_s:
                self._plan_next(spent)
                click.echo(f"{self._label}: {text}", err=True)

    def _spent(self) -> float:
        return 0.0 if self._begun is None else monotonic() - self._begun[0]

    def _plan_next(self, spent: float) -> None:
        self._next_s = spent + min(max(_NEXT_S, spent / 10), _MOST_S)

    def _write_line(self, done: int, total: int) -> None:
        first = (self._begun or (0.0, 0))[1]
        spent = self._spent()
        if spent < self._next_s or not first < done < total:
            return
        self._plan_next(spent)
        left = (total - done) * spent / (done - first)
        notes = "".join(f", {name} {value:.3g}" for name, value in self._noted.items())
        click.echo(
            f"{self._label}: {_amounts(done, total, self._unit)} ({done / total:.0%}), "
            f"{_duration(left)} left{notes}",
            err=True,
        )


def _amounts(done: int, total: int, unit: str) -> str:
    if unit == "px":
        return f"{done / 1e6:.1f} of {total / 1e6:.1f} Mpx"
    return f"{done} of {total} {unit}"


def _duration(seconds: float) -> str:
    """Return hours, minutes and seconds: ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextlib.contextmanager
def showing_progress(label: str, unit: str, *, silent: bool = False) -> Iterator[Progress]:
    """Yield what shows a job's progress: a bar on a terminal, on standard error."""
    if silent or not sys.stderr.isatty():
        yield Progress(label, unit, None, silent=silent)
        return
    from tqdm import tqdm

    tqdm.monitor_interval = 0  # its thread would only draw what the next step draws
    pixels = unit == "px"
    bar = tqdm(
        desc=label,
        unit=unit if pixels else f" {unit}",
        unit_scale=pixels,
        dynamic_ncols=True,
        leave=False,
    )
    with bar:
        yield Progress(label, unit, bar)
