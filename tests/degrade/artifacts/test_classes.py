from __future__ import annotations

import numpy as np
import pytest

from degrade.artifacts import ADE20K_CLASSES, class_weights, weights_of_labels
from degrade.errors import InvalidValueError


def test_class_weights_follow_the_published_table() -> None:
    weights, unknown = class_weights()
    assert len(ADE20K_CLASSES) == 150 and not unknown
    named = {name: weights[number] for number, name in enumerate(ADE20K_CLASSES)}
    assert named["sky"] == 1 and named["tree"] == 20 / 15
    assert named["bulletin board"] == 20 / 9 == max(weights.values())
    assert list(ADE20K_CLASSES[:3]) == ["wall", "building", "sky"]
    assert ADE20K_CLASSES[-1] == "flag"


def test_class_weights_of_unknown_names_are_one_and_told() -> None:
    weights, unknown = class_weights(["sea", "dragon"])
    assert weights == {0: 20 / 13, 1: 1.0} and unknown == ["dragon"]


def test_weights_of_labels_are_one_where_no_class_is_known() -> None:
    labels = np.array([[0, 1], [7, 255]], np.uint8)
    found = weights_of_labels(labels, {0: 2.0, 1: 1.5, 70_000: 3.0})
    assert found.tolist() == [[2.0, 1.5], [1.0, 1.0]] and found.dtype == np.float32
    assert weights_of_labels(labels.astype(np.uint16), {7: 3.0})[1, 0] == 3
    for wrong in (labels.astype(int), labels[..., None]):
        with pytest.raises(InvalidValueError, match="labels"):
            weights_of_labels(wrong, {})
