from __future__ import annotations

import os
import pickle
import signal
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError
from esrgan.networks import RRDBNet
from esrgan.training.checkpoints import (
    CheckpointWarning,
    best_score,
    newest_step,
    read_newest_checkpoint,
    read_planned_checkpoint,
    write_checkpoint,
    write_generator,
)
from esrgan.weights.files import parse_weights, read_network
from esrgan.weights.naming import to_naming
from tests.esrgan.plain_model import PlainRRDBNet
from tests.torture.children import in_child
from tests.torture.kills import count_steps


def write(folder: Path, *steps: int, keep: int = 3) -> list[Path]:
    return [
        write_checkpoint(folder, step, {"step": step, "w": torch.full((50,), step)}, keep=keep)
        for step in steps
    ]


def read_step(folder: Path) -> int:
    state = read_newest_checkpoint(folder)
    assert state is not None
    return int(state["step"])


def test_checkpoints_round_trip_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    assert read_newest_checkpoint(tmp_path) is None and newest_step(tmp_path) is None
    write(tmp_path, 1, 2, 30, 4000)
    assert newest_step(tmp_path) == 4000
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"checkpoint-{step:08d}.{suffix}" for step in (2, 30, 4000) for suffix in ("json", "pt")
    ]
    state = read_newest_checkpoint(tmp_path)
    assert state is not None and (state["w"] == 4000).all()


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_checkpoint_is_passed_over_with_a_warning(tmp_path: Path, cut: int) -> None:
    last = write(tmp_path, 1, 2)[-1]
    last.write_bytes(last.read_bytes()[:cut])
    with pytest.warns(CheckpointWarning, match=r"checkpoint-00000002\.pt"):
        assert read_step(tmp_path) == 1


def test_every_flipped_byte_of_a_checkpoint_is_noticed(tmp_path: Path) -> None:
    last = write(tmp_path, 1, 2)[-1]
    sound = last.read_bytes()
    for position in range(0, len(sound), 97):
        damaged = bytearray(sound)
        damaged[position] ^= 4
        last.write_bytes(damaged)
        with pytest.warns(CheckpointWarning):
            assert read_step(tmp_path) == 1


def test_a_checkpoint_without_its_stamp_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)[-1].with_suffix(".json").unlink()
    with pytest.warns(CheckpointWarning, match="not written to its end"):
        assert read_step(tmp_path) == 1


@pytest.mark.parametrize(
    "stamp", [b"", b"{", b"[]", b"\xff", b'{"sha256": 3}', b"[" * 100_000, b'{"a":' * 100_000]
)
def test_a_checkpoint_with_a_damaged_stamp_is_passed_over(tmp_path: Path, stamp: bytes) -> None:
    write(tmp_path, 1, 2)[-1].with_suffix(".json").write_bytes(stamp)
    with pytest.warns(CheckpointWarning, match=r"its \.json is missing or damaged"):
        assert read_step(tmp_path) == 1
    assert best_score(tmp_path) is None
    write(tmp_path, 3)


def test_a_score_without_a_value_leaves_its_checkpoint_sound(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, {"step": 1}, score=float("inf"))
    assert read_step(tmp_path) == 1 and best_score(tmp_path) is None


def test_damaged_checkpoints_alone_end_the_run(tmp_path: Path) -> None:
    for path in write(tmp_path, 1, 2):
        path.write_bytes(b"")
    with (
        pytest.warns(CheckpointWarning),
        pytest.raises(DegradeError, match="every checkpoint is damaged"),
    ):
        read_newest_checkpoint(tmp_path)


def test_a_damaged_later_checkpoint_does_not_push_out_sound_ones(tmp_path: Path) -> None:
    later = write(tmp_path, 10, 20)[-1]
    later.write_bytes(b"damaged")
    write(tmp_path, 15, keep=1)
    assert read_step(tmp_path) == 15
    assert not later.exists()


