"""Random SAM 2 weights, small videos, upstream's predictor, and an engine that knows colours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.tracking.sam2.engine import Entry, ImageEmbedding, Memories
from scene_r1_ros.tracking.sam2.models import ModelSpec, build_package_model, find_spec

IMAGE_SIZE = 128
TINY = find_spec("sam2.1_hiera_tiny")
TINY_2 = find_spec("sam2_hiera_tiny")


def random_weights(spec: ModelSpec, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights in which no parameter is left at zero and objects are seen most of the time."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        weights = build_package_model(spec, IMAGE_SIZE).state_dict()
        for key, value in weights.items():
            if value.abs().max() <= 1e-5:
                weights[key] = 0.05 * torch.randn(value.shape)
    weights["sam_mask_decoder.pred_obj_score_head.layers.2.bias"] += 0.3
    return weights


def moving_video(count: int, width: int = 160, height: int = 120) -> list[np.ndarray]:
    """Smooth random colours that drift across the image."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8)
    canvas = np.array(Image.fromarray(noise).resize((2 * width, 2 * height)))
    return [np.roll(canvas, (3 * i, 5 * i), (0, 1))[:height, :width].copy() for i in range(count)]


class Upstream:
    """Upstream's ``SAM2VideoPredictor`` over the same weights and the same frames.

    It reads a folder of images by their ending; the files named .jpg hold PNG data, so that
    nothing is lost on the way.
    """

    def __init__(
        self, spec: ModelSpec, weights: dict[str, torch.Tensor], video: list, folder: Path
    ) -> None:
        from sam2.build_sam import build_sam2_video_predictor

        self.predictor = build_sam2_video_predictor(
            spec.yaml,
            device="cpu",
            hydra_overrides_extra=[
                f"++model.image_size={IMAGE_SIZE}",
                "++model.add_all_frames_to_correct_as_cond=true",
            ],
        )
        self.predictor.load_state_dict(weights, strict=True)
        folder.mkdir(parents=True, exist_ok=True)
        for i, color in enumerate(video):
            Image.fromarray(color).save(folder / f"{i:05d}.jpg", format="PNG")
        self.state: dict[str, Any] = self.predictor.init_state(str(folder))

    def point(self, index: int, object_id: int, **prompt: Any) -> None:
        if "mask" in prompt:
            self.predictor.add_new_mask(self.state, index, object_id, **prompt)
        else:
            self.predictor.add_new_points_or_box(self.state, index, object_id, **prompt)

    def propagate(self, start: int, reverse: bool = False) -> dict[tuple[int, int], tuple]:
        """(frame, object) -> (logits (H, W), object score logit)."""
        out = {}
        for index, ids, logits in self.predictor.propagate_in_video(
            self.state, start_frame_idx=start, reverse=reverse
        ):
            for slot, object_id in enumerate(ids):
                kept = self.state["output_dict_per_obj"][slot]
                entry = kept["cond_frame_outputs"].get(index)
                entry = entry or kept["non_cond_frame_outputs"][index]
                score = float(entry["object_score_logits"])
                out[index, object_id] = (logits[slot, 0].numpy(), score)
        return out


@dataclass(frozen=True)
class Card:
    """An upright rectangle that faces the camera: centre x, y, depth z, size, colour."""

    x: float
    y: float
    z: float
    width: float
    height: float
    color: tuple[int, int, int]


RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 200, 40), (40, 60, 220), (120, 120, 120)
CAMERA = CameraIntrinsics(160, 120, 140.0, 140.0, 79.5, 59.5)


def card_frame(
    cards: list[Card], camera_x: float, stamp_ns: int, camera: CameraIntrinsics = CAMERA
) -> RgbdFrame:
    """What a camera at (camera_x, 0, 0) that looks along z sees before a grey wall at 3 m."""
    color = np.full((camera.height, camera.width, 3), GREY, np.uint8)
    depth = np.full((camera.height, camera.width), 3.0, np.float32)
    for card in sorted(cards, key=lambda item: -item.z):
        x, y = card.x - camera_x, card.y
        edges_u = [camera.fx * (x + s * card.width / 2) / card.z + camera.cx for s in (-1, 1)]
        edges_v = [camera.fy * (y + s * card.height / 2) / card.z + camera.cy for s in (-1, 1)]
        u0, u1 = (int(np.clip(round(v + 0.5), 0, camera.width)) for v in edges_u)
        v0, v1 = (int(np.clip(round(v + 0.5), 0, camera.height)) for v in edges_v)
        color[v0:v1, u0:u1] = card.color
        depth[v0:v1, u0:u1] = card.z
    T = np.eye(4)
    T[0, 3] = camera_x
    return RgbdFrame(stamp_ns, color, depth, camera, T)


