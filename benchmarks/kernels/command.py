"""The command line: run the sets, print the tables."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import cv2

from benchmarks.kernels import tables
from benchmarks.kernels.cameras import score_by_camera
from benchmarks.kernels.cases import MANIFEST, SETS, cases_of
from benchmarks.kernels.memory import peak_megabytes
from benchmarks.kernels.methods import FLOORS, METHODS, Method, Photo
from benchmarks.kernels.real_pairs import PairScore, name_best_constant, read_pairs, score_pair
from benchmarks.kernels.scoring import Score, score_set
from benchmarks.parts import write_json

REAL = "real"
SHARED = Path(__file__).parents[3] / "shared"


def pick(text: str | None, known: list[str], usual: list[str], what: str) -> list[str]:
    """Return the names in a list with commas, or the usual ones."""
    names = [name.strip() for name in text.split(",")] if text else usual
    if unknown := [name for name in names if name not in known]:
        raise click.BadParameter(f"no {what} {', '.join(unknown)}; there are {', '.join(known)}")
    return names


def pick_methods(text: str | None) -> dict[str, Method]:
    """Return the floors and the methods asked for, without those whose module is missing."""
    usual = [name for name, method in METHODS.items() if not method.slow]
    names = pick(text, list(METHODS), usual, "method")
    chosen = {name: METHODS[name] for name in dict.fromkeys((*FLOORS, *names))}
    for name, method in list(chosen.items()):
        if not method.is_here():
            click.echo(f"{name}: left out, there is no {method.needs}", err=True)
            del chosen[name]
    return chosen


@click.command()
@click.option("--shared", type=click.Path(path_type=Path), default=SHARED, help="Research data.")
@click.option("--sets", help=f"Of {','.join((*SETS, REAL))}; all by default.")
@click.option("--methods", help=f"Of {','.join(METHODS)}; the quick ones by default.")
@click.option("--iterations", default=1500, show_default=True, help="For kernelgan.")
@click.option("--photos", type=click.IntRange(min=1), help="Only the first N of each set.")
@click.option("--cases", is_flag=True, help="Print every case.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write all figures.")
def main(
    shared: Path,
    sets: str | None,
    methods: str | None,
    iterations: int,
    photos: int | None,
    cases: bool,
    json_path: Path | None,
) -> None:
    """Compare estimators of blur kernels on photos whose kernel is known, and on real pairs."""
    if not (shared / MANIFEST).is_file():
        raise click.ClickException(f"{shared / MANIFEST} is missing; name the data by --shared")
    cv2.setNumThreads(1)
    names = pick(sets, [*SETS, REAL], [*SETS, REAL], "set")
    chosen = pick_methods(methods)
    scores: list[Score] = []
    megabytes: dict[str, float] = {}
    for name in names:
        if name != REAL:
            measure_memory(megabytes, name, shared, chosen, iterations)
            found = list(score_set(name, cases_of(name, shared, photos), chosen, iterations))
            count = len({s.case for s in found})
            click.echo(
                tables.set_table(f"{name}: ×{SETS[name][0]}, {count} photos, dB", found, megabytes)
            )
            click.echo((tables.case_lines(found) + "\n") if cases else "")
            scores += found
    pairs = run_pairs(shared, chosen, iterations, photos, cases) if REAL in names else []
    for text in (tables.reliability_table(scores), tables.confidence_lines(scores, pairs)):
        if text:
            click.echo(text + "\n")
    if json_path is not None:
        figures = {
            "scores": [asdict(s) for s in scores],
            "pairs": [asdict(p) for p in pairs],
            "megabytes": megabytes,
        }
        write_json(json_path, figures)


def measure_memory(
    megabytes: dict[str, float],
    set_name: str,
    shared: Path,
    methods: dict[str, Method],
    iterations: int,
) -> None:
    """Add the memory of the methods not yet measured, on the set's first photo."""
    scale = SETS[set_name][0]
    for name, method in methods.items():
        if name not in megabytes and name not in FLOORS and method.is_for(scale):
            case = next(cases_of(set_name, shared, 1))
            # The first steps of an iterative method need as much as the last.
            photo = Photo(case.name, case.lr_u8, scale, min(iterations, 20))
            megabytes[name] = peak_megabytes(name, photo)


def run_pairs(
    shared: Path, methods: dict[str, Method], iterations: int, count: int | None, cases: bool
) -> list[PairScore]:
    """Score the real pairs and print their table."""
    scores: list[PairScore] = []
    pairs = list(read_pairs(shared, count))
    for pair in pairs:
        scores += score_pair(pair, methods, iterations)
    if "spectral" in methods:
        scores += score_by_camera(pairs)
    scores, sigma = name_best_constant(scores)
    number = len({s.pair for s in scores})
    title = f"{REAL}: ×4, {number} pairs, dB; the best constant is a Gaussian of σ {sigma:g} px"
    click.echo(tables.pairs_table(title, scores))
    click.echo((tables.pair_lines(scores) + "\n") if cases else "")
    return scores
