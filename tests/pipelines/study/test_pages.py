"""The pages of a study as raters meet them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.pipelines.study.raters import Client, Served, good, serve

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


def test_a_rater_judges_all_and_is_thanked(client: Client) -> None:
    total = client.begin().ask("GET", "/trial").json()["total"]
    assert client.rate(good) == total == 18 + 2
    told = client.ask("GET", "/trial").json()
    assert told["done"] and told["answered"] == total


def test_answers_tell_neither_methods_nor_files(client: Client) -> None:
    client.begin()
    texts = [client.ask("GET", path) for path in ("/", "/trial", "/files/study.js")]
    told = texts[1].json()
    texts.append(client.ask("GET", told["slots"][0]["address"]))
    for answer in texts:
        # What is drawn for each rater, or packed, may be anything.
        whole = re.sub(rb"[0-9a-f]{32}|IDAT.+IEND", b"", answer.body, flags=re.DOTALL)
        whole += repr(answer.headers).encode()
        for secret in (b"soft", b"noisy", b"0000", b"0003", b"x4."):
            assert secret not in whole
    assert not {"etag", "last-modified", "server"} & texts[-1].headers.keys()


def test_images_have_other_names_for_each_rater_and_trial(client: Client, served: Served) -> None:
    other = Client(served.port).begin()
    client.begin()
    names = []
    for rater in (client, other):
        for _ in range(6):
            told = rater.ask("GET", "/trial").json()
            names += [slot["address"] for slot in told["slots"]]
            rater.vote(told["number"], 3)
    assert len(set(names)) == len(names)
    assert other.ask("GET", names[0]).status == 404 and client.ask("GET", names[0]).status == 200


def test_votes_can_be_changed_and_not_jump_ahead(client: Client) -> None:
    client.begin()
    assert client.vote(2, 3).status == 409
    assert client.vote(1, 3).status == 200
    assert client.ask("GET", "/trial/1").json()["answers"] == [3]
    assert client.vote(1, 5).json()["number"] == 2
    assert client.ask("GET", "/trial/1").json()["answers"] == [5]
    assert client.ask("GET", "/trial/3").status == 404


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"trial": 1}',
        json.dumps({"trial": 1, "answers": [6], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [0], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3, 3], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3.5], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3], "key": "short", "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3], "key": "k" * 9, "seconds": -1}),
        json.dumps({"trial": 10**30, "answers": [3], "key": "k" * 9, "seconds": 1}),
        json.dumps({"trial": 1, "answers": [3], "key": "k" * 9, "seconds": 1, "rater": 0}),
        b'{"trial": 1, "answers": [3], "key": "kkkkkkkkk", "seconds": NaN}',
        b"[" * 4000,
    ],
)
def test_vote_refuses_what_is_no_vote(client: Client, body: bytes | str) -> None:
    client.begin()
    assert client.ask("POST", "/vote", body).status == 400
    assert client.ask("GET", "/trial").json()["answered"] == 0


def test_a_rater_goes_on_elsewhere_by_their_link(client: Client, served: Served) -> None:
    client.begin()
    client.rate(good, most=2)
    link = re.search(r'href="(/resume/[^"]+)"', client.ask("GET", "/").body.decode())[1]  # type: ignore[index]
    other = Client(served.port)
    assert other.ask("GET", link).status == 303
    assert other.ask("GET", "/trial").json()["answered"] == 2


def test_a_picture_that_breaks_meanwhile_is_told_to_who_serves(mos: Path) -> None:
    with serve(mos) as server:
        client = Client(server.port).begin()
        for picture in (mos / "pictures").rglob("*.png"):
            picture.write_bytes(picture.read_bytes()[:-1])
        told = client.ask("GET", "/trial").json()
        answer = client.ask("GET", told["slots"][0]["address"])
        assert answer.status == 503 and str(mos).encode() not in answer.body
        said = server.stop()
    assert ".png is damaged" in said
