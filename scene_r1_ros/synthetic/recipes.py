"""What kinds of rooms there are and what stands in them: kind -> (fewest, most)."""

from __future__ import annotations

from dataclasses import dataclass

Counts = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Recipe:
    """One type of room. Furniture is placed in the order given, floor things last.

    ``seats`` says which seats stand around which table or desk, and how many.
    """

    furniture: Counts
    floor_things: Counts
    seats: dict[str, tuple[str, int, int]]
    mounted: Counts


_FLOOR: Counts = {"plant": (0, 2), "box": (0, 3), "ball": (0, 2), "trash can": (0, 2)}
_WALLS: Counts = {"picture": (1, 3), "clock": (0, 1)}

RECIPES: dict[str, Recipe] = {
    "living room": Recipe(
        {
            "sofa": (1, 2),
            "bookshelf": (0, 2),
            "dresser": (0, 1),
            "cabinet": (0, 2),
            "armchair": (0, 2),
            "coffee table": (1, 1),
            "round table": (0, 1),
            "radiator": (0, 1),
        },
        {**_FLOOR, "floor lamp": (0, 2), "side table": (0, 2), "basket": (0, 1), "fan": (0, 1)},
        {"round table": ("chair", 2, 3)},
        {**_WALLS, "curtain": (0, 2)},
    ),
    "bedroom": Recipe(
        {
            "bed": (1, 2),
            "wardrobe": (0, 1),
            "nightstand": (1, 2),
            "dresser": (0, 1),
            "desk": (0, 1),
            "armchair": (0, 1),
            "bench": (0, 1),
            "radiator": (0, 1),
        },
        {**_FLOOR, "floor lamp": (0, 1), "basket": (0, 2), "backpack": (0, 2), "stool": (0, 1)},
        {"desk": ("office chair", 1, 1)},
        {**_WALLS, "mirror": (0, 1), "curtain": (0, 2)},
    ),
    "office": Recipe(
        {
            "desk": (2, 3),
            "bookshelf": (1, 2),
            "cabinet": (1, 2),
            "table": (0, 1),
            "radiator": (0, 1),
        },
        {**_FLOOR, "trash can": (1, 2), "backpack": (0, 2), "floor lamp": (0, 1), "fan": (0, 1)},
        {"desk": ("office chair", 1, 1), "table": ("chair", 2, 4)},
        _WALLS,
    ),
    "dining room": Recipe(
        {
            "table": (1, 1),
            "cabinet": (1, 2),
            "dresser": (0, 1),
            "bench": (0, 1),
            "round table": (0, 1),
            "bookshelf": (0, 1),
            "radiator": (0, 1),
        },
        {**_FLOOR, "floor lamp": (0, 1), "stool": (0, 2), "basket": (0, 1), "plant": (1, 3)},
        {"table": ("chair", 3, 6), "round table": ("chair", 2, 4)},
        {**_WALLS, "curtain": (0, 2), "mirror": (0, 1)},
    ),
    "kitchen": Recipe(
        {
            "refrigerator": (1, 1),
            "stove": (1, 1),
            "sink": (1, 1),
            "cabinet": (2, 3),
            "table": (0, 1),
            "round table": (0, 1),
            "washing machine": (0, 1),
        },
        {**_FLOOR, "trash can": (1, 2), "stool": (1, 3), "ladder": (0, 1), "basket": (0, 1)},
        {"table": ("chair", 2, 4), "round table": ("chair", 2, 3)},
        _WALLS,
    ),
    "bathroom": Recipe(
        {
            "bathtub": (0, 1),
            "toilet": (1, 1),
            "sink": (1, 2),
            "cabinet": (0, 1),
            "washing machine": (0, 1),
            "shoe rack": (0, 1),
            "radiator": (0, 1),
        },
        {
            "trash can": (1, 2),
            "basket": (1, 2),
            "stool": (0, 2),
            "plant": (0, 2),
            "box": (0, 1),
            "ladder": (0, 1),
        },
        {},
        {"mirror": (1, 2), "picture": (0, 1)},
    ),
    "studio": Recipe(
        {
            "bed": (1, 1),
            "desk": (1, 1),
            "sofa": (0, 1),
            "bookshelf": (0, 1),
            "cabinet": (0, 1),
            "shoe rack": (0, 1),
            "refrigerator": (0, 1),
            "round table": (0, 1),
            "coffee table": (0, 1),
            "radiator": (0, 1),
        },
        {**_FLOOR, "backpack": (0, 2), "floor lamp": (0, 1), "stool": (0, 2), "ladder": (0, 1)},
        {"desk": ("office chair", 1, 1), "round table": ("chair", 2, 3)},
        {**_WALLS, "curtain": (0, 1)},
    ),
}

FLOOR_AREA: dict[str, tuple[float, float]] = {
    "living room": (16, 30),
    "bedroom": (13, 22),
    "office": (14, 28),
    "dining room": (14, 26),
    "kitchen": (11, 20),
    "bathroom": (9, 14),
    "studio": (18, 30),
}
"""Smallest and largest floor in square metres."""
