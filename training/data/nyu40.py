"""NYU40 classes of the rooms' labels, with the colours that ScanNet's label meshes use.

Classes: Gupta et al. 2013, as in ScanNet's ``scannetv2-labels.combined.tsv``; colours: ScanNet's
``util.py``.
"""

from __future__ import annotations

OTHER_FURNITURE, OTHER_PROP = 39, 40

NYU40: dict[str, int] = {
    "wall": 1,
    "floor": 2,
    "ceiling": 22,
    "cabinet": 3,
    "wardrobe": 3,
    "bed": 4,
    "chair": 5,
    "office chair": 5,
    "armchair": 5,
    "stool": 5,
    "sofa": 6,
    "table": 7,
    "round table": 7,
    "coffee table": 7,
    "side table": 7,
    "door": 8,
    "window": 9,
    "bookshelf": 10,
    "picture": 11,
    "desk": 14,
    "shoe rack": 15,
    "curtain": 16,
    "dresser": 17,
    "pillow": 18,
    "mirror": 19,
    "rug": 20,
    "book": 23,
    "refrigerator": 24,
    "tv": 25,
    "towel": 27,
    "box": 29,
    "nightstand": 32,
    "toilet": 33,
    "sink": 34,
    "floor lamp": 35,
    "table lamp": 35,
    "bathtub": 36,
    "backpack": 37,
    "bench": OTHER_FURNITURE,
    "stove": OTHER_FURNITURE,
    "washing machine": OTHER_FURNITURE,
    "radiator": OTHER_FURNITURE,
    "ladder": OTHER_FURNITURE,
}
"""Class of each label; what is not here is 40, "otherprop"."""

PALETTE: dict[int, tuple[int, int, int]] = {
    0: (0, 0, 0),
    1: (174, 199, 232),
    2: (152, 223, 138),
    3: (31, 119, 180),
    4: (255, 187, 120),
    5: (188, 189, 34),
    6: (140, 86, 75),
    7: (255, 152, 150),
    8: (214, 39, 40),
    9: (197, 176, 213),
    10: (148, 103, 189),
    11: (196, 156, 148),
    14: (247, 182, 210),
    15: (66, 188, 102),
    16: (219, 219, 141),
    17: (140, 57, 197),
    18: (202, 185, 52),
    19: (51, 176, 203),
    20: (200, 54, 131),
    22: (78, 71, 183),
    23: (172, 114, 82),
    24: (255, 127, 14),
    25: (91, 163, 138),
    27: (140, 153, 101),
    29: (100, 125, 154),
    32: (146, 111, 194),
    33: (44, 160, 44),
    34: (112, 128, 144),
    35: (96, 207, 209),
    36: (227, 119, 194),
    37: (213, 92, 176),
    39: (82, 84, 163),
    40: (100, 85, 144),
}


def nyu40_class(label: str) -> int:
    """The class of a label, 1..40."""
    return NYU40.get(label, OTHER_PROP)
