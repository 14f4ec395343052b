"""What a match tells: of whom, and nothing of colours that are not there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from degrade.audit.camera_prior import CameraMove, towards_cameras, usual_response
from degrade.audit.closed_loop import NO_GAIN
from degrade.audit.features import measure_features
from pipelines.matching.findings import tell_spectra
from pipelines.matching.match_words import tell_few_colours, tell_moves
from pipelines.shared.job import Job
from tests.degrade.audit.scenes import make_photo

_SOFTER, _SHARPER, _FAR = (
    towards_cameras(np.exp(usual_response() + error)) for error in (-0.3, 0.3, -3.0)
)


def _told(*moves: tuple[str, CameraMove]) -> list[str]:
    job = Job("match", "photo")
    tell_moves(job, moves)
    assert [fact.values["camera"] for fact in job.facts] == [name or None for name, _ in moves]
    return [fact.words for fact in job.facts]


def test_moves_are_told_of_whom_and_why_there_is_none() -> None:
    (words,) = _told(("", _SOFTER))
    assert words.startswith("kernels are softer") and "of the way to usual ones" in words
    one, far, others = _told(("Maker One", _SHARPER), ("Maker Two", _FAR), ("", _SOFTER))
    assert one.startswith("Maker One: kernels are sharper") and "too soft ones would cost" in one
    assert far.startswith("Maker Two: kernels are softer") and "too far for scenes" in far
    assert others.startswith("other photos: kernels are softer")


@pytest.mark.parametrize("coloured", [0, 9, 10])
def test_too_few_colours_are_told_and_have_no_spectrum(coloured: int) -> None:
    photo = make_photo("in colours")
    lr = measure_features(photo)
    grey = measure_features(photo[..., :1].repeat(3, axis=2))
    photos = [lr] * coloured + [grey] * (12 - coloured)
    job = Job("match", "photo")
    tell_few_colours(job, photos, [lr] * 12)
    assert bool(job.facts) == (coloured < 10)
    for fact in job.facts:
        assert fact.values == {"photos": coloured, "lr": 12, "both": coloured}
        assert f"of 12 matched photos {coloured} show colours, and LR of 12" in fact.words
    job = Job("match", "photo")
    tell_spectra(job, {"photos": photos, "LR": [replace(lr, colour_spectrum=NO_GAIN + 5)]})
    assert [fact.values["of"] for fact in job.facts] == ["grey", "colours"][: 1 + bool(coloured)]
