from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

import degrade
from degrade.disk.structs import Text, Whole, read_struct, refusal
from degrade.errors import CorruptDataError

Word = Annotated[str, msgspec.Meta(max_length=4)]


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    there: int
    kind: Literal["e", "f"] = "e"


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    t: Text = "x"
    n: Whole = 0
    many: tuple[float, ...] = ()
    one: float = 0.0
    rest: dict[str, Any] = {}
    word: Literal["a", "b"] = "a"
    share: Annotated[float, msgspec.Meta(le=1.0)] = 0.0
    pair: tuple[int, int] = (0, 0)
    either: int | tuple[int, ...] = 0
    inner: Inner = Inner(0)
    maybe: Literal["c", "d"] | None = None
    named: Annotated[dict[Word, Inner], msgspec.Meta(min_length=1, max_length=2)] = {}
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] = "0" * 64
    code: Annotated[str, msgspec.Meta(pattern="^.-.$")] = "a-b"
    few: Annotated[tuple[int, ...], msgspec.Meta(min_length=1, max_length=2)] = (1,)


class Numbered(msgspec.Struct, frozen=True):
    names: dict[Annotated[str, msgspec.Meta(pattern="^(0|[1-9][0-9]{0,15})$")], int] = {}


def test_read_struct_returns_what_it_has_checked() -> None:
    given = {"t": "\udcff", "n": 2**53, "one": 1, "many": [0.5], "rest": {"\ud800": [None]}}
    found = read_struct(given, Known, "it")
    assert found == Known("\udcff", 2**53, (0.5,), 1.0, {"\ud800": [None]})


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"t": ""}, "t must be"),
        ({"t": 3}, "t must be"),
        ({"t": None}, "t must be"),
        ({"n": -1}, "n must be"),
        ({"n": True}, "n must be"),
        ({"n": 1.0}, "n must be"),
        ({"n": "1"}, "n must be"),
        ({"n": 2**53 + 1}, "n must be"),
        ({"n": 10**4000}, "n must be"),
        ({"n": -1}, r"n must be a whole number of at least 0$"),
        ({"n": 1.5}, r"n must be a whole number, got a number$"),
        ({"share": 1.5}, r"share must be a number of at most 1$"),
        ({"pair": [1]}, r"pair must be a list of 2, got 1$"),
        ({"either": "x"}, r"either must be a whole number or a list, got a text$"),
        ({"inner": {"there": 1, "colour": 1}}, r"unknown key 'colour', in inner$"),
        ({"inner": {}}, r"the key 'there' is missing, in inner$"),
        ({"named": {}}, "named must be a table of at least 1 key$"),
        ({"named": dict.fromkeys("abc", 1)}, "named must be a table of at most 2 keys$"),
        ({"named": {"longer": {"there": 1}}}, "a key of named must be a text of at most 4$"),
        (
            {"named": {"a": {"there": "x"}}},
            r"named\[...\].there must be a whole number, got a text$",
        ),
        ({"inner": {"there": 1, "kind": "int"}}, "inner.kind must not be 'int'$"),
        ({"hash": "1.0"}, "hash must be a text of 64 digits from 0-9 and a-f$"),
        ({"code": "x"}, r"code must be a text of the form '\^\.-\.\$'$"),
        ({"few": []}, "few must be a list of at least 1$"),
        ({"few": [1, 2, 3]}, "few must be a list of at most 2$"),
        ({3: 1}, "a key must be a text"),
        ({"many": "0.5"}, "many must be"),
        ({"many": [0.5, "x"]}, r"many\[1\] must be"),
        ({"word": "c"}, "word must be a or b, got 'c'"),
        ({"word": ["a"]}, "word must be a text, got a list"),
        ({"word": "\\ud800"}, "ud800"),
        ({"maybe": "x\\n"}, "maybe must be c or d, got 'x"),
        ({"rest": []}, "rest must be"),
        ({"more": 1}, "unknown key 'more'"),
        ({"more\n": 1}, "unknown key"),
        ({"\ud800": 1}, "ud800"),
        ({"one": float("nan")}, "'one' must be finite"),
        ({"one": -float("inf")}, "'one' must be finite"),
        ({"many": [0.0, float("inf")]}, "'many' must be finite"),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_read_struct_names_the_field(change: dict[str, Any], named: str) -> None:
    with pytest.raises(CorruptDataError, match=f"^it: .*{named}") as caught:
        read_struct(change, Known, "it")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "int",
        "float | null",
        "v1.0",
        "Expected ",
        "a text of length <= 3",
        "2.0 > 1.0",
        " - at '$.x'",
    ],
)
def test_what_people_wrote_is_repeated_as_it_is(name: str) -> None:
    """A key or a word may be called like a type, or end like a number."""
    for change, said in (
        ({name: 1}, f"it: unknown key '{name}'"),
        ({"inner": {"there": 1, name: 1}}, f"it: unknown key '{name}', in inner"),
        ({"word": name}, f"it: word must be a or b, got {name!r}"),
    ):
        with pytest.raises(CorruptDataError) as caught:
            read_struct(change, Known, "it")
        assert str(caught.value) == said
    assert refusal(ValueError(f"format 1.0.5 '{name}'")) == f"format 1.0.5 '{name}'"


