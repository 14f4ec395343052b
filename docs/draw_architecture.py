"""Draw the house from the code's own imports: ``python docs/draw_architecture.py``.

A wing is a package, a box a room (a folder with modules) or the loose modules of one floor, and an
arrow says who imports whom. A floor is as high as it must be for every arrow to point down; arrows
that follow from others are left out. The same code gives the same picture.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grimp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

PICTURE = Path(__file__).parent / "images" / "architecture.svg"
WINGS = {
    "pipelines": ("#7a4b8c", "the jobs and the command line"),
    "kernelgan": ("#b3552e", "KernelGAN"),
    "spectral_training": ("#a8842c", "trains the estimator"),
    "report": ("#8a5a6b", "pictures"),
    "esrgan": ("#2e7d5b", "networks and the trainer"),
    "degrade": ("#2f5f9e", "measure, keep and apply what cameras do: no PyTorch"),
}
ROOMS = {
    "pipelines.cli": "commands and options",
    "pipelines.demo": "all of it, on few photos",
    "pipelines.pool": "fill and look into pools",
    "pipelines.measuring": "kernels, noise",
    "pipelines.evaluation": "how good results are",
    "pipelines.matching": "compare, audit, try out",
    "pipelines.pairs": "build, verify, import",
    "pipelines.exports": "for other trainers",
    "pipelines.history": "what photos went through",
    "pipelines.artifacts": "where GANs break",
    "pipelines.study": "people judge results",
    "pipelines.manifests": "lists and splits",
    "pipelines.training": "in stages",
    "pipelines.upscaling": "folders of photos",
    "pipelines.models": "convert, ONNX",
    "pipelines.shared": "reports, signals, settings",
    "pipelines.executors": "cores and clusters",
    "esrgan.training": "steps, states, checkpoints",
    "esrgan.data": "samples, batches",
    "esrgan.degrading": "plans in batches",
    "esrgan.perceptual": "LPIPS and DISTS",
    "esrgan.losses": "what is made small",
    "esrgan.weights": "in files",
    "esrgan.upscaling": "whole images, in tiles",
    "esrgan.networks": "generators, discriminators",
    "degrade.exchange": "formats of other trainers",
    "degrade.audit": "two sets compared",
    "degrade.pairs": "shards and sidecars",
    "degrade.pool": "kernels and noise, kept",
    "degrade.studies": "votes, kept",
    "degrade.degradation": "plan, then apply",
    "degrade.spectral": "a kernel in milliseconds",
    "degrade.jpeg": "traces of blocks",
    "degrade.history": "traces of enlarging",
    "degrade.metrics": "PSNR, SSIM and more",
    "degrade.artifacts": "texture not borne out",
    "degrade.opinions": "what votes say",
    "degrade.kernels": "blur: make, apply, compare",
    "degrade.noise": "flat patches, residuals",
    "degrade.images": "the only decode and encode",
    "degrade.places": "folders, object stores",
    "degrade.disk": "files and locks",
    "degrade.compiled": "inner loops in C",
}
"""What stands in each room of the picture."""

INK = "#2b2b2b"
FLOOR, BOX, GAP, LETTER = 1.0, 0.56, 0.34, 0.087
"""Height of a floor and of a box, the least distance of two boxes, the width of a letter."""


@dataclass(frozen=True)
class Node:
    """A box, or a place where an arrow passes a floor (without a label)."""

    name: str
    floor: int
    label: str = ""
    loose: bool = False

    @property
    def width(self) -> float:
        """Return the width that its label takes."""
        return max(map(len, self.label.split("\n"))) * LETTER + 0.3 if self.label else 0.0


@dataclass
class Wing:
    """A package: its boxes, the arrows between them, and where each lies."""

    nodes: list[Node] = field(default_factory=list)
    arrows: list[list[Node]] = field(default_factory=list)
    x: dict[Node, float] = field(default_factory=dict)

    @property
    def floors(self) -> int:
        """Return the number of floors."""
        return 1 + max(node.floor for node in self.nodes)


def main() -> None:
    """Draw, into the repository's picture or another file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PICTURE)
    graph = grimp.build_graph(*WINGS)
    wings = {name: wing_of(graph, name) for name in WINGS}
    draw(wings, imports_between(graph, tuple(WINGS)), parser.parse_args().out)


def imports_between(graph: grimp.ImportGraph, boxes: Sequence[str]) -> dict[str, set[str]]:
    """Return which other boxes each one imports directly."""
    whole = {box: {box} | graph.find_descendants(box) for box in boxes}
    taken = {
        box: set().union(*map(graph.find_modules_directly_imported_by, whole[box])) for box in boxes
    }
    return {a: {b for b in boxes if b != a and taken[a] & whole[b]} for a in boxes}


def height(box: str, below: Mapping[str, set[str]]) -> int:
    """Return the floor of a box: one above the highest that it imports."""
    return 1 + max((height(other, below) for other in below[box]), default=-1)


