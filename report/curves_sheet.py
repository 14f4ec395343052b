"""The curves of a training on one picture."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from report.sheet import FAINT, INK, require_matplotlib

__all__ = ["encode_curves"]

_POINTS = 600
"""Of a curve; of longer ones each is a mean."""

_COLUMNS, _WIDTH, _HEIGHT = 3, 4.2, 2.3
_COLOURS = ("#1f4e79", "#c2571a", "#2f7d4f", "#8a3ffc")
_UNTOLD = ("step",)
_MANY_TIMES = 20.0

_TOGETHER: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("mean scores of the discriminator", ("real_score", "fake_score")),
    ("norms of the gradients", ("generator_gradient", "discriminator_gradient")),
    ("PSNR, dB", ("psnr", "bicubic_psnr")),
    ("SSIM", ("ssim", "bicubic_ssim")),
    (
        "told rightly by the discriminator",
        ("real_accuracy", "fake_accuracy", "real_accuracy_trained", "fake_accuracy_trained"),
    ),
)
"""Curves that belong on one diagram."""

_Curve = tuple[list[float], list[float]]


def encode_curves(log: Iterable[Any], scores: Iterable[Any]) -> bytes | None:
    """Draw a training's losses, what was watched, and its validations, as PNG.

    Parameters
    ----------
    log, scores : iterable of records
        Lines of ``log.jsonl`` and of ``validation.jsonl``; what is no number is passed over.

    Returns
    -------
    bytes or None
        None where there is nothing to draw.

    Raises
    ------
    MissingDependencyError
        matplotlib is not installed.
    """
    require_matplotlib()
    from matplotlib.figure import Figure

    diagrams = _diagrams(_curves(log) | _curves(scores))
    if not diagrams:
        return None
    rows = -(-len(diagrams) // _COLUMNS)
    figure = Figure(figsize=(_COLUMNS * _WIDTH, rows * _HEIGHT), dpi=80)
    # Places by hand: to find them takes matplotlib as long as to draw.
    figure.subplots_adjust(
        left=0.05,
        right=0.99,
        bottom=0.25 / rows / _HEIGHT,
        top=1 - 0.25 / rows / _HEIGHT,
        wspace=0.2,
        hspace=0.35,
    )
    for number, (title, curves) in enumerate(diagrams, 1):
        axes = figure.add_subplot(rows, _COLUMNS, number)
        _draw(axes, title, curves)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _curves(records: Iterable[Any]) -> dict[str, _Curve]:
    curves: dict[str, _Curve] = defaultdict(lambda: ([], []))
    for record in records:
        step = record.get("step") if isinstance(record, dict) else None
        if not isinstance(step, int) or isinstance(step, bool):
            continue
        for name, value in record.items():
            if name not in _UNTOLD and isinstance(value, int | float) and math.isfinite(value):
                steps, values = curves[name]
                steps.append(float(step))
                values.append(float(value))
    return {name: _fewer(*curve) for name, curve in curves.items()}


def _fewer(steps: Sequence[float], values: Sequence[float]) -> _Curve:
    """Return a curve of at most so many points, each the mean of as many as the others."""
    each = -(-len(steps) // _POINTS)
    starts = range(0, len(steps), each)
    parts = [(steps[s : s + each], values[s : s + each]) for s in starts]
    return [sum(x) / len(x) for x, _ in parts], [sum(y) / len(y) for _, y in parts]


def _diagrams(curves: dict[str, _Curve]) -> list[tuple[str, dict[str, _Curve]]]:
    left = dict(curves)
    together = []
    for title, names in _TOGETHER:
        found = {name: left.pop(name) for name in names if name in left}
        if found:
            together.append((title, found))
    return [(name, {name: curve}) for name, curve in left.items()] + together


def _draw(axes: Any, title: str, curves: dict[str, _Curve]) -> None:
    lowest, highest = math.inf, -math.inf
    for colour, (name, (steps, values)) in zip(
        (*_COLOURS, *_COLOURS), curves.items(), strict=False
    ):
        marker = "." if len(steps) == 1 else None
        axes.plot(steps, values, color=colour, linewidth=1, label=name, marker=marker)
        lowest, highest = min(lowest, *values), max(highest, *values)
    if lowest > 0 and highest > _MANY_TIMES * lowest:
        axes.set_yscale("log")
    axes.set_title(title, fontsize=8, color=INK, loc="left")
    axes.tick_params(labelsize=7, colors=FAINT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if len(curves) > 1:
        axes.legend(fontsize=6, frameon=False)
