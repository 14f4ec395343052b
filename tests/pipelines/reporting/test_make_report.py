"""Pages of what jobs have made: what they tell, what is damaged, what is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import quantise, write_png
from degrade.kernels import gaussian_kernel
from degrade.pool import DegradationPool, PhotoRecord, Provenance
from pipelines import BuildPairsConfig, build_pairs
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig, estimate_kernels
from pipelines.measuring.extract_noise import ExtractNoiseConfig
from pipelines.pool.build_pool import BuildPoolConfig, build_pool
from pipelines.reporting.make_report import ReportConfig, make_report
from pipelines.reporting.outliers import outliers
from tests.making import fill_pool, make_scene

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


def _page(out: Path, *sources: Path) -> str:
    make_report(ReportConfig(sources=sources, out=out))
    return out.read_text()


def _rows(page: str, title: str) -> list[list[object]]:
    """Return the rows of a table, as the script gets them."""
    found = re.search(rf"<h3[^>]*>{title} \(\d+\)</h3>.*?json\">(.*?)</script>", page, re.DOTALL)
    assert found is not None, re.findall("<h3[^>]*>(.*?)</h3>", page)
    rows: list[list[object]] = json.loads(found[1])
    return rows


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    hr = tmp_path / "hr"
    hr.mkdir()
    for name in ("a", "b", "c"):
        write_png(hr / f"{name}.png", quantise(make_scene(name, 400, 400)))
    config = BuildPairsConfig(
        pool=fill_pool(tmp_path / "pool").path,
        out=tmp_path / "pairs",
        hr=(hr,),
        scale=2,
        hr_size=32,
        shard_mib=1,
    )
    build_pairs(config)
    return config.out


def test_make_report_tells_of_a_pool_that_photos_filled(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(5)
    for n in range(2):
        scene = make_scene(f"p{n}", 240, 320) + rng.normal(0, 0.01, (240, 320, 3))
        write_png(photos / f"<img src=x> {n}.png", quantise(np.clip(scene, 0, 1)))
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    pool = tmp_path / "pool"
    config = BuildPoolConfig(
        kernels=EstimateKernelsConfig(sources=(photos,), pool=pool, scale=2),
        noise=ExtractNoiseConfig(sources=(photos,), pool=pool),
    )
    build_pool(config)
    page = _page(tmp_path / "page.html", pool)
    names = {row[1] for row in _rows(page, "All photos")}
    assert names == {"<img src=x> 0.png", "<img src=x> 1.png"}
    assert "<img src=x" not in page
    assert {row[1] for row in _rows(page, "All kernels")} <= names
    assert {row[1] for row in _rows(page, "Search for noise by photo")} == names
    assert any(str(row[1]).endswith("broken.png") for row in _rows(page, "Refused"))


def test_make_report_shows_what_kernels_became_by_those_of_their_camera(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for n in range(3):
        write_png(photos / f"{n}.png", quantise(make_scene(f"p{n}", 240, 320)))
    config = EstimateKernelsConfig(
        sources=(photos,), pool=tmp_path / "pool", scale=2, camera="<b>mine"
    )
    estimate_kernels(config)
    page = _page(tmp_path / "page.html", tmp_path / "pool")
    rows = _rows(page, "Moved towards those of their camera")
    pool = DegradationPool.open(tmp_path / "pool")
    moved = {each.photo: each for each in pool.moved_kernels.values()}
    assert len(rows) == len(moved) == 3 and "<b>mine" not in page
    for picture, _, camera, count, scale, share, narrow, wide, expected, own, key in rows:
        record = next(m for m in moved.values() if str(m.values["own"]).startswith(str(own)))
        assert picture and record.objects and record.objects[0].startswith(str(key))
        assert (camera, count, scale) == ("<b>mine", 3, "×2")
        assert share == record.values["camera_share"]
        assert expected == pytest.approx(record.values["expected_kpsnr"], rel=1e-3)
        assert isinstance(narrow, float) and isinstance(wide, float) and 0 < narrow <= wide
    none = fill_pool(tmp_path / "other").path
    assert "Moved towards" not in _page(tmp_path / "page.html", none)


def test_make_report_marks_doubts_outliers_and_damage(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    for n in range(12):
        sigma = 1.0 + 0.01 * n if n < 11 else 3.0
        known = Provenance(
            source_name=f"photo {n}\udcff",
            source_sha256=None,
            box=None,
            method="test",
            settings={},
            tool_version="0",
            values={"confidence": 0.2 if n == 3 else 0.9},
        )
        pool.add_kernel(gaussian_kernel(21, 2, (sigma, 0.9), 0.1), known)
    (damaged,) = (k.id for k in pool.kernels if k.provenance.source_name == "photo 5\udcff")
    (pool.path / "kernels" / f"{damaged}.npy").write_bytes(b"no array")
    config = ReportConfig(sources=(pool.path,), out=tmp_path / "page.html")
    report = make_report(config)
    rows = {str(row[1]): row for row in _rows(config.out.read_text(), "All kernels")}
    marks = {name: str(row[2]) for name, row in rows.items() if row[2]}
    assert marks == {
        "photo 3\\udcff": "doubtful",
        "photo 5\\udcff": "damaged",
        "photo 11\\udcff": "outlier: wider than the others",
    }
    assert all(bool(row[0]) == ("5" not in name) for name, row in rows.items())
    assert report.exit_code == 3 and damaged in str(report.rejects[0])


def test_outliers_need_enough_values_and_a_difference_that_matters() -> None:
    assert outliers([1.0] * 6 + [9.0]) == {}
    assert outliers([1.0] * 9 + [1.05]) == {}
    assert outliers([1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.02, 3.0, 0.3]) == {7: "wider", 8: "narrower"}


def test_make_report_shows_pairs_with_their_plans(tmp_path: Path, pairs: Path) -> None:
    page = _page(tmp_path / "page.html", pairs)
    rows = _rows(page, "All pairs")
    assert 24 < len(rows) == page.count('"key"') + len(rows)
    assert all("blur" in str(row[4]) or "kernel" in str(row[4]) for row in rows)
    assert page.count('<figure class="compared">') == 24
    assert page.count('type="range"') == 24 and page.count("How LR was made") == 24


def test_make_report_names_damaged_pairs_and_shows_the_others(tmp_path: Path, pairs: Path) -> None:
    shards = sorted(pairs.glob("shard-*.h5"))
    content = bytearray(shards[0].read_bytes())
    least, most = len(content) // 10, len(content) // 2
    content[least:most] = bytes(most - least)
    shards[0].write_bytes(content)
    config = ReportConfig(sources=(pairs,), out=tmp_path / "page.html")
    report = make_report(config)
    page = config.out.read_text()
    assert report.exit_code == 3 and all("shard-00000" in str(r) for r in report.rejects)
    assert 0 < page.count('<figure class="compared">') < 24
    assert "<h2" in page and ">Damaged<" in page


def test_make_report_shows_other_shards_when_a_sidecar_is_damaged(
    tmp_path: Path, pairs: Path
) -> None:
    sidecars = sorted(pairs.glob("shard-*.json"))
    assert len(sidecars) > 1
    sidecars[0].write_text("{")
    config = ReportConfig(sources=(pairs,), out=tmp_path / "page.html")
    report = make_report(config)
    assert report.exit_code == 3 and sidecars[0].name in str(report.rejects[0])
    assert '<figure class="compared">' in config.out.read_text()


def test_make_report_draws_the_curves_of_a_training_whatever_is_logged(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "training.json").write_text('{"preset": "tiny", "samples": "</script>"}')
    log = [{"step": n, "pixel": 1 / n, "gan<b>": None if n == 3 else n} for n in range(1, 900)]
    text = "\n".join(map(json.dumps, log))
    (folder / "log.jsonl").write_text(text + '\n["no record"]\n{"step": 900, "pix')
    (folder / "validation.jsonl").write_text('{"step": 500, "psnr": 30.5, "ssim": 0.9}\n')
    (folder / "preview.png").write_bytes(b"\x89PNG cut")
    page = _page(tmp_path / "page.html", folder)
    assert "899 steps by the preset tiny" in page and "1 step without a finite value" in page
    assert page.count('<figure class="chart">') == 4 and "gan<b>" not in page
    assert "preview.png is damaged" in page and "psnr 30.5" in page


def test_make_report_tells_of_stages_that_have_not_begun(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "1-psnr").mkdir(parents=True)
    (folder / "training.json").write_text('{"stages": ["psnr", "gan"]}')
    (folder / "1-psnr" / "training.json").write_text('{"preset": "psnr", "samples": "x"}')
    (folder / "1-psnr" / "log.jsonl").write_text('{"step": 1, "pixel": 0.1}\n')
    page = _page(tmp_path / "page.html", folder)
    assert "1-psnr: 1 step by the preset psnr" in page and "2-gan: not begun" in page


AUDIT = {
    "format": "degrade-report",
    "version": 1,
    "job": "audit",
    "unit": "photo",
    "done": 24,
    "seconds": 3.5,
    "exit_code": 0,
    "facts": [
        {"kind": "verdict", "words": "told apart", "auc": 0.8, "interval": [0.7, 0.9]},
        *(
            {"kind": "beside", "words": w, "of": w, "auc": 0.9, "interval": [0.8, 1.0]}
            for w in ("bicubic", "Gaussian", "</script><b>")
        ),
        {
            "kind": "difference",
            "words": "LR: softer",
            "of": "softness",
            "name": "softer",
            "size": 1.4,
            "interval": [1.2, 1.6],
            "unit": "ratio",
        },
        {
            "kind": "spectra",
            "words": "spectra",
            "frequencies": [0.1, 0.2],
            "curves": {"photos": [0, -3], "LR": [0, -5]},
        },
        *(
            {"kind": "round", "words": f"round {n}", "round": n, "auc": 1 / n, "photos": 34}
            for n in range(1, 5)
        ),
        {"kind": "columns", "words": "planted  right"},
        *(
            {
                "kind": "expectation",
                "words": f"σ {n}  100 %",
                "plant": f"σ {n}",
                "right": 1,
                "dB": None,
            }
            for n in range(3)
        ),
    ],
    "rejects": [{"path": "a<b>.jpg", "reason": "too small", "remedy": ""}],
    "rejects_file": "",
    "parts": [],
}


def test_make_report_draws_what_an_audit_told(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(json.dumps(AUDIT))
    page = _page(tmp_path / "page.html", tmp_path / "audit.json")
    titles = re.findall(r'<figure class="chart">\s*<figcaption>(.*?)</figcaption>', page)
    assert titles == [
        "Power of grey against low frequencies",
        "How surely they are told apart",
        "Differences, as ratios",
        "AUC by round",
    ]
    assert "<b>" not in page and [row[1] for row in _rows(page, "Refused")] == ["a<b>.jpg"]
    assert [row[2] for row in _rows(page, "Round")] == [1, 0.5, 0.3333, 0.25]
    # What no row has is no column, and words that repeat the columns are left out.
    assert _rows(page, "What to expect") == [["", f"σ {n}", 1] for n in range(3)]
    assert "planted  right" not in page and "Right, share" in page


@pytest.mark.parametrize(
    "change",
    [
        {"facts": [{"words": 1}]},
        {"facts": 3},
        {"facts": [{"kind": "spectra", "words": "", "frequencies": 3, "curves": {}}]},
        {"rejects": [3]},
        {"seconds": "long"},
        {"parts": [[]]},
    ],
)
def test_make_report_refuses_a_damaged_report(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "audit.json").write_text(json.dumps({**AUDIT, **change}))
    with pytest.raises(DegradeError, match=r"audit\.json is damaged"):
        _page(tmp_path / "page.html", tmp_path / "audit.json")
    assert not (tmp_path / "page.html").exists()


def test_make_report_puts_several_things_on_one_page(tmp_path: Path, pairs: Path) -> None:
    (tmp_path / "audit.json").write_text(json.dumps(AUDIT))
    page = _page(tmp_path / "page.html", tmp_path / "pool", pairs, tmp_path / "audit.json")
    assert "pool: Kernels" in page and "pairs: Plans" in page and "audit.json: Curves" in page


def test_make_report_is_the_same_for_the_same_things(tmp_path: Path, pairs: Path) -> None:
    pages = [_page(tmp_path / name, tmp_path / "pool", pairs) for name in ("a.html", "b.html")]
    assert pages[0] == pages[1]


def _write_something(folder: Path, what: str) -> Path:
    folder.mkdir()
    files = {
        "photos": ("a.jpg", ""),
        "export": ("export.json", "{}"),
        "old pool": ("pool.json", '{"format": "degrade-pool", "version": 1}'),
        "damaged pool": ("pool.json", "{"),
        "json": ("a.json", "[]"),
        "text": ("a.json", "hello"),
        "old report": ("a.json", '{"format": "degrade-report", "version": 0}'),
    }
    if what == "empty":
        return folder
    name, text = files[what]
    (folder / name).write_text(text)
    return folder / name if name == "a.json" else folder


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("empty", "holds nothing; give a pool"),
        ("photos", r"holds a\.jpg; give a pool"),
        ("export", "holds an export of pairs, and no page"),
        ("old pool", "format version 1"),
        ("damaged pool", "damaged"),
        ("json", "JSON of something else"),
        ("text", "no JSON"),
        ("old report", "report of version 0"),
    ],
)
def test_make_report_says_what_it_found_instead(tmp_path: Path, what: str, words: str) -> None:
    source = _write_something(tmp_path / "it", what)
    with pytest.raises(DegradeError, match=words):
        _page(tmp_path / "page.html", source)
    assert not (tmp_path / "page.html").exists()


def test_make_report_refuses_a_name_and_a_place_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="no such file or folder"):
        _page(tmp_path / "page.html", tmp_path / "nothing")
    with pytest.raises(InvalidValueError, match=r"must be named NAME\.html"):
        _page(tmp_path / "page.pdf", tmp_path)


def test_make_report_replaces_its_own_page_and_no_other_file(tmp_path: Path) -> None:
    pool, out = fill_pool(tmp_path / "pool").path, tmp_path / "page.html"
    _page(out, pool)
    _page(out, pool)
    out.write_text("mine")
    with pytest.raises(DegradeError, match="was not made by this command"):
        _page(out, pool)
    assert out.read_text() == "mine"
    make_report(ReportConfig(sources=(pool,), out=out, overwrite=True))
    assert out.read_text().startswith("<!DOCTYPE html>")


def test_make_report_leaves_the_earlier_page_when_it_is_stopped(tmp_path: Path) -> None:
    pool, out = fill_pool(tmp_path / "pool").path, tmp_path / "page.html"
    before = _page(out, pool)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_report(ReportConfig(sources=(pool,), out=out), on_progress=stop)
    assert out.read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"pool", "page.html", ".degrade.jsonl"}


def test_make_report_of_ten_thousand_photos_is_small(tmp_path: Path) -> None:
    pool = DegradationPool.create(tmp_path / "pool")
    pool.add_photos([_photo(n) for n in range(10_000)])
    page = _page(tmp_path / "page.html", pool.path)
    assert len(_rows(page, "All photos")) == 10_000
    assert len(page.encode()) < 10_000_000


def _photo(n: int) -> PhotoRecord:
    return PhotoRecord(
        name=f"a folder with a long name/photo number {n:05} of many.jpeg",
        sha256=f"{n:064x}",
        path=f"/somewhere/photo number {n:05}.jpeg",
        height=3000,
        width=4000,
        format="jpeg",
        channels=3,
        bit_depth=8,
        orientation=1,
        bytes=1000,
        modified=1,
    )