def wing_of(graph: grimp.ImportGraph, package: str) -> Wing:
    """Lay out one package."""
    children = sorted(graph.find_children(package))
    below = imports_between(graph, children)
    rooms = {name for name in children if graph.find_children(name)}
    if not rooms:  # a small package is one room: its modules, floor by floor
        lines: dict[int, list[str]] = {}
        for name in children:
            lines.setdefault(height(name, below), []).append(name.rpartition(".")[2])
        text = [wrapped(lines[level], 25) for level in sorted(lines, reverse=True)]
        return Wing([Node(package, 0, "\n".join(text), loose=True)], x={})
    boxes, home = [], {}
    for level in sorted({height(name, below) for name in children}):
        here = [name for name in children if height(name, below) == level]
        loose = [name for name in here if name not in rooms]
        for name in sorted(set(here) & rooms):
            home[name] = Node(name, level, f"{name.rpartition('.')[2]}\n{ROOMS.get(name, '')}")
            boxes.append(home[name])
        if loose:
            label = wrapped([name.rpartition(".")[2] for name in loose], 26)
            boxes.append(Node(f"{package}.loose{level}", level, label, loose=True))
            home |= dict.fromkeys(loose, boxes[-1])
    merged: dict[Node, set[Node]] = {box: set() for box in boxes}
    for name, others in below.items():
        merged[home[name]] |= {home[other] for other in others} - {home[name]}
    wing = Wing(list(boxes))
    for box in boxes:
        for other in sorted(needed(box, merged), key=lambda node: node.name):
            between = [
                Node(f"{box.name}>{other.name}", level)
                for level in range(box.floor - 1, other.floor, -1)
            ]
            wing.nodes += between
            wing.arrows.append([box, *between, other])
    place(wing)
    return wing


def wrapped(names: Sequence[str], letters: int) -> str:
    """Return names side by side, in as many lines as they need."""
    lines = [""]
    for name in names:
        if lines[-1] and len(lines[-1]) + len(name) > letters:
            lines.append("")
        lines[-1] += f" · {name}" if lines[-1] else name
    return "\n".join(lines)


def needed(box: Node, below: Mapping[Node, set[Node]]) -> set[Node]:
    """Return what a box imports, without what it reaches through others."""

    def reached(start: Node) -> set[Node]:
        return below[start].union(*map(reached, below[start]))

    return below[box] - set().union(*map(reached, below[box]))


def place(wing: Wing) -> None:
    """Order the nodes of each floor so that few arrows cross, and give each its place."""
    neighbours: dict[Node, list[Node]] = {node: [] for node in wing.nodes}
    for arrow in wing.arrows:
        for upper, lower in itertools.pairwise(arrow):
            neighbours[upper].append(lower)
            neighbours[lower].append(upper)
    floors = [[n for n in wing.nodes if n.floor == level] for level in range(wing.floors)]
    x = {node: float(i) for row in floors for i, node in enumerate(row)}
    for turn in range(60):
        for row in floors if turn % 2 else floors[::-1]:
            wish = {n: float(np.mean([x[m] for m in neighbours[n]] or [x[n]])) for n in row}
            row.sort(key=lambda node: (wish[node], node.name))
            x |= dict(zip(row, spread([wish[n] for n in row], row), strict=True))
    wing.x = x


def spread(wishes: Sequence[float], row: Sequence[Node]) -> list[float]:
    """Return the places nearest to the wishes at which no two neighbours touch."""
    steps = [0.0]
    for left, right in itertools.pairwise(row):
        steps.append(steps[-1] + (left.width + right.width) / 2 + GAP)
    # Least squares under an order: neighbours that are out of order share their mean.
    groups: list[list[float]] = []
    for wish, step in zip(wishes, steps, strict=True):
        groups.append([wish - step])
        while len(groups) > 1 and np.mean(groups[-2]) > np.mean(groups[-1]):
            last = groups.pop()
            groups[-1] += last
    flat = [float(np.mean(group)) for group in groups for _ in group]
    return [place + step for place, step in zip(flat, steps, strict=True)]