def card_window(cards: list[Card], camera_xs: list[float]) -> WindowSnapshot:
    """A window over the cards; frames are 0.1 s apart, beginning at 1 s."""
    return WindowSnapshot.of(
        card_frame(cards, x, 1_000_000_000 + i * 100_000_000) for i, x in enumerate(camera_xs)
    )


class ColorEngine:
    """An engine without a network: an object is the largest patch of its prompt's colour.

    It has SAM 2's interface and SAM 2's weakness: a twin of the object is as good as the object.
    From the decode call number ``fail_at`` on there is no memory, until it is moved to the CPU.
    """

    name = "color"

    def __init__(self, image_size: int = 256, fail_at: int | None = None) -> None:
        self.image_size = image_size
        self.embedded = self.decoded = 0
        self.fail_at = fail_at
        self._device = "cuda" if fail_at is not None else "cpu"
        self.moved_to: list[str] = []

    @property
    def device(self) -> torch.device:
        return torch.device(self._device)

    def to(self, device: torch.device) -> None:
        self._device = device.type
        self.moved_to.append(device.type)

    def embed(self, color: np.ndarray) -> ImageEmbedding:
        self.embedded += 1
        size = (self.image_size // 4, self.image_size // 4)
        pixels = torch.from_numpy(color.copy()).permute(2, 0, 1)[None].float()
        return ImageEmbedding((interpolate(pixels, size=size, mode="nearest"),))

    def decode(
        self,
        embedding: ImageEmbedding,
        index: int,
        memories: Memories,
        *,
        clicks: Any = None,
        mask: Any = None,
        initial: bool = False,
        reverse: bool = False,
        previous: Any = None,
    ) -> Entry:
        self.decoded += 1
        if self._device == "cuda" and self.decoded >= self.fail_at:
            raise torch.OutOfMemoryError("CUDA out of memory")
        image = embedding.levels[0][0]
        region = torch.ones(image.shape[1:], dtype=torch.bool)
        if clicks is not None:
            places = clicks[0][0] / 4
            low, high = places.min(dim=0).values, places.max(dim=0).values
            rows = torch.arange(image.shape[1])[:, None]
            cols = torch.arange(image.shape[2])[None]
            region = (cols >= low[0] - 1) & (cols <= high[0]) & (rows >= low[1] - 1)
            region &= rows <= high[1]
        if memories.prompted:
            wanted = next(iter(memories.prompted.values())).pointer[0]
        elif mask is not None:
            small = interpolate(mask, size=image.shape[1:], mode="nearest")[0, 0] > 0
            wanted = image[:, small].median(dim=1).values
        else:
            middle = places.mean(dim=0).long()
            wanted = image[:, middle[1], middle[0]]
        alike = ((image - wanted[:, None, None]).abs().amax(dim=0) < 30) & region
        found = _largest(alike.numpy())
        logits = torch.from_numpy(np.where(found, 10.0, -10.0).astype(np.float32))[None, None]
        score = torch.full((1, 1), 6.0 if found.sum() >= 6 else -6.0)
        return Entry(logits, wanted[None], score)

    def memorize(self, embedding: ImageEmbedding, entry: Entry, prompted: bool) -> Entry:
        return replace(entry, memory=torch.zeros(1), memory_position=torch.zeros(1))


def _largest(mask: np.ndarray) -> np.ndarray:
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    if len(stats) < 2:
        return np.zeros_like(mask)
    return labels == 1 + int(np.argmax(stats[1:, 4]))


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / max(1, (a | b).sum()))


def color_mask(frame: RgbdFrame, color: tuple[int, int, int]) -> np.ndarray:
    return (frame.color == color).all(axis=2)
