"""Sets with photos that are too small, and why fewer count than were given."""

from __future__ import annotations

import pytest

from degrade.errors import DegradeError
from degrade.images.sources import Reject
from pipelines.matching.photo_sets import why_fewer, window_for
from pipelines.shared.job import Job


@pytest.mark.parametrize(
    ("sides", "side"),
    [([300] * 9 + [1], 256), ([100] * 12 + [1, 5, 63], 100), ([200, 64, 63], 64), ([64], 64)],
)
def test_window_for_passes_over_images_that_are_too_small(sides: list[int], side: int) -> None:
    assert window_for(sides) == side


def test_window_for_refuses_a_set_of_small_images_alone() -> None:
    with pytest.raises(DegradeError, match="images of 63 pixels are too small to compare"):
        window_for([5, 63, 9])


def test_why_fewer_names_the_usual_reason() -> None:
    job = Job("diff", "photo")
    assert why_fewer(job) == ""
    job.rejects += [Reject(f"{n}.png", f"{n} % of it is transparent", "crop it") for n in (1, 2)]
    assert "1.png: 1 % of it is transparent" in why_fewer(job) and "1 more" in why_fewer(job)
