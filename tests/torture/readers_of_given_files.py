"""Readers of what people give one another: fingerprints, recipes, studies and their votes."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from degrade.degradation import (
    RECIPES,
    DegradationConfig,
    PoolIndex,
    make_pair,
    plan_degradation,
    prepare_hr,
)
from degrade.degradation.recipe_files import find_recipe, recipe_from_toml, recipe_to_toml
from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise
from degrade.places.checked_json import naming_file
from degrade.pool import DegradationPool, Findings
from degrade.pool.findings import FoundObject
from degrade.pool.fingerprint_making import make_fingerprint
from degrade.rng import rng_for
from degrade.studies import Votes, encode_definition, find_in_votes, read_definition
from tests.degrade.pool.parts import make_kernel, make_photo
from tests.degrade.studies.studying import define, simulate
from tests.making import PoolInHand, make_scene
from tests.torture.damage import ODD_VALUES, damage_bytes, damage_json, one_of, sealed_json
from tests.torture.readers import Reader, require

Made = tuple[Sequence[bytes], Callable[[bytes], None]]


def _fingerprint(folder: Path) -> Made:
    pool = DegradationPool.create(folder / "pool")
    known = {"expected_kpsnr": 45.0, "confidence": 0.7}
    kernel = FoundObject(make_kernel(), "spectral", known)
    sharpened = {"sharpened": True, "amount": 0.5, "radius": 1.0}
    parts: list[tuple[str, dict[str, Any], tuple[FoundObject, ...]]] = [
        ("kernel", {"expected_kpsnr": 45.0}, (kernel,)),
        ("camera", {"make": "A", "model": "1"}, ()),
        ("sharpening", sharpened, ()),
    ]
    found = [Findings(kind=k, settings={}, values=v, objects=o) for k, v, o in parts]
    pool.add_findings(make_photo(), found)
    path = folder / "camera.json"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        opened = DegradationPool.open(path)
        for record in opened.kernels:
            weights = opened.read_kernel(record.id).weights
            require(bool(np.isfinite(weights).all()), "a kernel that is not finite")
            require(abs(float(weights.sum()) - 1) < 1e-3, "a kernel of another sum")

    return [make_fingerprint(pool, names=True)], read


def _recipes(folder: Path) -> Made:
    path = folder / "mine.toml"
    hr_u8 = quantise(make_scene("fuzz", 48, 64))

    def read(data: bytes) -> None:
        path.write_bytes(data)
        recipe = find_recipe(str(path))
        require(recipe_from_toml(recipe_to_toml(recipe)) == recipe, "it is not read back")
        require(all(map(str.isprintable, recipe.lines())), "words that no terminal shows")
        config = DegradationConfig(scale=4, recipe=recipe)
        for key in ("a", "b"):
            try:
                rng = rng_for(0, key)
                plan = plan_degradation(key, "s", (0, 0, 32, 32), PoolIndex(()), config, rng=rng)
            except InvalidValueError:  # there is no pool to draw from
                return
            pair = make_pair(prepare_hr(hr_u8, [plan], PoolInHand()), plan, PoolInHand())
            require(pair.lr_u8.shape == (8, 8, 3), "LR of another size")

    return [recipe_to_toml(recipe).encode() for recipe in RECIPES.values()], read


def _toml_again(content: bytes, chance: random.Random) -> bytes:
    """Damage a value of a recipe and write it anew."""
    value = damage_json(tomllib.loads(content.decode()), chance)
    try:
        return tomli_w.dumps(value).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError, AttributeError, RecursionError):  # TOML has no such value
        return damage_bytes(content, chance)


def _study(kind: str) -> tuple[Any, bytes]:
    """Return a study and the votes that three raters cast."""
    definition = define(kind, ("mine", "yours"), 3, check_every=2)
    _, votes = simulate(definition, 3, (4.0, 2.0), np.random.default_rng(3))
    by_rater: dict[int, dict[int, Any]] = {}
    for vote in votes:
        by_rater.setdefault(vote.rater, {}).setdefault(vote.number, []).append(vote)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        path = Path(folder) / "votes.db"
        with Votes(path) as kept:
            for rater, trials in by_rater.items():
                plan = [asked[0].trial for asked in trials.values()]
                kept.begin(f"secret {rater}", lambda _number, plan=plan: plan, most=9)
                for number, asked in trials.items():
                    answers = {vote.question: vote.answer for vote in asked}
                    kept.vote(rater, number, answers, key=f"{number}", seconds=2.0)
        return definition, path.read_bytes()


def _votes(kind: str) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        definition, sound = _study(kind)
        path = folder / "votes.db"

        def read(data: bytes) -> None:
            for left in folder.glob("votes.db-*"):  # of the case before, which was killed
                left.unlink()
            path.write_bytes(data)
            with Votes(path) as votes:
                raters, cast = votes.raters_and_votes()
            with naming_file(str(path)):
                found = find_in_votes(definition, raters, cast, draws=5)
            list(map(datetime.fromtimestamp, (vote.at for vote in cast)))
            answers = range(1, 6) if kind == "mos" else range(3)
            require(all(vote.answer in answers for vote in cast), "answers that nobody can give")
            require(found.votes <= len(cast), "more votes than were cast")

        return [sound], read

    return make


ODD_IN_SQL = [
    value
    for value in ODD_VALUES
    if isinstance(value, str | float) or (isinstance(value, int) and abs(value) < 2**63)
]
"""What SQLite takes, its integers have 64 bits; the same in each process, so that a seed brings its
case again."""


def _votes_again(content: bytes, chance: random.Random) -> bytes:
    """Change a value, or take a row away, by SQLite itself."""
    with closing(sqlite3.connect(":memory:")) as file:
        # Of a journal kept in a file beside it (bytes 18 and 19) memory knows nothing.
        file.deserialize(content[:18] + b"\1\1" + content[20:])
        table = chance.choice(("raters", "trials", "votes", "votes"))
        columns = [row[1] for row in file.execute(f"PRAGMA table_info({table})")]
        column = chance.choice(columns)
        where = f"{column} = (SELECT MAX({column}) FROM {table})"
        try:
            if chance.random() < 0.2:
                file.execute(f"DELETE FROM {table} WHERE {where}")
            else:
                value = chance.choice((*ODD_IN_SQL, -7, 99, b"\xff\0"))
                file.execute(f"UPDATE {table} SET {column} = ? WHERE {where}", (value,))
            file.commit()
        except (sqlite3.Error, OverflowError, UnicodeEncodeError):
            file.rollback()
            return damage_bytes(content, chance)
        return file.serialize()


def _definition(folder: Path) -> Made:
    definition, _ = _study("pairs")

    def read(data: bytes) -> None:
        (folder / "study.json").write_bytes(data)
        found = read_definition(folder)
        for image in range(len(found.images)):
            for method in range(len(found.methods)):
                require(len(found.picture(image, method)) == 64, "a picture that is no hash")
        require(found.design.images == len(found.images), "a design of other images")

    return [encode_definition(definition)], read


def _json_again(content: bytes, chance: random.Random) -> bytes:
    return json.dumps(damage_json(json.loads(content), chance)).encode()


def readers() -> Iterator[Reader]:
    """Yield the readers of files that others give."""
    yield Reader("fingerprint", _fingerprint, one_of(damage_bytes, sealed_json, sealed_json))
    yield Reader("recipe .toml", _recipes, one_of(damage_bytes, _toml_again, _toml_again))
    for kind in ("mos", "pairs"):
        yield Reader(f"votes, {kind}", _votes(kind), one_of(damage_bytes, _votes_again))
    yield Reader("study.json", _definition, one_of(damage_bytes, _json_again))