class Malice:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def test_a_kill_at_any_step_of_the_first_checkpoint_leaves_a_whole_one_or_none(
    tmp_path: Path,
) -> None:
    def write_until(last: int, folder: Path) -> None:
        def die(step: int) -> None:
            if step == last:
                os.kill(os.getpid(), signal.SIGKILL)

        count_steps(die)
        write_checkpoint(folder, 2, {"step": 2}, results=Results(folder, "train"))

    for last in range(100):
        folder = tmp_path / str(last)
        folder.mkdir()
        killed = in_child(partial(write_until, last, folder)).killed_by == signal.SIGKILL
        assert newest_step(folder) is None or read_step(folder) == 2
        if not killed:
            break
    assert last > 4 and read_step(folder) == 2


def test_code_in_a_weights_file_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "owned"
    zipped, bare, inside = (tmp_path / f"{n}.pth" for n in ("zipped", "bare", "inside"))
    torch.save({"params": Malice(marker)}, zipped)
    bare.write_bytes(pickle.dumps(Malice(marker)))
    # A valid archive whose pickle was exchanged.
    write_generator(inside, RRDBNet(features=4, blocks=1, growth=2))
    with zipfile.ZipFile(inside) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(inside, "w") as archive:
        for name, data in content.items():
            malicious = pickle.dumps(Malice(marker), protocol=2)
            archive.writestr(name, malicious if name.endswith("data.pkl") else data)
    for path in (zipped, bare, inside):
        with pytest.raises(InputError, match="could run code"):
            read_network(path)
    assert not marker.exists()


def test_only_plain_values_are_written(tmp_path: Path) -> None:
    for value in (Path("x"), torch.float32, {1, 2}, [object()]):
        with pytest.raises(InvalidValueError, match=r"state\['a'\]"):
            write_checkpoint(tmp_path, 1, {"a": value})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scale", [2, 4])
def test_generator_file_loads_strictly_into_a_network_of_basicsr_names(
    tmp_path: Path, scale: int
) -> None:
    torch.manual_seed(0)
    generator = RRDBNet(scale=scale, features=8, blocks=2, growth=4)
    generator.to(memory_format=torch.channels_last)
    write_generator(tmp_path / "generator.pth", generator)
    content = torch.load(tmp_path / "generator.pth", weights_only=True)
    assert list(content) == ["params"]
    assert all(tensor.is_contiguous() for tensor in content["params"].values())
    plain = PlainRRDBNet(scale=scale, features=8, blocks=2, growth=4)
    plain.load_state_dict(content["params"], strict=True)
    lr_BCHW = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(plain(lr_BCHW), generator(lr_BCHW))
    torch.testing.assert_close(read_network(tmp_path / "generator.pth")(lr_BCHW), plain(lr_BCHW))


def test_read_network_reads_the_older_namings(tmp_path: Path) -> None:
    state = RRDBNet(features=4, blocks=2, growth=2).state_dict()
    torch.save(to_naming(state, "model"), tmp_path / "old.pth")
    torch.save({"params_ema": to_naming(state, "trunk")}, tmp_path / "older.pth")
    for name in ("old.pth", "older.pth"):
        assert len(read_network(tmp_path / name).body) == 2


def test_read_network_names_the_file_and_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pth.*cannot be read"):
        read_network(tmp_path / "none.pth")
    torch.save({"params": {"layer.weight": torch.ones(2)}}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"other\.pth.*not the weights of a generator"):
        read_network(tmp_path / "other.pth")


