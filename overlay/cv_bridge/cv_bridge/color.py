"""Conversion of pixels from one encoding to another."""

from __future__ import annotations

import cv2
import numpy as np

from cv_bridge.encodings import Colors, CvBridgeError, Encoding, parse

_PLAIN = (Colors.MONO, Colors.RGB, Colors.BGR, Colors.RGBA, Colors.BGRA)
_BAYER = (Colors.BAYER_RGGB, Colors.BAYER_BGGR, Colors.BAYER_GBRG, Colors.BAYER_GRBG)


def _conversion_codes() -> dict[tuple[Colors, Colors], int | None]:
    """OpenCV's code for each pair of colour layouts that can be converted; None for the same."""
    codes: dict[tuple[Colors, Colors], int | None] = {}
    for target in _PLAIN:
        for source in _PLAIN:
            if source is not target:
                codes[source, target] = getattr(cv2, f"COLOR_{source.value}2{target.value}")
        for source in (Colors.UYVY, Colors.YUYV):
            codes[source, target] = getattr(cv2, f"COLOR_YUV2{target.value}_{source.value}")
    for source in _BAYER:
        for target in (Colors.MONO, Colors.RGB, Colors.BGR):
            codes[source, target] = getattr(cv2, f"COLOR_{source.value}2{target.value}")
    codes |= {(colors, colors): None for colors in (*_PLAIN, Colors.UYVY)}
    return codes


_CODES = _conversion_codes()


def convert(image: np.ndarray, source: str, target: str) -> np.ndarray:
    """Return a new image in another encoding.

    Between 8 and 16 bits values are scaled so that the full ranges correspond; between other
    depths they keep their value, rounded and clipped where the type demands it.

    :param image: (h, w) or (h, w, channels) in native byte order, as ``source`` says.
    :raises CvBridgeError: an encoding is unknown or there is no such conversion, as from numbers
        of unknown meaning (``8UC3``) to colours.
    """
    if source == target or not target:
        return image.copy()
    source_meaning, target_meaning = parse(source), parse(target)
    code = _code(source, source_meaning, target, target_meaning)
    try:
        converted = image if code is None else cv2.cvtColor(image, code)
    except cv2.error as error:
        raise CvBridgeError(f"cannot convert from [{source}] to [{target}]: {error}") from error
    converted = change_depth(converted, target_meaning.dtype)
    return converted.copy() if converted is image else converted


def _code(source: str, meaning: Encoding, target: str, target_meaning: Encoding) -> int | None:
    source_generic = meaning.colors is Colors.GENERIC
    target_generic = target_meaning.colors is Colors.GENERIC
    if source_generic and not target_generic:
        raise CvBridgeError(
            f"[{source}] is not a color format. but [{target}] is. The conversion does not make "
            "sense"
        )
    if target_generic:
        if meaning.channels != target_meaning.channels:
            raise CvBridgeError(
                f"[{source}] and [{target}] do not have the same number of channels: "
                f"{meaning.channels} and {target_meaning.channels}"
            )
        return None
    try:
        return _CODES[meaning.colors, target_meaning.colors]
    except KeyError:
        raise CvBridgeError(f"Unsupported conversion from [{source}] to [{target}]") from None


def change_depth(image: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Return an image with another element type; the same image where it has that type already.

    Values are rounded to nearest and clipped to the range of the type; NaN becomes its least value.
    """
    dtype = np.dtype(dtype)
    if image.dtype == dtype:
        return image
    if image.dtype == np.uint8 and dtype == np.uint16:
        return image.astype(np.uint16) * np.uint16(257)  # 65535 / 255
    if image.dtype == np.uint16 and dtype == np.uint8:
        return cv2.convertScaleAbs(image, alpha=255.0 / 65535.0).reshape(image.shape)
    scale = {(1, 2): 65535.0 / 255.0, (2, 1): 255.0 / 65535.0}.get(
        (image.dtype.itemsize, dtype.itemsize), 1.0
    )
    if dtype.kind == "f":
        return image.astype(dtype)
    limits = np.iinfo(dtype)
    values = np.rint(image.astype(np.float64) * scale)
    values[np.isnan(values)] = limits.min
    return np.clip(values, limits.min, limits.max).astype(dtype)
