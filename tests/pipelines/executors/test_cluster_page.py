"""The page about clusters: what it tells people to run can be run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines.cli import main

_PAGE = (Path(__file__).parents[3] / "docs" / "cluster.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", _PAGE, re.DOTALL)


def test_slurm_script_is_sound() -> None:
    (script,) = _blocks("bash")
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert checked.returncode == 0 and checked.stderr == ""


def test_kubernetes_manifest_is_sound() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with Dask")
    (text,) = _blocks("yaml")
    documents = {
        (item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text)
    }
    assert set(documents) == {
        ("Deployment", "dask-scheduler"),
        ("Service", "dask-scheduler"),
        ("Deployment", "dask-worker"),
        ("Job", "build-pairs"),
    }
    for kind, name in documents:
        if kind != "Service":
            (container,) = documents[kind, name]["spec"]["template"]["spec"]["containers"]
            assert all(isinstance(word, str) for word in container["command"])


def test_options_of_our_commands_exist() -> None:
    joined = _PAGE.replace("\\\n", " ")
    used = re.findall(r"^\s*(?:command: \[)?degrade,? build-pairs(.*?)(?:&|$)", joined, re.M)
    known = CliRunner().invoke(main, ["build-pairs", "--help"]).output
    options = {option for line in used for option in re.findall(r"--[a-z-]+", line)}
    assert {"--backend", "--scheduler", "--pool", "--hr", "--out"} <= options
    assert all(f" {option} " in known for option in options)
