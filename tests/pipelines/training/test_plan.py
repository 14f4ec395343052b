from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import InputError, InvalidValueError
from esrgan.training.config import TrainingConfig
from esrgan.training.presets import PRESETS
from pipelines.training.plan import plan_stages, stages_to_toml


def test_a_preset_brings_the_one_that_it_goes_on_from() -> None:
    assert [stage.name for stage in plan_stages(preset="realsr")] == ["rrdb-psnr", "realsr"]
    assert [stage.name for stage in plan_stages(preset="realsr", has_init=True)] == ["realsr"]
    assert [stage.name for stage in plan_stages(stages=["realsr"])] == ["realsr"]
    assert [stage.name for stage in plan_stages()] == ["tiny"]
    for name in PRESETS:
        assert plan_stages(preset=name)[-1].config == PRESETS[name].config


def test_settings_replace_each_other_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text(
        "steps = 1\nbatch_size = 2\npixel_steps = 3\n[realsr]\npixel_steps = 4\nhr_patch = 32\n"
    )
    psnr, gan = plan_stages(
        preset="realsr",
        file=file,
        assignments=["steps=6", "realsr.batch_size=7", "hr_patch=64"],
        explicit={"steps": 9},
    )
    got = [
        (s.config.steps, s.config.batch_size, s.config.pixel_steps, s.config.hr_patch)
        for s in (psnr, gan)
    ]
    assert got == [(9, 2, 3, 64), (9, 7, 4, 64)]
    assert gan.config.growth == PRESETS["realsr"].config.growth


def test_the_setting_of_one_stage_goes_before_that_of_all() -> None:
    psnr, gan = plan_stages(preset="esrgan", assignments=["rrdb-psnr.steps=5", "steps=7"])
    assert (psnr.config.steps, gan.config.steps) == (5, 7)


def test_settings_that_fit_only_together_are_checked_together(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text("accumulation = 3\n")
    (stage,) = plan_stages(file=file, explicit={"batch_size": 6})
    assert stage.config.accumulation == 3
    with pytest.raises(InvalidValueError, match="accumulation 3, got 8"):
        plan_stages(file=file)


@pytest.mark.parametrize(
    "given",
    [
        {"preset": "srgan-vgg22"},
        {"stages": ["tiny"]},
        {
            "preset": "tiny",
            "assignments": [
                "content_weight=1",
                "content_layers={relu3_3 = 0.5}",
                "milestones=[3, 4]",
            ],
        },
    ],
)
def test_what_is_shown_can_be_read_back(tmp_path: Path, given: dict[str, Any]) -> None:
    stages = plan_stages(**given)
    (tmp_path / "c.toml").write_text(stages_to_toml(stages))
    assert plan_stages(file=tmp_path / "c.toml") == stages


def test_stages_to_toml_shows_every_setting_and_the_source() -> None:
    text = stages_to_toml(plan_stages(preset="tiny"))
    assert text.startswith('stages = [\n    "tiny",\n]\n\n# a small RRDBNet')
    assert "\n[tiny]\n" in text
    shown = tomllib.loads(text)["tiny"]
    assert shown.keys() == TrainingConfig().settings().keys()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"preset": "big"}, "preset must be one of tiny"),
        ({"preset": "tiny", "stages": ["tiny"]}, "give one"),
        ({"stages": ["tiny", "tiny"]}, "twice"),
        ({"assignments": ["stepz=3"]}, "^`settings`: .*did you mean 'steps'"),
        ({"assignments": ["realsr.steps=3"]}, "^`settings`: there is no stage 'realsr'"),
        ({"assignments": ["steps"]}, "key=value"),
        (
            {"stages": ["srresnet", "tiny"]},
            "stage tiny .* generator rrdbnet where that .* srresnet",
        ),
        ({"preset": "realsr", "assignments": ["realsr.blocks=2"]}, "blocks 2 where that has 23"),
        ({"explicit": {"steps": -1}}, "steps must be at least 0"),
    ],
)
def test_mistakes_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        plan_stages(**given)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("step = 1", r"c\.toml: there is no setting 'step'; did you mean 'steps'"),
        ("[realesr]\nsteps = 1", r"c\.toml: there is no stage 'realesr'; did you mean 'realsr'"),
        ("stages = 'tiny'", "a list of presets"),
        ("stages = ['huge']", "preset must be one of"),
        ("steps = 'x'", r"c\.toml: steps must be a whole number"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InvalidValueError, match=message):
        plan_stages(file=tmp_path / "c.toml")


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    for content in (b"steps = ", b"a = " + b"[" * 5000):
        (tmp_path / "c.toml").write_bytes(content)
        with pytest.raises(InputError, match=r"c\.toml: is no TOML"):
            plan_stages(file=tmp_path / "c.toml")
    (tmp_path / "c.toml").write_bytes(b"steps = 3\nout = '\xe9'\n")
    with pytest.raises(InputError, match=r"c\.toml: line 2: not utf-8 text"):
        plan_stages(file=tmp_path / "c.toml")
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        plan_stages(file=tmp_path / "none.toml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_file_of_any_editor_is_read(tmp_path: Path, encoding: str, end: str) -> None:
    text = f"# \u00e9{end}steps = 7{end}{end}[tiny]{end}batch_size = 3{end}"
    (tmp_path / "c.toml").write_bytes(text.encode(encoding))
    (stage,) = plan_stages(stages=("tiny",), file=tmp_path / "c.toml")
    assert (stage.config.steps, stage.config.batch_size) == (7, 3)
