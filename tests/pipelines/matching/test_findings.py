"""What a comparison found, in words."""

from __future__ import annotations

from degrade.audit.comparison import Comparison
from degrade.audit.differences import DIFFERENCES, NamedDifference
from pipelines.matching.findings import tell_comparison
from pipelines.shared.job import Job

_KINDS = {kind.name: kind for kind in DIFFERENCES}


def _found(**sizes: float) -> Comparison:
    """Return a comparison with differences that are sure, and none of the other kinds."""
    found = []
    for name, kind in _KINDS.items():
        size = sizes.get(name, kind.neutral)
        p_value = 0.01 if name in sizes else 1.0
        found.append(NamedDifference(kind, size, (size, size), (1.0, 1.0), p_value, 20))
    return Comparison((20, 20), 20, None, tuple(found))


def _told(found: Comparison) -> dict[str, tuple[str, list[str]]]:
    job = Job("diff", "photo")
    tell_comparison(job, found, subject="B", changes={"sharper": "make it softer"})
    return {
        fact.values["name"]: (fact.words, fact.values["may_be"])
        for fact in job.facts
        if fact.kind == "difference"
    }


def test_what_another_difference_does_alone_is_said_beside() -> None:
    """Steps at blocks have high frequencies: JPEGs were told sharper, and no more."""
    told = _told(_found(softness=-3.0, blocks=20.0))
    words, causes = told["sharper"]
    assert words.endswith("; more JPEG blocks can do this alone; make it softer")
    assert causes == ["more JPEG blocks"]
    assert told["more JPEG blocks"][0].endswith(" (medians 1.00 → 1.00)")
    both = _told(_found(softness=-3.0, blocks=20.0, noise=2.0))
    assert "; more JPEG blocks or more noise can do this alone; " in both["sharper"][0]


def test_of_sets_that_change_places_causes_do_too() -> None:
    """Of the same two sets JPEG explained what it did in one order, and nothing in the other."""
    opposite = {kind.more: kind.less for kind in DIFFERENCES if kind.less}
    opposite |= {less: more for more, less in opposite.items()}
    there = {"softness": -3.0, "noise": 2.0, "grain": -0.2, "colour softness": 4.0, "blocks": 20.0}
    for sign in (1, -1):
        sizes = {n: x**sign if _KINDS[n].is_ratio else x * sign for n, x in there.items()}
        told = {name: causes for name, (_, causes) in _told(_found(**sizes)).items()}
        swapped = {n: 1 / x if _KINDS[n].is_ratio else -x for n, x in sizes.items()}
        for name, (_, causes) in _told(_found(**swapped)).items():
            assert causes == [opposite[cause] for cause in told[opposite[name]]], name


def test_a_difference_that_is_there_alone_is_its_own() -> None:
    words, causes = _told(_found(softness=-3.0))["sharper"]
    assert words.endswith(" (medians 1.00 → 1.00); make it softer") and not causes


def test_a_wide_difference_of_few_photos_is_no_unknown_one() -> None:
    found = NamedDifference(_KINDS["softness"], -6.0, (-7.0, -5.0), (18.0, 12.0), 0.5, 5)
    more = NamedDifference(_KINDS["noise"], 1.2, (0.9, 1.4), (1.0, 1.2), 0.5, 20)
    job = Job("diff", "photo")
    tell_comparison(job, Comparison((5, 5), 5, None, (found, more)), subject="B")
    told = [fact.words for fact in job.facts if fact.kind == "unknown"]
    assert told[0].startswith("too few photos to tell: softness, -6.00 dB [-7.00, -5.00]")
    assert told[1].startswith("not known: noise, ×1.20")
