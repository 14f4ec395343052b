"""The tables as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from scipy import stats

from benchmarks.kernels.real_pairs import BEST_CONSTANT, PairScore
from benchmarks.kernels.scoring import Score
from degrade.kernels.estimates import least_kpsnr

FLOOR = "constant"
FAR_BELOW = 2.0
EXACT = 70.0
"""A kernel this good is the true one; more would only swamp the means."""


def set_table(title: str, scores: Sequence[Score], megabytes: dict[str, float]) -> str:
    """Return one line a method for one set.

    Width: by how much widths are off, the median. Stated: the mean kPSNR that the method expected.
    Held: the share of photos that reach what it says that nine in ten reach.
    """
    floor = {s.case: s.kpsnr for s in scores if s.method == FLOOR}
    lines = [
        title,
        f"{'method':22}{'kPSNR mean':>11}{'median':>8}{'min':>8}{'rePSNR':>8}"
        f"{'width':>7}{'stated':>8}{'held':>6}{'<floor-2':>9}{'failed':>7}{'seconds':>9}{'MB':>7}",
    ]
    for method in dict.fromkeys(s.method for s in scores):
        own = [s for s in scores if s.method == method]
        good = [s for s in own if s.kpsnr is not None]
        kpsnr = [min(value, EXACT) for value in _numbers(s.kpsnr for s in good)]
        below = sum(
            s.kpsnr < floor_kpsnr - FAR_BELOW
            for s in good
            if s.kpsnr is not None and (floor_kpsnr := floor.get(s.case)) is not None
        )
        lines.append(
            f"{method:22}{_mean(kpsnr):>11}{_format(np.median(kpsnr) if good else None):>8}"
            f"{_format(min(kpsnr, default=None)):>8}{_mean(_numbers(s.repsnr for s in good)):>8}"
            f"{_share(_middle([abs(x) for x in _numbers(s.width_error for s in good)])):>7}"
            f"{_mean(_numbers(s.expected_kpsnr for s in good)):>8}{_share(_held(good)):>6}"
            f"{below:>9}{len(own) - len(good):>7}{_mean(_numbers(s.seconds for s in own), 3):>9}"
            f"{_format(megabytes.get(method), 0):>7}"
        )
    return "\n".join(lines + _first_problems(scores))


def pairs_table(title: str, scores: Sequence[PairScore]) -> str:
    """Return one line a method for the real pairs."""
    bicubic, best = (
        {s.pair: s.psnr for s in scores if s.method == method}
        for method in ("bicubic", BEST_CONSTANT)
    )
    lines = [
        title,
        f"{'method':22}{'PSNR mean':>11}{'median':>8}{'>bicubic':>10}{'>constant':>10}{'>both':>7}"
        f"{'failed':>7}{'seconds':>9}",
    ]
    for method in dict.fromkeys(s.method for s in scores):
        own = [s for s in scores if s.method == method]
        good = {s.pair: s.psnr for s in own if s.psnr is not None}
        psnr = list(good.values())
        over = {pair for pair, value in good.items() if value > (bicubic[pair] or 0)}
        above = {pair for pair, value in good.items() if value > (best[pair] or 0)}
        lines.append(
            f"{method:22}{_mean(psnr):>11}{_format(np.median(psnr) if psnr else None):>8}"
            f"{len(over) / len(own):>10.0%}{len(above) / len(own):>10.0%}"
            f"{len(over & above) / len(own):>7.0%}{len(own) - len(good):>7}"
            f"{_mean(_numbers(s.seconds for s in own), 3):>9}"
        )
    return "\n".join(lines + _first_problems(scores))


def reliability_table(scores: Sequence[Score], *, bins: int = 6) -> str:
    """Return, for each method that says how sure it is, what it said against what came true."""
    lines = []
    for method in dict.fromkeys(s.method for s in scores):
        said = [
            (s.expected_kpsnr, s.kpsnr)
            for s in scores
            if s.method == method and s.expected_kpsnr is not None and s.kpsnr is not None
        ]
        if len(said) < 2:
            continue
        expected, actual = np.array(said, dtype=np.float64).T
        lines.append(
            f"Reliability of {method}: {len(said)} photos, rank correlation of expected with "
            f"actual kPSNR {rank_correlation(expected, actual):.2f}, mean absolute error "
            f"{np.abs(expected - actual).mean():.2f} dB"
        )
        lines.append(f"{'expected':>20}{'photos':>8}{'mean expected':>15}{'mean actual':>13}")
        order = np.argsort(expected, kind="stable")
        for part in np.array_split(order, min(bins, len(said))):
            low, high = expected[part[0]], expected[part[-1]]
            lines.append(
                f"{low:>12.1f} – {high:5.1f}{len(part):>8}{expected[part].mean():>15.2f}"
                f"{actual[part].mean():>13.2f}"
            )
    return "\n".join(lines)


def confidence_lines(scores: Sequence[Score], pairs: Sequence[PairScore]) -> str:
    """Return how well each method's confidence orders its own photos, by set."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for score in scores:
        if score.confidence is not None and score.kpsnr is not None:
            for group in (score.set, "all"):
                found.setdefault((score.method, group), []).append((score.confidence, score.kpsnr))
    best = {s.pair: s.psnr for s in pairs if s.method == BEST_CONSTANT}
    for pair in pairs:
        reference = best.get(pair.pair)
        if pair.confidence is not None and pair.psnr is not None and reference is not None:
            found.setdefault((pair.method, "real, gain over the best constant"), []).append(
                (pair.confidence, pair.psnr - reference)
            )
    return "\n".join(
        f"Rank correlation of {method}'s confidence with what it reached, {group}: "
        f"{rank_correlation(*np.array(values).T):.2f} ({len(values)} photos)"
        for (method, group), values in found.items()
        if len(values) > 2
    )


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Spearman's coefficient; NaN where one side has no order."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(stats.spearmanr(first, second).statistic)