def test_numbers_as_keys_are_asked_for_in_words() -> None:
    with pytest.raises(CorruptDataError, match="it: a key of names must be a text that is a whole"):
        read_struct({"names": {"01": 1}}, Numbered, "it")


@pytest.mark.parametrize("data", [None, [], "x", 3, [{}]])
def test_read_struct_needs_an_object(data: object) -> None:
    with pytest.raises(CorruptDataError, match="it: must be a table of keys, got"):
        read_struct(data, Known, "it")


def test_read_struct_survives_deep_nesting() -> None:
    deep: Any = 0
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CorruptDataError, match="it: "):
        read_struct({"many": deep}, Known, "it")
    while deep:  # a list this deep cannot be given back in one go by every Python
        deep = deep[0]


def test_refusal_is_one_line_of_no_great_length() -> None:
    said = refusal(ValueError("a\nb" + "c" * 1000))
    assert said.startswith("a\\nb")
    assert said.isprintable()
    assert len(said) <= 201


_FIRST_READ = """
from __future__ import annotations
import os, sys, threading, time
import msgspec
from degrade.disk.structs import read_struct

def slowly():
    time.sleep(0.2)
    return int

class Inner(msgspec.Struct):
    there: slowly()

class Outer(msgspec.Struct):
    inner: Inner
    also: str = ""

def read():
    found.append(read_struct({"inner": {"there": 1}, "also": "x"}, Outer, "a file").inner.there)

found = []
threads = [threading.Thread(target=read) for _ in range(4)]
for thread in threads:
    thread.start()
time.sleep(0.1)
forked = os.fork()
read()
if not forked:
    os._exit(0)
for thread in threads:
    thread.join()
sys.exit(os.waitpid(forked, 0)[1] or found != [1] * 5)
"""


def test_threads_and_forks_may_read_a_struct_for_the_first_time_at_once() -> None:
    """In a process of its own: without care it dies of SIGSEGV."""
    words = [sys.executable, "-W", "ignore", "-c", _FIRST_READ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr


def test_whatever_msgspec_reads_was_made_ready() -> None:
    root = Path(degrade.__file__).parents[1]
    read = re.compile(r"msgspec\.(?:convert|\w+\.decode|\w+\.Decoder)\((?!.*\bready\()")
    packages = ("degrade", "esrgan", "kernelgan", "pipelines", "report", "spectral_training")
    found = [
        f"{path.name}: {line.strip()}"
        for package in packages
        for path in (root / package).rglob("*.py")
        for line in path.read_text().splitlines()
        if read.search(line)
    ]
    assert found == ["structs.py: msgspec.json.Decoder(kind)"]
