"""``transformers serve`` as it is, able to decode images beside a torch without CUDA.

torchvision's wheel on PyPI finds its JPEG and PNG codecs only beside CUDA torch; where they are
missing, this process decodes with OpenCV instead. Run as ``python serve_checkpoint.py FOLDER ...``.
"""

from __future__ import annotations

import sys
from typing import Any


def decode_with_opencv(data: Any, *args: Any, **kwargs: Any) -> Any:
    """Bytes of an image file, (N,) uint8, to (3, H, W) uint8 RGB."""
    import cv2
    import torch

    image = cv2.imdecode(data.numpy(), cv2.IMREAD_COLOR_RGB)
    return torch.from_numpy(image).permute(2, 0, 1).contiguous()


def main() -> None:
    import torchvision.io

    try:
        torchvision.io.image._assert_has_image_ops()
    except RuntimeError:
        torchvision.io.decode_image = decode_with_opencv
    from transformers.cli.transformers import main as transformers_main

    sys.argv[:1] = ["transformers", "serve"]
    sys.exit(transformers_main())


if __name__ == "__main__":
    main()
