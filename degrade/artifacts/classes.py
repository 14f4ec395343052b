"""Semantic classes, and how much of their texture networks leave out where nothing is wrong.

Leaves in a GAN's result have far more texture than in the MSE result and are no artefact; a sky
that has more is one. So similarity is divided, class by class, by the value above which 85 % of the
class's pixels lie: (20 - k) / 20, k steps of a twentieth below 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError

__all__ = ["ADE20K_CLASSES", "class_weights", "weights_of_labels"]

_INTERVALS = 20

_STEPS = (
    "wall 1, building 4, sky 0, floor 1, tree 5, ceiling 2, road 3, bed 0, windowpane 1, "
    "grass 5, cabinet 3, sidewalk 3, person 1, earth 3, door 0, table 1, mountain 5, plant 3, "
    "curtain 0, chair 3, car 1, water 1, painting 6, sofa 2, shelf 1, house 7, sea 7, mirror 0, "
    "rug 0, field 8, armchair 0, seat 0, fence 1, desk 0, rock 2, wardrobe 0, lamp 1, "
    "bathtub 0, railing 3, cushion 0, base 4, box 1, column 2, signboard 2, chest of drawers 0, "
    "counter 0, sand 1, sink 1, skyscraper 7, fireplace 5, refrigerator 3, grandstand 5, "
    "path 5, stairs 3, runway 0, case 0, pool table 2, pillow 2, screen door 0, stairway 2, "
    "river 1, bridge 4, bookcase 1, blind 1, coffee table 1, toilet 1, flower 1, book 4, "
    "hill 5, bench 0, countertop 0, stove 4, palm 4, kitchen island 4, computer 6, "
    "swivel chair 0, boat 2, bar 0, arcade machine 1, hovel 4, bus 0, towel 1, light 1, "
    "truck 1, tower 9, chandelier 6, awning 2, streetlight 2, booth 0, television receiver 2, "
    "airplane 1, dirt track 4, apparel 1, pole 2, land 2, bannister 1, escalator 0, ottoman 0, "
    "bottle 1, buffet 4, poster 2, stage 7, van 1, ship 3, fountain 2, conveyer belt 3, "
    "canopy 0, washer 1, plaything 4, swimming pool 4, stool 1, barrel 1, basket 2, "
    "waterfall 1, tent 1, bag 1, minibike 1, cradle 2, oven 0, ball 0, food 1, step 1, tank 2, "
    "trade name 2, microwave 1, pot 0, animal 3, bicycle 1, lake 0, dishwasher 4, screen 0, "
    "blanket 1, sculpture 2, hood 5, sconce 0, vase 1, traffic light 1, tray 0, ashcan 2, "
    "fan 0, pier 2, crt screen 1, plate 0, monitor 0, bulletin board 11, shower 2, radiator 0, "
    "glass 2, clock 1, flag 0"
)
"""ADE20K's 150 classes in the order of their numbers, with k of the authors' published table."""

_K = {name: int(k) for name, _, k in (entry.rpartition(" ") for entry in _STEPS.split(", "))}

ADE20K_CLASSES = tuple(_K)
"""Names by number, from 0 on."""


def class_weights(classes: Sequence[str] = ADE20K_CLASSES) -> tuple[dict[int, float], list[str]]:
    """Return the weights of classes by their numbers, and the names that have none.

    Parameters
    ----------
    classes : sequence of str
        By number.

    Returns
    -------
    dict of int to float
        20 / (20 - k), at least 1.
    list of str
        Classes that nothing is known of; their weight is 1.
    """
    unknown = [name for name in classes if name not in _K]
    weights = {
        number: _INTERVALS / (_INTERVALS - _K.get(name, 0)) for number, name in enumerate(classes)
    }
    return weights, unknown


def weights_of_labels(labels: np.ndarray, weights: Mapping[int, float]) -> FloatArray:
    """Return the weight of each pixel.

    Parameters
    ----------
    labels : (H, W) array of uint8 or uint16
        Numbers of classes; 1 is the weight of those that are not known.
    weights : mapping of int to float

    Returns
    -------
    (H, W) float32 array

    Raises
    ------
    InvalidValueError
        The labels are of another shape or type.
    """
    if labels.ndim != 2 or labels.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(f"labels must be (H, W) of whole numbers, got {labels.shape}")
    table = np.ones(np.iinfo(labels.dtype).max + 1, np.float32)
    for number, weight in weights.items():
        if number < len(table):
            table[number] = weight
    return np.asarray(table[labels])
