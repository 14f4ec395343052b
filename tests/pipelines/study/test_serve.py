"""``degrade study serve``: its words, and how it ends."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from degrade.studies import Votes, picture_path, read_definition
from pipelines.cli import main
from tests.pipelines.study.conftest import make
from tests.pipelines.study.raters import Client, good, serve, write_results
from tests.torture.children import PATIENCE

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def test_serve_refuses_short_tokens_and_taken_ports(mos: Path, tmp_path: Path) -> None:
    assert "--token must have at least 16" in run("study", "serve", mos, "--token", "short").output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = run("study", "serve", mos, "--port", taken.getsockname()[1])
        assert found.exit_code == 1 and "--host or --port" in found.output
    found = run("study", "serve", mos, "--host", "no.such.host.invalid")
    assert found.exit_code == 1 and "give another --host" in found.output


def test_serve_says_what_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for name, reason in (
        ("folder", "is no study, it has no study.json"),
        ("file", "is no folder"),
        ("nothing", "is not there"),
    ):
        for command in ("serve", "results"):
            refused = run("study", command, tmp_path / name)
            assert refused.exit_code == 1
            assert refused.output == (
                f"degrade: {tmp_path / name}: {reason}; give the folder of a study, or make one by "
                "degrade study make\n"
            )


def test_serve_refuses_a_study_that_is_served(mos: Path) -> None:
    with serve(mos):
        found = run("study", "serve", mos, "--port", 0)
        assert found.exit_code == 1 and "is in use by process" in found.output


def test_serve_names_a_picture_that_is_missing(mos: Path) -> None:
    image = read_definition(mos).images[2]
    picture_path(mos, image.results[1]).unlink()
    found = run("study", "serve", mos, "--port", 0)
    assert found.exit_code == 1 and image.results[1] in found.output and "0002" in found.output


def test_ctrl_c_ends_a_server_in_its_own_words(mos: Path) -> None:
    with serve(mos) as server:
        Client(server.port).begin().vote(1, 4)
        with socket.create_connection(("127.0.0.1", server.port)) as knocking:
            knocking.sendall(b"no HTTP\r\n\r\n")
            knocking.recv(100)
        server.process.send_signal(signal.SIGINT)
        said = "".join(server.process.communicate(timeout=PATIENCE))
        assert server.process.returncode == 130
    assert "study serve: 1 new vote in" in said and "stopped by SIGINT" in said
    assert "Traceback" not in said and "Invalid" not in said
    assert not (mos / ".lock").exists()


_STOPPED_AMID = """
import os, signal, sys, threading

place = tuple(sys.argv.pop().split(":"))

def stop(frame, event, _argument):
    if (os.path.basename(frame.f_code.co_filename), frame.f_code.co_name) == place:
        sys.settrace(None)
        threading.settrace(None)
        os.kill(os.getpid(), signal.SIGTERM)

sys.settrace(stop)
threading.settrace(stop)
from pipelines.cli.start import start
start()
"""


@pytest.mark.parametrize(
    "place", ["base_events.py:__init__", "base_events.py:_run_once", "base_events.py:create_server"]
)
def test_a_signal_amid_the_start_ends_a_server_in_its_own_words(mos: Path, place: str) -> None:
    words = ["-c", _STOPPED_AMID, "study", "serve", str(mos), "--port", "0", place]
    done = subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 143
    assert "stopped by SIGTERM" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr and "Warning" not in done.stderr
    assert not (mos / ".lock").exists()


def test_a_killed_server_loses_no_vote_and_raters_go_on(pairs: Path) -> None:
    with serve(pairs) as server:
        clients = [Client(server.port).begin() for _ in range(4)]
        confirmed = [0] * 4

        def rate(place: int) -> None:
            told = clients[place].ask("GET", "/trial").json()
            while not told["done"]:
                told = clients[place].vote(told["number"], 1, 2).json()
                confirmed[place] = told["answered"]
                if sum(confirmed) > 12:
                    server.process.kill()

        threads = [threading.Thread(target=_until_gone, args=(rate, n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.process.communicate()
    with Votes(pairs / "votes.db") as votes:
        for rater, least in zip(votes.raters(), confirmed, strict=True):
            assert least <= rater.answered <= least + 1
    with serve(pairs) as server:
        for client, least in zip(clients, confirmed, strict=True):
            client.port = server.port
            assert client.ask("GET", "/trial").json()["answered"] >= least
            client.rate(lambda told: [1, 2])
        said = server.stop()
    assert "of whom 4 came to the end" in said and "to go on" in said


def _until_gone(rate: object, place: int) -> None:
    try:
        rate(place)  # type: ignore[operator]
    except (OSError, ValueError, http.client.HTTPException):
        return


@pytest.mark.slow
def test_fifty_raters_of_a_thousand_images(tmp_path: Path) -> None:
    """All at once, each a part; every image and method is judged equally often."""
    root = write_results(tmp_path, 1000, size=(8, 8))
    study = make(root, "mos", per_rater=12, check_every=6)
    with serve(study) as server:
        errors: list[BaseException] = []

        def rate() -> None:
            try:
                assert Client(server.port).begin().rate(good) == 14
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=rate) for _ in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        server.stop()
    found = run("--report", tmp_path / "report.json", "study", "results", study)
    assert found.exit_code == 0, found.output
    facts = json.loads((tmp_path / "report.json").read_text())["facts"]
    scores = [fact for fact in facts if fact["kind"] == "score"]
    assert [sum(fact["counts"]) for fact in scores] == [300, 300]