def case_lines(scores: Sequence[Score]) -> str:
    """Return every case's figures: a line a case, a kPSNR / rePSNR a method."""
    methods = list(dict.fromkeys(s.method for s in scores))
    lines = [f"{'case':40}" + "".join(f"{method:>22}" for method in methods)]
    for case in dict.fromkeys(s.case for s in scores):
        own = {s.method: s for s in scores if s.case == case}
        cells = (f"{_format(own[m].kpsnr)} / {_format(own[m].repsnr)}" for m in methods)
        lines.append(f"{case:40}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)


def pair_lines(scores: Sequence[PairScore]) -> str:
    """Return every real pair's figures."""
    methods = list(dict.fromkeys(s.method for s in scores))
    lines = [f"{'pair':28}" + "".join(f"{method:>22}" for method in methods)]
    for pair in dict.fromkeys(s.pair for s in scores):
        own = {s.method: s.psnr for s in scores if s.pair == pair}
        lines.append(f"{pair:28}" + "".join(f"{_format(own[m]):>22}" for m in methods))
    return "\n".join(lines)


def _first_problems(scores: Iterable[Score | PairScore]) -> list[str]:
    problems: dict[str, str] = {}
    for score in scores:
        if score.problem:
            problems.setdefault(score.method, score.problem)
    return [f"{method} failed: {problem}" for method, problem in problems.items()]


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _middle(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _held(scores: Iterable[Score]) -> float | None:
    reached = [
        s.kpsnr >= least_kpsnr(s.expected_kpsnr)
        for s in scores
        if s.kpsnr is not None and s.expected_kpsnr is not None
    ]
    return float(np.mean(reached)) if reached else None


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _mean(values: Sequence[float], digits: int = 2) -> str:
    return _format(float(np.mean(values)) if values else None, digits)


def _format(value: float | np.floating | None, digits: int = 2) -> str:
    return "–" if value is None else f"{float(value):.{digits}f}"
