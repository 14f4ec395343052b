"""What is told of a pool's kernels after matches."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from degrade.degradation import MEASURED
from degrade.images.image_io import read_photo
from degrade.pool import DegradationPool, Findings
from degrade.pool.findings import FoundObject
from pipelines.cli import main
from pipelines.pool.inspect_pool import inspect_pool
from pipelines.reporting.make_report import ReportConfig, make_report
from tests.degrade.pool.parts import add_matches, make_kernel, make_photo


def pool_of(path: Path, *gains: float) -> DegradationPool:
    """Return a pool of three photos with a match for each gain."""
    pool = DegradationPool.create(path)
    for seed in range(3):
        found = (FoundObject(make_kernel(seed), "spectral", {"confidence": 0.9}),)
        kernel = Findings(kind="kernel", settings={}, values={}, objects=found)
        pool.add_findings(make_photo(f"{seed}.png", f"{seed:064x}"), [kernel])
    add_matches(pool, gains)
    return pool


def test_inspect_pool_counts_kernels_of_earlier_matches_apart(tmp_path: Path) -> None:
    once, twice = (inspect_pool(pool_of(tmp_path / str(n), *[-0.1, -0.2][:n]).path) for n in (1, 2))
    assert not [line for line in once.lines() if "earlier" in line]
    assert "  and 3 of earlier matches, which nothing draws any more" in twice.lines()
    for found in (once, twice):
        assert found.lines()[-1].endswith(": 9 kernels, 0 noise patches, 3 photos looked at")
    assert len(twice.pool.kernels) == 12
    earlier = {each["id"] for each in twice.to_json()["kernels"] if each["of_earlier_match"]}
    assert earlier == twice.pool.outdated_kernels and len(earlier) == 3
    assert not earlier & {record.id for record in twice.kernels}


def test_make_report_leaves_kernels_of_earlier_matches_out(tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    pool = pool_of(tmp_path / "pool", -0.1, -0.2)
    make_report(ReportConfig(sources=(pool.path,), out=tmp_path / "page.html"))
    page = (tmp_path / "page.html").read_text()
    assert "All kernels (9)" in page and "Left out: 3 of earlier matches" in page
    assert "of the match" in page


def test_draw_pool_sheet_leaves_kernels_of_earlier_matches_out(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from report.pool_sheet import draw_pool_sheet

    for name, gains in (("once", (-0.2,)), ("twice", (-0.1, -0.2))):
        draw_pool_sheet(pool_of(tmp_path / name / "pool", *gains), tmp_path / f"{name}.png")
    once, twice = (read_photo(tmp_path / f"{name}.png").pixels for name in ("once", "twice"))
    assert (once == twice).all()


@pytest.mark.parametrize("command", ["inspect", "report"])
def test_the_aim_of_a_match_is_said_as_an_option(tmp_path: Path, command: str) -> None:
    pytest.importorskip("jinja2")
    pool = pool_of(tmp_path / "pool", -0.1)
    facts = {"aim": "train", "photos": 40, "hr": 30}
    made = [(pool.read_kernel(each.id), each.provenance) for each in pool.kernels[-1:]]
    pool.add_match(made, MEASURED.without(("residual",)), 4, facts)
    page = tmp_path / "page.html"
    words = [command, str(pool.path), *(["-o", str(page)] if command == "report" else [])]
    found = CliRunner().invoke(main, words)
    assert found.exit_code == 0, found.output
    told = page.read_text() if command == "report" else found.output
    assert "for degrade match --aim train; the recipe" in told
