from __future__ import annotations

import pytest
import torch

from degrade.errors import DegradeError
from esrgan.out_of_memory import naming_lack_of_memory


def test_lack_of_memory_is_one_line_with_advice() -> None:
    with (
        pytest.raises(DegradeError, match=r"^out of memory: use less$"),
        naming_lack_of_memory("use less"),
    ):
        torch.empty(10**16)
    with pytest.raises(DegradeError, match="use less"), naming_lack_of_memory("use less"):
        raise torch.OutOfMemoryError


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shape"), naming_lack_of_memory("use less"):
        torch.empty(3).view(2)
    with naming_lack_of_memory("use less"):
        pass
