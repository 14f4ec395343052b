"""Ways to damage a file's content, from single bits to JSON that is sound but for one value."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

Damage = Callable[[bytes, random.Random], bytes]

_EDGES = (0, 1, 2, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63, -1)


def _flip(data: bytearray, chance: random.Random, at: int) -> None:
    data[at] ^= 1 << chance.randrange(8)


def _overwrite(data: bytearray, chance: random.Random, at: int) -> None:
    length = min(chance.choice((1, 2, 4, 8, 64)), len(data) - at)
    data[at : at + length] = chance.randbytes(length)


def _put_number(data: bytearray, chance: random.Random, at: int) -> None:
    size, order = chance.choice((1, 2, 4, 8)), chance.choice("<>")
    value = chance.choice(_EDGES) % 2 ** (8 * size)
    packed = struct.pack(f"{order}{'BHxIxxxQ'[size - 1]}", value)
    data[at : at + size] = packed[: len(data) - at]


def _change_digit(data: bytearray, chance: random.Random, at: int) -> None:
    places = [place for place, byte in enumerate(data[:2000]) if chr(byte).isdigit()]
    if places:
        place = places[at % len(places)]
        data[place : place + 1] = str(chance.choice(_EDGES)).encode()


def _cut(data: bytearray, chance: random.Random, at: int) -> None:
    del data[at:]


def _remove(data: bytearray, chance: random.Random, at: int) -> None:
    del data[at : at + chance.choice((1, 4, 40, 400))]


def _insert(data: bytearray, chance: random.Random, at: int) -> None:
    junk = (chance.randbytes(20), b"9" * 30, b"[" * 3000, b"\n", bytes(9), b"\xff" * 8)
    data[at:at] = chance.choice(junk)


def _repeat(data: bytearray, chance: random.Random, at: int) -> None:
    data[at:at] = data[at : at + chance.choice((1, 16, 300))]


def _clear(data: bytearray, chance: random.Random, at: int) -> None:
    length = min(chance.choice((4, 64, 512)), len(data) - at)
    data[at : at + length] = chance.choice((b"\0", b"\xff")) * length


def _move(data: bytearray, chance: random.Random, at: int) -> None:
    length = chance.choice((4, 16, 256))
    other = chance.randrange(len(data))
    data[at : at + length] = data[other : other + length]


_CHANGES = (
    _flip,
    _flip,
    _overwrite,
    _put_number,
    _put_number,
    _change_digit,
    _cut,
    _remove,
    _insert,
    _repeat,
    _clear,
    _move,
)


def damage_bytes(content: bytes, chance: random.Random) -> bytes:
    """Change a few places, half of them near the beginning, where headers are."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        if data:
            reach = min(len(data), chance.choice((32, 160, 600, len(data), len(data))))
            chance.choice(_CHANGES)(data, chance, chance.randrange(reach))
    return bytes(data)


def damage_in_place(content: bytes, chance: random.Random) -> bytes:
    """Change a few places without moving anything."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4))):
        change = chance.choice((_flip, _overwrite, _put_number, _clear))
        change(data, chance, chance.randrange(len(data)))
    return bytes(data[: len(content)])


ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    -1,
    0,
    1,
    2**31,
    2**63,
    2**200,
    1e308,
    0.5,
    "",
    "x",
    "../../etc/passwd",
    "/dev/zero",
    "a\0b",
    "\ud800",
    "new\nline",
    "9" * 400,
    [],
    {},
    [[]],
    [1, 2, 3],
    {"a": 1},
    float("nan"),
    float("inf"),
    "shard-00000.json",
    [None] * 50,
)


def damage_json(value: Any, chance: random.Random) -> Any:
    """Return a copy of a JSON value in which one or two parts are not what they should be."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2))):
        value = _damage_part(value, chance)
    return value


def _damage_part(value: Any, chance: random.Random) -> Any:
    is_inner = isinstance(value, (dict, list)) and value
    if not is_inner or chance.random() < 0.1:
        if type(value) is int and chance.random() < 0.5:
            return value + chance.choice((-1, 1, 7, 2**16, -(2**20)))
        return chance.choice(ODD_VALUES)
    key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    what = chance.random()
    if what < 0.1:
        del value[key]
    elif what < 0.2 and isinstance(value, dict):
        value[chance.choice(("extra", "", "__class__", *value))] = value[key]
    elif what < 0.2:
        value.insert(key, copy.deepcopy(value[key]))
    else:
        value[key] = _damage_part(value[key], chance)
    return value


def sealed_json(content: bytes, chance: random.Random) -> bytes:
    """Damage a value of a file of ``encode_json`` and make its checksum fit."""
    value = json.loads(content)
    del value["checksum"]
    value = damage_json(value, chance)
    body = json.dumps(value)[1:].encode() + b"\n"
    return b'{"checksum": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body


def damage_lines(content: bytes, chance: random.Random, encode: Callable[[Any], bytes]) -> bytes:
    """Damage one value in a file of JSON lines; ``encode`` writes a line, its checksum too."""
    lines = content.splitlines(keepends=True)
    number = chance.randrange(len(lines))
    lines[number] = encode(damage_json(json.loads(lines[number]), chance))
    return b"".join(lines)


def damage_zip(content: bytes, chance: random.Random) -> bytes:
    """Damage one member of an archive and pack it again, so that every checksum fits."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
        names = old.namelist()
        victim = chance.choice([name for name in names if name.endswith(".pkl")] or names)
        victim = victim if chance.random() < 0.8 else chance.choice(names)
        for name in names:
            data = old.read(name)
            new.writestr(name, damage_bytes(data, chance) if name == victim else data)
    return target.getvalue()


def one_of(*ways: Damage) -> Damage:
    """Return damage in one of several ways."""

    def damage(content: bytes, chance: random.Random) -> bytes:
        return chance.choice(ways)(content, chance)

    return damage


def spliced(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """Return the beginning of one file with the end of another."""
    first, second = chance.choice(seeds), chance.choice(seeds)
    return first[: chance.randrange(len(first) + 1)] + second[chance.randrange(len(second)) :]
