from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.degradation import DegradationPlan, Pair
from degrade.degradation.steps import Blur, Residual, Rounding
from degrade.disk.structs import read_struct
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.pairs.pair_records import FileRecord, PairRecord, PairsDigest, ShardSpec, pair_crc32

SPEC = ShardSpec(index=0, format="hdf5", scale=2, hr_size=None, config_hash="c")

keys = st.text("abcXYZ019_-", min_size=1, max_size=250)
whole_numbers = st.integers(0, 2**40)


@st.composite
def records(draw: st.DrawFn, scale: int = 2) -> PairRecord:
    key, height, width = draw(keys), draw(st.integers(1, 9999)), draw(st.integers(1, 9999))
    noise = st.builds(Residual, st.text(min_size=1), whole_numbers, whole_numbers)
    further = draw(st.lists(noise | st.just(Rounding()), max_size=3))
    plan = DegradationPlan(
        key=key,
        source_sha256=draw(st.text(min_size=1)),
        clean_up=draw(st.integers(1, 2)),
        hr_box=draw(st.tuples(*[whole_numbers] * 4)),
        scale=scale,
        steps=(Blur(draw(st.text(min_size=1))), *further),
    )
    return PairRecord(
        key=key,
        row=draw(st.integers(0, 10**6)),
        plan=plan,
        hr_shape=(scale * height, scale * width, 3),
        lr_shape=(height, width, 3),
        crc32=draw(st.integers(0, 2**32 - 1)),
    )


@given(records())
def test_pair_record_survives_json(record: PairRecord) -> None:
    again = PairRecord.from_json(json.loads(json.dumps(record.to_json())), record.row, SPEC)
    assert again == record


@given(records(), st.data())
def test_pair_record_from_json_never_trusts(record: PairRecord, data: st.DataObject) -> None:
    """Whatever stands in a field, the result is a valid record or a CorruptDataError."""
    values = json.loads(json.dumps(record.to_json()))
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=5,
    )
    step = data.draw(st.sampled_from(values["plan"]["steps"]))
    target = data.draw(st.sampled_from([values, values["plan"], step]))
    name = data.draw(st.sampled_from(sorted(target)) | st.text())
    target[name] = data.draw(junk)
    try:
        again = PairRecord.from_json(values, record.row, SPEC)
    except CorruptDataError:
        return
    assert PairRecord.from_json(json.loads(json.dumps(again.to_json())), again.row, SPEC) == again


@pytest.mark.parametrize(
    "change",
    [
        {"key": "a.b"},
        {"key": "../a"},
        {"key": ""},
        {"key": "é"},
        {"key": "a" * 251},
        {"key": "other-than-the-plan"},
        {"row": 1},
        {"row": True},
        {"row": -1},
        {"row": 0.0},
        {"hr_shape": [4, 6]},
        {"hr_shape": [4, 6, 1]},
        {"hr_shape": [4, 8, 3]},
        {"hr_shape": "463"},
        {"lr_shape": [2, -3, 3]},
        {"lr_shape": [2, True, 3]},
        {"lr_shape": [2.0, 3, 3]},
        {"crc32": "0"},
        {"crc32": None},
        {"plan": {}},
        {"plan": []},
        {"more": 1},
    ],
)
def test_pair_record_from_json_refuses(change: dict[str, Any], make_pair: Any) -> None:
    pair = make_pair("a", 2, 3, np.random.default_rng(0), scale=2)
    values = json.loads(json.dumps(PairRecord.from_pair(pair, 0, SPEC).to_json()))
    assert PairRecord.from_json(values, 0, SPEC).key == "a"
    with pytest.raises(CorruptDataError):
        PairRecord.from_json(values | change, 0, SPEC)


def test_pair_record_of_an_imported_pair_has_no_plan(make_pair: Any) -> None:
    pair = replace(make_pair("a", 2, 3, np.random.default_rng(0), scale=2), plan=None)
    record = PairRecord.from_pair(pair, 0, SPEC)
    assert PairRecord.from_json(json.loads(json.dumps(record.to_json())), 0, SPEC) == record


