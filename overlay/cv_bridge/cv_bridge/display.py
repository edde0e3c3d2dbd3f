"""Images of any kind as 8 bit images for people to look at."""

from __future__ import annotations

import cv2
import numpy as np

from cv_bridge.color import change_depth, convert
from cv_bridge.encodings import Colors, CvBridgeError, parse

_BACKGROUND_LABEL = -1

# Generic encodings are shown as the colours that OpenCV would take them for.
_SHOWN_AS = {"16UC1": "mono16"}


def cvtColorForDisplay(
    source: np.ndarray,
    encoding_in: str,
    encoding_out: str,
    do_dynamic_scaling: bool = False,
    min_image_value: float = 0.0,
    max_image_value: float = 0.0,
    colormap: int = -1,
) -> np.ndarray:
    """Return an image that can be shown.

    ``32SC1`` becomes one colour for each label (-1 is black). Otherwise values between
    ``min_image_value`` and ``max_image_value`` (with ``do_dynamic_scaling`` the least and the
    greatest finite value) are spread over 0 to 255 where these differ, and coloured with
    ``colormap`` (of OpenCV) where that is not -1.

    :param encoding_out: an 8 bit colour or mono encoding; ``bgr8`` where it is empty.
    :raises CvBridgeError: the encodings do not allow it.
    """
    meaning = parse(encoding_in)
    encoding_out = encoding_out or "bgr8"
    target = parse(encoding_out)
    if target.colors is Colors.GENERIC or target.dtype != np.uint8:
        raise CvBridgeError(
            f"cvtColorForDisplay needs an 8 bit colour or mono encoding to show, not "
            f"[{encoding_out}]"
        )
    if encoding_in == "32SC1" and encoding_out == "bgr8":
        return _paint_labels(source)

    if do_dynamic_scaling:
        finite = source[np.isfinite(source)]
        min_image_value = float(finite.min()) if finite.size else 0.0
        max_image_value = float(finite.max()) if finite.size else 0.0
        if min_image_value == max_image_value:
            shape = source.shape[:2] + ((target.channels,) if target.channels > 1 else ())
            return np.full(shape, 127, dtype=np.uint8)
    if min_image_value != max_image_value:
        if meaning.channels != 1:
            raise CvBridgeError(
                f"cvtColorForDisplay scales images of one channel, [{encoding_in}] has "
                f"{meaning.channels}"
            )
        scale = 255.0 / (max_image_value - min_image_value)
        grey = change_depth((source.astype(np.float64) - min_image_value) * scale, np.uint8)
        if colormap == -1:
            return convert(grey, "mono8", encoding_out)
        colored = cv2.applyColorMap(grey, colormap)
        colored[np.isnan(source)] = 0
        return convert(colored, "bgr8", encoding_out)

    return convert(source, _SHOWN_AS.get(encoding_in, encoding_in), encoding_out)


def _paint_labels(labels: np.ndarray) -> np.ndarray:
    palette = _palette()
    painted = palette[np.mod(labels, len(palette))]
    painted[labels == _BACKGROUND_LABEL] = 0
    return painted


def _palette() -> np.ndarray:
    """The named colours of CSS in alphabetical order, as BGR."""
    from PIL import ImageColor  # seldom needed

    # Upstream's table lacks these two; the numbers of labels follow it.
    names = sorted(set(ImageColor.colormap) - {"paleturquoise", "rebeccapurple"})
    rgb = np.array([ImageColor.getrgb(name) for name in names], dtype=np.uint8)
    return rgb[:, ::-1].copy()
