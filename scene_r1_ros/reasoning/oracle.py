"""Choices taken from the model, to measure what each one costs."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import RequestError
from ..geometry import BoxXyxy


@dataclass(frozen=True)
class Oracle:
    """What is given instead of asked.

    ``span`` is (start, end) stamps in nanoseconds, ``view_stamp_ns`` the frame to box, ``box`` in
    that frame's pixels; ``box`` needs ``view_stamp_ns``.
    """

    span: tuple[int, int] | None = None
    view_stamp_ns: int | None = None
    box: BoxXyxy | None = None

    def __post_init__(self) -> None:
        if self.box is not None and self.view_stamp_ns is None:
            raise RequestError("an oracle's box needs the stamp of the view that it is in.")