@pytest.mark.parametrize("name", ["key", "row", "plan", "hr_shape", "lr_shape", "crc32"])
def test_pair_record_from_json_needs_every_field(name: str, make_pair: Any) -> None:
    pair = make_pair("a", 2, 3, np.random.default_rng(0), scale=2)
    values = json.loads(json.dumps(PairRecord.from_pair(pair, 0, SPEC).to_json()))
    del values[name]
    with pytest.raises(CorruptDataError, match="missing"):
        PairRecord.from_json(values, 0, SPEC)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"lr_u8": np.zeros((2, 3, 3), np.float32)}, "LR must be .* got .* float32"),
        ({"hr_u8": np.zeros((4, 6), np.uint8)}, "HR must be"),
        ({"hr_u8": np.zeros((4, 6, 4), np.uint8)}, "HR must be"),
        ({"hr_u8": np.zeros((5, 6, 3), np.uint8)}, "is not LR .* × 2"),
        ({"lr_u8": np.zeros((0, 3, 3), np.uint8), "hr_u8": np.zeros((0, 6, 3), np.uint8)}, "not"),
        ({"key": "a.png"}, "a key is"),
        ({"key": "b"}, "its plan is for 'a'"),
    ],
)
def test_pair_record_from_pair_refuses(change: dict[str, Any], text: str, make_pair: Any) -> None:
    pair = make_pair("a", 2, 3, np.random.default_rng(0), scale=2)
    values = {"key": pair.key, "lr_u8": pair.lr_u8, "hr_u8": pair.hr_u8, "plan": pair.plan}
    with pytest.raises(InvalidValueError, match=text):
        PairRecord.from_pair(Pair(**(values | change)), 0, SPEC)


def test_pair_record_must_have_the_size_of_the_shard(make_pair: Any) -> None:
    spec = ShardSpec(index=0, format="hdf5", scale=2, hr_size=8, config_hash="c")
    rng = np.random.default_rng(0)
    assert PairRecord.from_pair(make_pair("a", 4, 4, rng, scale=2), 0, spec).hr_shape == (8, 8, 3)
    with pytest.raises(InvalidValueError, match="have side 8"):
        PairRecord.from_pair(make_pair("a", 4, 5, rng, scale=2), 0, spec)


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"format": "zarr"},
        {"scale": 1},
        {"hr_size": 7},
        {"hr_size": 0},
        {"config_hash": ""},
    ],
)
def test_shard_spec_refuses(change: dict[str, Any]) -> None:
    values: dict[str, Any] = {
        "index": 0,
        "format": "lmdb",
        "scale": 2,
        "hr_size": 8,
        "config_hash": "c",
    }
    ShardSpec(**values)
    with pytest.raises(InvalidValueError, match=r"got|empty"):
        ShardSpec(**(values | change))


def test_pair_crc32_and_digest_see_every_byte(rng: np.random.Generator) -> None:
    lr, hr = (rng.integers(0, 256, (n, n, 3), dtype=np.uint8) for n in (2, 4))

    def both(lr: Any, hr: Any) -> tuple[int, str]:
        crc32 = pair_crc32(lr, hr)
        digest = PairsDigest()
        digest.update(PairRecord("a", 0, None, hr.shape, lr.shape, crc32))
        return crc32, digest.hexdigest()

    first = both(lr, hr)
    # Views in another memory order hold the same pixels.
    assert both(np.asfortranarray(lr), np.asfortranarray(hr)) == first
    for image in (lr, hr):
        for i in range(image.size):
            image.flat[i] ^= 1
            now = both(lr, hr)
            assert now[0] != first[0]
            assert now[1] != first[1]
            image.flat[i] ^= 1


def test_file_record_refuses_what_is_none() -> None:
    good = {"name": "a", "size": 3, "crc32": 0}
    assert read_struct(good, FileRecord, "it") == FileRecord("a", 3, 0)
    assert FileRecord("a", 3, 0).to_json() == good
    earlier = {"name": "a", "size": 3, "sha256": "f" * 64}
    assert read_struct(earlier, FileRecord, "it") == FileRecord("a", 3, sha256="f" * 64)
    assert FileRecord("a", 3, sha256="f" * 64).to_json() == earlier
    wrong = [good | change for change in ({"size": "3"}, {"size": -1}, {"more": 0}, earlier)]
    for bad in ([], {}, {"name": "a", "size": 3}, *wrong):
        with pytest.raises(CorruptDataError):
            read_struct(bad, FileRecord, "it")
