from __future__ import annotations

import cv2
import numpy as np

from degrade.history.likeness import ALIKE, THUMBNAIL_SIDE, likenesses, make_thumbnail
from tests.degrade.history.pictures import natural


def test_likenesses_know_a_photo_in_another_size_and_no_other() -> None:
    photos = [natural(name, 500, 640) for name in "ab"]
    photos.append(cv2.resize(photos[0], (320, 250), interpolation=cv2.INTER_AREA))
    photos.append(cv2.resize(photos[0], (960, 750), interpolation=cv2.INTER_CUBIC))
    features = likenesses(np.array([make_thumbnail(photo) for photo in photos]))
    alike = features @ features.T >= ALIKE
    same = [True, False, True, True]
    assert alike.tolist() == [same, [False, True, False, False], same, same]


def test_likenesses_of_empty_photos_are_like_none() -> None:
    thumbnails = np.array([make_thumbnail(np.full((9, 700, 3), v, np.uint8)) for v in (0, 80)])
    assert thumbnails.shape == (2, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    features = likenesses(thumbnails)
    assert not (features @ features.T).any()
    assert likenesses(thumbnails[:0]).shape == (0, THUMBNAIL_SIDE**2)
