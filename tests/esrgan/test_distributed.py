"""Two real processes over gloo give what one gives with the joined batch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.distributed import ALONE, join_world
from tests.esrgan.two_processes import (
    CASES,
    first_steps,
    gradient_through_norm,
    take_first_steps,
)
from tests.fork_server import start_process
from tests.ports import kept_port
from tests.rounding import assert_same_formula, gamma


def joined_environment(rank: int, port: int) -> dict[str, str]:
    """Return what torchrun sets."""
    return {
        "RANK": str(rank),
        "WORLD_SIZE": "2",
        "LOCAL_RANK": str(rank),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }


def joined(tensors: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([torch.empty(0).double(), *(tensor.flatten() for tensor in tensors)])


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("two")
    with kept_port() as port:
        processes = [
            start_process(take_first_steps, folder, environment=joined_environment(rank, port))
            for rank in range(2)
        ]
        for process in processes:
            process.join(240)
            assert process.exitcode == 0
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_processes_take_the_step_of_one(case: str, of_two: list[dict[str, Any]]) -> None:
    alone: dict[str, Any] = first_steps(case, ALONE)
    for both in of_two:
        result = both[case]
        for mine, theirs in zip(alone["losses"], result["losses"], strict=True):
            # Reported in float32: rounded, and averaged over two processes.
            assert theirs == pytest.approx(mine, rel=gamma(4))
        for name in ("gradients", "buffers"):
            assert_same_formula(joined(result[name]), joined(alone[name]))
    # Bit by bit, or the networks would drift apart.
    for first, second in zip(
        of_two[0][case]["gradients"], of_two[1][case]["gradients"], strict=True
    ):
        assert torch.equal(first, second)
    assert of_two[0][case]["losses"] == of_two[1][case]["losses"]


@pytest.mark.slow
def test_a_shared_batch_norm_passes_gradients_on_between_processes(
    of_two: list[dict[str, Any]],
) -> None:
    whole = gradient_through_norm(ALONE)
    for rank, both in enumerate(of_two):
        assert_same_formula(both["norm"], whole[rank::2])


@pytest.mark.slow
def test_a_flag_of_one_process_is_seen_by_all(of_two: list[dict[str, Any]]) -> None:
    assert [both["any"] for both in of_two] == [[True, False], [True, False]]


def test_join_world_alone_without_torchrun() -> None:
    with join_world("cpu") as (world, device):
        assert (world, device) == (ALONE, "cpu")


def test_processes_that_cannot_be_joined_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in joined_environment(0, 1).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "no port")
    with pytest.raises(InvalidValueError, match="cannot be joined"), join_world("cpu"):
        pass
