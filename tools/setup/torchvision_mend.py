"""Let torchvision be imported beside a torch without CUDA; installed into site-packages by ./dev.

torchvision's wheel on PyPI is built for CUDA torch. Beside a CPU torch its native library cannot
be loaded, which torchvision tolerates, but ``import torchvision`` then registers shape functions
for operators that only that library defines, and fails with ``operator torchvision::nms does not
exist``. This module declares those operators, without kernels, just before the first import.
What torchvision does in plain torch (transforms, resizing, box arithmetic) works; what needs its
native kernels (nms, roi_align, ...) raises torchvision's own "Couldn't load custom C++ ops".

A ``.pth`` file of the environment imports this module at start-up; it adds one entry to
``sys.meta_path`` and imports nothing, so an interpreter that never imports torchvision pays
nothing. Where torchvision's native library loads (CUDA torch, or a matching CPU build) it does
nothing at all.
"""

import sys

# Operators whose shape functions torchvision registers even without its native library.
# Schemas as in torchvision's csrc/ops/*.cpp.
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


class _TorchvisionHook:
    """Meta path finder that acts once, before torchvision is found, and finds nothing itself."""

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision":
            sys.meta_path.remove(self)
            from importlib.util import find_spec

            spec = find_spec("torchvision")
            if spec is not None and spec.submodule_search_locations:
                declare_missing_operators(spec.submodule_search_locations[0])
        return None  # noqa: RET501 - the finder protocol


def declare_missing_operators(package_folder):
    """Declare ``SCHEMAS`` unless torchvision's native library in ``package_folder`` loads."""
    from pathlib import Path

    try:
        import torch
    except ImportError:
        return
    if torch.version.cuda is not None or torch.version.hip is not None:
        return
    for library in sorted(Path(package_folder).glob("_C*.so")):
        try:
            torch.ops.load_library(str(library))
            return
        except OSError:
            pass
    # torch forgets the declarations when the library object is collected
    sys.modules[__name__].library = library = torch.library.Library("torchvision", "DEF")
    for schema in SCHEMAS:
        library.define(schema)


sys.meta_path.insert(0, _TorchvisionHook())
