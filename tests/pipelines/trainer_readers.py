"""Readers written to the published rules of the trainers that an export is for.

Each yields (name, LR, HR), RGB uint8, of every pair in the order in which the trainer has them.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import h5py
import lmdb
import numpy as np

from degrade.arrays import U8Array

Read: TypeAlias = Iterator[tuple[str, U8Array, U8Array]]


def decode(data: bytes) -> U8Array:
    """Decode as all of them do: cv2 gives BGR, which is turned into RGB."""
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    return np.ascontiguousarray(bgr[..., ::-1])


def read_basicsr_lmdb(options: dict[str, Any]) -> Read:
    """BasicSR, Real-ESRGAN and neosr on LMDB: keys from meta_info.txt, the same in both."""
    train = options["datasets"]["train"]
    folders = [train["dataroot_lq"], train["dataroot_gt"]]
    assert all(folder.endswith(".lmdb") for folder in folders)
    keys = []
    for folder in folders:
        lines = Path(folder, "meta_info.txt").read_text(encoding="ascii").splitlines()
        assert all(re.fullmatch(r"[^. ]+\.png \(\d+,\d+,3\) \d", line) for line in lines)
        keys.append({line.split(".")[0]: line for line in lines})
    assert set(keys[0]) == set(keys[1])
    stores = [lmdb.open(folder, readonly=True, lock=False, readahead=False) for folder in folders]
    for key in sorted(keys[0]):
        sides = []
        for store, lines_of in zip(stores, keys, strict=True):
            with store.begin(write=False) as transaction:
                image = decode(transaction.get(key.encode("ascii")))
            height, width, channels = image.shape
            assert lines_of[key].split(" ")[1] == f"({height},{width},{channels})"
            sides.append(image)
        yield key, sides[0], sides[1]
    for store in stores:
        store.close()


def read_paired_folders(options: dict[str, Any]) -> Read:
    """BasicSR, neosr and traiNNer-redux on folders: equal names, as many on both sides."""
    train = options["datasets"]["train"]
    hr, lr = (Path(*np.atleast_1d(train[side])) for side in ("dataroot_gt", "dataroot_lq"))
    names = sorted(path.name for path in hr.iterdir())
    assert names == sorted(path.name for path in lr.iterdir())
    for name in names:
        yield Path(name).stem, decode((lr / name).read_bytes()), decode((hr / name).read_bytes())


def read_realesrgan_list(options: dict[str, Any]) -> Read:
    """Real-ESRGAN's paired data set: a list of 'hr, lr' below two roots."""
    train = options["datasets"]["train"]
    for line in Path(train["meta_info"]).read_text().splitlines():
        hr, lr = line.strip().split(", ")
        yield (
            Path(hr).stem,
            decode(Path(train["dataroot_lq"], lr).read_bytes()),
            decode(Path(train["dataroot_gt"], hr).read_bytes()),
        )


def read_kair(options: dict[str, Any]) -> Read:
    """KAIR: the n-th of one sorted list goes with the n-th of the other."""
    train = options["datasets"]["train"]
    lists = [
        sorted(os.path.join(top, name) for top, _, names in os.walk(train[side]) for name in names)  # noqa: PTH118
        for side in ("dataroot_L", "dataroot_H")
    ]
    for lr, hr in zip(*lists, strict=True):
        yield Path(hr).stem, decode(Path(lr).read_bytes()), decode(Path(hr).read_bytes())


def read_webdataset(folder: Path) -> Read:
    """WebDataset: tars as streams; neighbours with one name up to the first dot are a sample."""
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(fileobj=io.BytesIO(path.read_bytes()), mode="r|") as stream:
            files = (
                (*member.name.split(".", 1), content.read())
                for member in stream
                if (content := stream.extractfile(member)) is not None
            )
            for key, group in itertools.groupby(files, key=lambda file: file[0]):
                sample = {ending: data for _, ending, data in group}
                assert set(sample) == {"hr.png", "lr.png", "json"}
                yield key, decode(sample["lr.png"]), decode(sample["hr.png"])


def read_h5(path: Path) -> Read:
    """The layout that docs/export.md describes."""
    with h5py.File(path, "r") as file:
        assert file.attrs["format"] == b"degrade-export" and file.attrs["version"] == 1
        for number, key in enumerate(file["key"].asstr()[()]):
            place = number if isinstance(file["hr"], h5py.Dataset) else key
            yield key, file["lr"][place][()], file["hr"][place][()]