def draw(wings: Mapping[str, Wing], used: Mapping[str, set[str]], out: Path) -> None:
    """Put the wings on each other, and write the picture."""
    mpl.rcParams |= {"svg.hashsalt": "architecture", "font.family": "DejaVu Sans"}
    storeys = [["pipelines"], ["kernelgan", "spectral_training", "report", "esrgan"], ["degrade"]]
    width = 14.0
    heights = [max(wings[name].floors for name in storey) * FLOOR + 0.62 for storey in storeys]
    figure = Figure(figsize=(width + 0.4, sum(heights) + 0.55 * (len(storeys) - 1) + 0.4))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-0.2, width + 0.2), ylim=(-0.2, figure.get_figheight() - 0.2))
    axes.set_axis_off()
    top = figure.get_figheight() - 0.4
    for storey, tall in zip(storeys, heights, strict=True):
        left = 0.0
        for name in storey:
            share = {"kernelgan": 2.7, "spectral_training": 2.6, "report": 1.7}.get(
                name, width - left
            )
            draw_wing(axes, name, wings[name], (left, top - tall, share, tall))
            middle = left + share / 2
            if name in used["pipelines"] and len(storey) > 1:
                arrow(axes, [(middle, top + 0.55), (middle, top + 0.02)], 2.2)
            if "degrade" in used[name] and len(storey) > 1:
                arrow(axes, [(middle, top - tall), (middle, top - tall - 0.53)], 2.2)
            left += share + 0.4
        if len(storey) > 1 and "degrade" in used["pipelines"]:  # past the others, between two
            aside = left - share - 0.6
            arrow(axes, [(aside, top + 0.55), (aside, top - tall - 0.53)], 2.2)
        top -= tall + 0.55
    out.parent.mkdir(exist_ok=True)
    figure.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None, dpi=110)


def draw_wing(axes: Axes, name: str, wing: Wing, area: tuple[float, float, float, float]) -> None:
    """Draw one package into an area: left, bottom, width, height."""
    left, bottom, width, tall = area
    colour, role = WINGS[name]
    outer = FancyBboxPatch((left, bottom), width, tall, "round,pad=0,rounding_size=0.12")
    outer.set(facecolor=mpl.colors.to_rgba(colour, 0.09), edgecolor=colour, linewidth=1.4)
    axes.add_patch(outer)
    title = (left + 0.18, bottom + tall - 0.27)
    axes.text(*title, name, size=13, weight="bold", color=colour, va="center")
    wide = width > 6
    role_at = (left + 0.45 + 0.135 * len(name), title[1]) if wide else (title[0], title[1] - 0.27)
    axes.text(*role_at, role, size=9.5, color=colour, va="center")
    if not wing.x:
        (node,) = wing.nodes
        middle = (left + width / 2, bottom + (tall - 0.55) / 2)
        axes.text(*middle, node.label, size=9, color=INK, ha="center", va="center", linespacing=2)
        return
    lows = [wing.x[n] - n.width / 2 for n in wing.nodes]
    highs = [wing.x[n] + n.width / 2 for n in wing.nodes]
    inside = min(1.35, (width - 0.4) / (max(highs) - min(lows)))
    shift = left + width / 2 - inside * (max(highs) + min(lows)) / 2
    at = {n: (wing.x[n] * inside + shift, bottom + 0.42 + n.floor * FLOOR) for n in wing.nodes}
    for nodes in wing.arrows:
        arrow(axes, route([at[n] for n in nodes]), 1.0, colour)
    for node in wing.nodes:
        if node.label:
            draw_box(axes, node, at[node], colour)


def draw_box(axes: Axes, node: Node, middle: tuple[float, float], colour: str) -> None:
    """Draw a room, or loose modules."""
    x, y = middle
    corner = (x - node.width / 2, y - BOX / 2)
    box = FancyBboxPatch(corner, node.width, BOX, "round,pad=0,rounding_size=0.07", zorder=3)
    box.set(
        facecolor="white", edgecolor=colour, linewidth=0.8 if node.loose else 1.5, gid=node.name
    )
    if node.loose:
        box.set_linestyle((0, (3, 2)))
    axes.add_patch(box)
    style: dict[str, Any] = {"color": INK, "ha": "center", "va": "center", "zorder": 4}
    if node.loose:
        axes.text(x, y, node.label, size=8.5, **style)
        return
    name, role = node.label.split("\n")
    axes.text(x, y + 0.1, name, size=11, weight="bold", **style)
    axes.text(x, y - 0.13, role, size=8, **style)


def route(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the way of an arrow: out of a box's floor, past the boxes between, into a roof."""
    (x0, y0), *between, (x1, y1) = points
    way = [(x0, y0 - BOX / 2)]
    for x, y in between:
        way += [(x, y + BOX / 2), (x, y - BOX / 2)]
    return [*way, (x1, y1 + BOX / 2 + 0.02)]


def arrow(
    axes: Axes, way: Sequence[tuple[float, float]], thick: float, colour: str = "#777777"
) -> None:
    """Draw an arrow along a way; it leaves and enters every floor upright."""
    points, codes = [way[0]], [Curve.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(way):
        bend = (y0 - y1) / 2
        points += [(x0, y0 - bend), (x1, y1 + bend), (x1, y1)]
        codes += [Curve.CURVE4] * 3
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(points, codes),
            arrowstyle="-|>",
            mutation_scale=8 + 3 * thick,
            color=colour,
            linewidth=thick,
            alpha=0.75,
            zorder=2,
        )
    )


if __name__ == "__main__":
    main()
