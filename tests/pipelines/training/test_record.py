from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from degrade.errors import ChangedConfigError, CorruptDataError, DegradeError
from esrgan.training.checkpoints import write_checkpoint
from esrgan.training.presets import PRESETS
from pipelines.training.file_names import RUN_FILE
from pipelines.training.plan import Stage
from pipelines.training.record import check_record, has_begun, record_of_stage

STAGE = Stage("tiny", PRESETS["tiny"].config)


def record(stage: Stage = STAGE, *, samples: str = "0123456789") -> dict[str, object]:
    return record_of_stage(stage, seed=0, samples=samples, hashes={"init": None})


def test_a_record_can_be_replaced_until_there_is_a_checkpoint(tmp_path: Path) -> None:
    check_record(tmp_path, {"stages": ["rrdb-psnr", "realsr"]})
    check_record(tmp_path, record())
    (tmp_path / RUN_FILE).write_text("{")
    with pytest.raises(DegradeError, match=r"training\.json is there and .* changed since"):
        check_record(tmp_path, record())
    (tmp_path / RUN_FILE).unlink()
    check_record(tmp_path, record())
    assert not has_begun(tmp_path)
    write_checkpoint(tmp_path, 1, {})
    assert has_begun(tmp_path)
    check_record(tmp_path, record(Stage("tiny", replace(STAGE.config, steps=5))))
    with pytest.raises(ChangedConfigError, match=r"`batch_size`: 8 -> 7"):
        check_record(tmp_path, record(Stage("tiny", replace(STAGE.config, batch_size=7))))


def test_a_checkpoint_of_a_stage_counts(tmp_path: Path) -> None:
    check_record(tmp_path, {"stages": ["rrdb-psnr", "realsr"]})
    (tmp_path / "1-rrdb-psnr").mkdir()
    write_checkpoint(tmp_path / "1-rrdb-psnr", 1, {})
    check_record(tmp_path, {"stages": ["rrdb-psnr", "realsr"]})
    with pytest.raises(ChangedConfigError, match=r"\(`stages`: rrdb-psnr, realsr -> tiny\)"):
        check_record(tmp_path, record())


def test_hashes_are_named_in_words(tmp_path: Path) -> None:
    check_record(tmp_path, record())
    write_checkpoint(tmp_path, 1, {})
    with pytest.raises(ChangedConfigError, match=r"content of the pairs.*: 01234567 -> abcdefgh"):
        check_record(tmp_path, record(samples="abcdefghijkl"))


@pytest.mark.parametrize("content", [None, b"", b"[]", b"3", b"\xff", b'{"stages": 3}'])
def test_a_damaged_record_is_named(tmp_path: Path, content: bytes | None) -> None:
    write_checkpoint(tmp_path, 1, {})
    if content is not None:
        (tmp_path / RUN_FILE).write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"training\.json is damaged or missing"):
        check_record(tmp_path, record())
