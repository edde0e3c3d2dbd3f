"""The bridge between image messages and OpenCV arrays."""

from __future__ import annotations

import sys
from typing import Any

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from cv_bridge.color import convert
from cv_bridge.encodings import (
    DTYPE_OF_CV_DEPTH,
    CvBridgeError,
    cv_type,
    getCvType,
    split_cv_type,
)

__all__ = ["CvBridge", "CvBridgeError"]

_NATIVE_BIG_ENDIAN = sys.byteorder == "big"

# A decoded file holds these, by its channels and element type.
_DECODED = {
    (1, "uint8"): "mono8",
    (1, "uint16"): "mono16",
    (3, "uint8"): "bgr8",
    (3, "uint16"): "bgr16",
    (4, "uint8"): "bgra8",
    (4, "uint16"): "bgra16",
}


class CvBridge:
    """Converts images between ROS messages and OpenCV arrays; it keeps no state."""

    def __init__(self) -> None:
        self.cvdepth_to_numpy_depth = dict(DTYPE_OF_CV_DEPTH)
        names = {
            "uint8": "8U",
            "int8": "8S",
            "uint16": "16U",
            "int16": "16S",
            "int32": "32S",
            "float32": "32F",
            "float64": "64F",
        }
        self.cvtype_to_name = {
            cv_type(np.dtype(dtype), channels): f"{name}C{channels}"
            for dtype, name in names.items()
            for channels in (1, 2, 3, 4)
        }
        self.numpy_type_to_cvtype = names | {name: dtype for dtype, name in names.items()}

    def dtype_with_channels_to_cvtype2(self, dtype: np.dtype, n_channels: int) -> str:
        """Return the generic encoding of an element type and channels, such as ``8UC3``."""
        try:
            return f"{self.numpy_type_to_cvtype[dtype.name]}C{n_channels}"
        except KeyError:
            raise CvBridgeError(
                f"images of {dtype.name} have no encoding; convert the array to one of "
                "uint8, int8, uint16, int16, int32, float32, float64"
            ) from None

    def cvtype2_to_dtype_with_channels(self, cvtype: int) -> tuple[str, int]:
        """Return element type and channels of an OpenCV type such as ``cv2.CV_8UC3``."""
        return split_cv_type(cvtype)

    def encoding_to_cvtype2(self, encoding: str) -> int:
        """Return the OpenCV type of an encoding; raises CvBridgeError where it is unknown."""
        return getCvType(encoding)

    def encoding_to_dtype_with_channels(self, encoding: str) -> tuple[str, int]:
        """Return element type and channels of an encoding."""
        return self.cvtype2_to_dtype_with_channels(self.encoding_to_cvtype2(encoding))

    encoding_as_cvtype2 = encoding_to_dtype_with_channels

    def imgmsg_to_cv2(self, img_msg: Image, desired_encoding: str = "passthrough") -> np.ndarray:
        """Return the pixels of a message.

        With ``passthrough`` the array shares the memory of the message, unless rows are padded or
        the byte order is not this machine's; with any other encoding it is a copy.

        :return: (h, w) for one channel, else (h, w, channels), in native byte order.
        :raises CvBridgeError: the encoding is unknown, the message is malformed, or there is no
            conversion to ``desired_encoding``.
        """
        dtype_name, channels = self.encoding_to_dtype_with_channels(img_msg.encoding)
        dtype = np.dtype(dtype_name).newbyteorder(">" if img_msg.is_bigendian else "<")
        data = img_msg.data
        if isinstance(data, list):
            data = np.asarray(data, dtype=np.uint8)
        height, width, step = img_msg.height, img_msg.width, img_msg.step
        pixel = dtype.itemsize * channels
        if step < width * pixel:
            raise CvBridgeError(
                f"Image is wrongly formed: step < width * byte_depth * num_channels  or  {step} < "
                f"{width} * {dtype.itemsize} * {channels}"
            )
        if len(data) < height * step:
            raise CvBridgeError(
                f"Image is wrongly formed: height * step != size  or  {height} * {step} != "
                f"{len(data)}"
            )
        shape = (height, width) if channels == 1 else (height, width, channels)
        strides = (step, pixel) if channels == 1 else (step, pixel, dtype.itemsize)
        if 0 in shape:
            image = np.empty(shape, dtype)
        else:
            image = np.ndarray(shape, dtype, buffer=data, strides=strides)
        image = np.ascontiguousarray(image)
        if not image.dtype.isnative:
            image = image.astype(image.dtype.newbyteorder("="))

        if desired_encoding == "passthrough":
            return image
        return convert(image, img_msg.encoding, desired_encoding)

    def cv2_to_imgmsg(
        self, cvim: np.ndarray, encoding: str = "passthrough", header: Any = None
    ) -> Image:
        """Return a message with the pixels of an array.

        :param cvim: (h, w) or (h, w, channels), in either byte order.
        :param encoding: what the pixels are; ``passthrough`` names them by type, such as ``8UC3``.
        :param header: the header of the message.
        :raises TypeError: ``cvim`` is not an array.
        :raises CvBridgeError: the array does not have the type of ``encoding``.
        """
        if not isinstance(cvim, np.ndarray | np.generic):
            raise TypeError("Your input type is not a numpy array")
        if cvim.ndim not in (2, 3):
            raise CvBridgeError(f"an image has 2 or 3 dimensions, this array has {cvim.ndim}")
        channels = 1 if cvim.ndim == 2 else cvim.shape[2]
        generic = self.dtype_with_channels_to_cvtype2(cvim.dtype, channels)
        if encoding == "passthrough":
            encoding = generic
        elif self.encoding_to_cvtype2(encoding) != cv_type(cvim.dtype, channels):
            raise CvBridgeError(
                f"encoding specified as {encoding}, but image has incompatible type {generic}"
            )
        message = Image()
        if header is not None:
            message.header = header
        message.height, message.width = cvim.shape[:2]
        message.encoding = encoding
        byteorder = cvim.dtype.byteorder
        message.is_bigendian = byteorder == ">" or (byteorder == "=" and _NATIVE_BIG_ENDIAN)
        message.step = message.width * channels * cvim.dtype.itemsize
        # frombytes copies once; assigning data would copy a second time.
        message.data.frombytes(np.ascontiguousarray(cvim).reshape(-1).view(np.uint8))
        return message

    def compressed_imgmsg_to_cv2(
        self, cmprs_img_msg: CompressedImage, desired_encoding: str = "passthrough"
    ) -> np.ndarray:
        """Return the decoded pixels of a JPEG, PNG or other file that OpenCV reads.

        With ``passthrough`` colours come as BGR(A), in the depth of the file.

        :raises CvBridgeError: the data cannot be decoded, or there is no conversion to
            ``desired_encoding``.
        """
        data = np.frombuffer(cmprs_img_msg.data, dtype=np.uint8)
        image = None
        if data.size:
            try:
                image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
            except cv2.error as error:
                raise CvBridgeError(f"cannot decode the compressed image: {error}") from error
        if image is None:
            raise CvBridgeError(
                f"cannot decode the compressed image: {data.size} bytes with the format "
                f"'{cmprs_img_msg.format}' are no image that OpenCV knows"
            )
        if desired_encoding == "passthrough":
            return image
        channels = 1 if image.ndim == 2 else image.shape[2]
        encoding = _DECODED.get((channels, image.dtype.name))
        if encoding is None:
            encoding = self.dtype_with_channels_to_cvtype2(image.dtype, channels)
        return convert(image, encoding, desired_encoding)

    def cv2_to_compressed_imgmsg(
        self, cvim: np.ndarray, dst_format: str = "jpg"
    ) -> CompressedImage:
        """Return a message with an array encoded as a file.

        :param cvim: grey, BGR or BGRA pixels.
        :param dst_format: the ending of files of the format: jpg, png, bmp, tiff and others.
        :raises TypeError: ``cvim`` is not an array.
        :raises CvBridgeError: OpenCV cannot write such an array in this format.
        """
        if not isinstance(cvim, np.ndarray | np.generic):
            raise TypeError("Your input type is not a numpy array")
        try:
            encoded, data = cv2.imencode(f".{dst_format}", cvim)
        except cv2.error as error:
            raise CvBridgeError(f"cannot encode the image as {dst_format}: {error}") from error
        if not encoded:
            raise CvBridgeError(f"cannot encode {cvim.dtype} of shape {cvim.shape} as {dst_format}")
        message = CompressedImage(format=dst_format)
        message.data.frombytes(data)
        return message
