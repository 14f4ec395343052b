from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from degrade.studies import find_in_votes
from tests.degrade.studies.studying import define, simulate

pytest.importorskip("matplotlib")


def test_names_of_methods_are_no_formulas(tmp_path: Path, rng: np.random.Generator) -> None:
    from report.study_sheet import draw_study_sheet

    definition = define("mos", (r"a$\q$", "$x_1$"), 6)
    found = find_in_votes(definition, *simulate(definition, 8, (3.8, 2.4), rng))
    draw_study_sheet(definition, found, tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
