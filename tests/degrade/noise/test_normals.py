from __future__ import annotations

import hashlib
from statistics import NormalDist

import numpy as np

from degrade.noise.normals import UNIT, draw_normals, quantiles


def test_quantiles_are_the_same_on_every_machine() -> None:
    table = quantiles().astype("<i2").tobytes()
    digest = "586fabbefab1ca027691c6b3d5704762521173d6ce9ad1624f04c5fbc16b9968"
    assert hashlib.sha256(table).hexdigest() == digest


def test_quantiles_are_far_from_where_a_library_could_round_them_otherwise() -> None:
    normal = NormalDist()
    exact = np.array([UNIT * normal.inv_cdf((n + 0.5) / 2**16) for n in range(2**15, 2**16)])
    assert np.abs(exact - np.floor(exact) - 0.5).min() > 1e-5


def test_quantiles_are_normal_as_far_as_is_said() -> None:
    scaled = quantiles() / UNIT
    assert scaled.mean() == 0 and abs(scaled.var() - 1) < 2.1e-5
    assert abs((scaled**4).mean() - 3) < 1e-3 and np.abs(scaled).max() < 4.33
    values, counts = np.unique(quantiles(), return_counts=True)
    shares = np.cumsum(counts) / 2**16
    wanted = [NormalDist().cdf((value + 0.5) / UNIT) for value in values.tolist()]
    assert np.abs(shares - wanted).max() < 8e-6


def test_draw_normals_takes_16_bits_of_the_raw_stream_each() -> None:
    words = np.random.PCG64(7).random_raw(20_003).tolist()
    places = [word >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)]
    assert draw_normals(7, 80_012).tolist() == quantiles()[places].tolist()
    assert draw_normals(7, 400)[:12].tolist() == draw_normals(7, 12).tolist()
    assert draw_normals(8, 12).tolist() != draw_normals(7, 12).tolist()


def test_draw_normals_are_white() -> None:
    drawn = draw_normals(3, 2**20) / UNIT
    assert abs(drawn.mean()) < 0.004 and abs(drawn.var() - 1) < 0.006
    for lag in (1, 2, 3, 4, 8, 512, 1024, 4096):
        assert abs((drawn[lag:] * drawn[:-lag]).mean()) < 0.005, lag
