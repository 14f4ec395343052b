from __future__ import annotations

from pipelines.shared.changes import changes_between, describe_changes

THEN = {"b": 1, "a": [1, 2], "same": None, "gone": True}
NOW = {"b": 2, "a": [1, 2, 3], "same": None, "come": "x"}


def test_changes_between_names_what_differs_on_either_side() -> None:
    changes = changes_between(THEN, NOW)
    assert list(changes.items()) == [
        ("`a`", ("[1, 2]", "[1, 2, 3]")),
        ("`b`", ("1", "2")),
        ("`come`", ("None", "x")),
        ("`gone`", ("True", "None")),
    ]
    assert changes_between(THEN, THEN) == {}


def test_changes_between_takes_names_words_and_a_way_to_show() -> None:
    changes = changes_between(
        THEN,
        NOW,
        names=("same", "gone", "b"),
        words={"b": "the b"},
        show=lambda name, value: f"{name}={value}",
    )
    assert list(changes.items()) == [
        ("`gone`", ("gone=True", "gone=None")),
        ("the b", ("b=1", "b=2")),
    ]


def test_describe_changes_leaves_out_values_that_say_nothing() -> None:
    changes = {"`weights`": ("abc", "def"), "`scale`": ("2", "4")}
    assert describe_changes(changes, unshown=("weights",)) == "other `weights`, `scale`: 2 -> 4"
    assert describe_changes({}) == ""