def test_parse_weights_survives_any_cut_of_a_file(tmp_path: Path) -> None:
    write_generator(tmp_path / "g.pth", RRDBNet(features=4, blocks=1, growth=2))
    data = (tmp_path / "g.pth").read_bytes()
    for end in range(0, len(data) - 1, len(data) // 40):
        with pytest.raises(InputError):
            parse_weights(data[:end], tmp_path / "g.pth")


def test_read_network_refuses_a_flipped_weight(tmp_path: Path) -> None:
    path = tmp_path / "generator.pth"
    write_generator(path, RRDBNet(features=8, blocks=1, growth=4, scale=2))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        read_network(path)


def test_read_network_refuses_sparse_weights(tmp_path: Path) -> None:
    path = tmp_path / "sparse.pth"
    torch.save({"params": {"conv_first.weight": torch.eye(3).to_sparse()}}, path)
    with pytest.raises(InputError):
        read_network(path)


def test_write_checkpoint_keeps_the_newest_and_the_best(tmp_path: Path) -> None:
    scores = {1: 20.0, 2: 30.0, 3: None, 4: 25.0, 5: 10.0, 6: 11.0}
    for step, score in scores.items():
        write_checkpoint(tmp_path, step, {"step": step}, keep=2, score=score, keep_best=2)
    steps = sorted(int(path.stem[-8:]) for path in tmp_path.glob("checkpoint-*.pt"))
    assert steps == [2, 4, 5, 6]
    assert best_score(tmp_path) == 30
    newest = read_newest_checkpoint(tmp_path)
    assert newest is not None and newest["step"] == 6


def test_the_newest_planned_checkpoint_stays_and_is_what_a_run_goes_back_to(tmp_path: Path) -> None:
    assert read_planned_checkpoint(tmp_path) is None
    write_checkpoint(tmp_path, 2, {"step": 2}, planned=False, keep=1)
    assert read_planned_checkpoint(tmp_path) is None
    for step, planned in ((10, True), (20, True), (25, False), (27, False)):
        write_checkpoint(tmp_path, step, {"step": step}, planned=planned, keep=1)
    steps = sorted(int(path.stem[-8:]) for path in tmp_path.glob("checkpoint-*.pt"))
    assert steps == [20, 27]
    assert read_step(tmp_path) == 27
    assert read_planned_checkpoint(tmp_path) == {"step": 20}
    (tmp_path / "checkpoint-00000020.pt").write_bytes(b"damaged")
    with pytest.warns(CheckpointWarning, match="00000020"):
        assert read_planned_checkpoint(tmp_path) is None


def test_equal_scores_keep_the_newer(tmp_path: Path) -> None:
    for step in range(1, 5):
        write_checkpoint(tmp_path, step, {}, keep=1, score=30.0, keep_best=2)
    steps = sorted(int(path.stem[-8:]) for path in tmp_path.glob("checkpoint-*.pt"))
    assert steps == [3, 4]


@pytest.mark.parametrize(
    "stamp", [b"", b"{}", b"[]", b'{"score": "1"}', b'{"score": NaN}', b"\xff"]
)
def test_a_damaged_stamp_is_no_score(tmp_path: Path, stamp: bytes) -> None:
    path = write_checkpoint(tmp_path, 1, {}, score=30.0)
    path.with_suffix(".json").write_bytes(stamp)
    assert best_score(tmp_path) is None
    write_checkpoint(tmp_path, 2, {}, keep=1, keep_best=1, score=5.0)
    assert not path.exists()


def test_write_checkpoint_neither_replaces_nor_removes_what_is_not_the_runs(tmp_path: Path) -> None:
    foreign = tmp_path / "checkpoint-00000002.pt"
    foreign.write_bytes(b"mine")
    results = Results(tmp_path, "train")
    with pytest.raises(DegradeError, match="is there and was not made by this command"):
        write_checkpoint(tmp_path, 2, {}, results=results)
    for step in (1, 3, 4):
        write_checkpoint(tmp_path, step, {"step": step}, keep=1, results=results)
    assert foreign.read_bytes() == b"mine"
    assert not (tmp_path / "checkpoint-00000003.pt").exists()
    # One of its own that is damaged is made again.
    (tmp_path / "checkpoint-00000004.pt").write_bytes(b"damaged")
    write_checkpoint(tmp_path, 4, {"step": 4}, keep=1, results=Results(tmp_path, "train"))
    assert read_newest_checkpoint(tmp_path) == {"step": 4}
