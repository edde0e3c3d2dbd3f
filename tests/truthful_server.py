"""A server that answers queries about a recording from its annotations, or as a test says."""

from __future__ import annotations

import base64
import json
import re

import cv2
import numpy as np
from bad_server import Handler
from scripted_backend import reply

from scene_r1_ros.demo.annotations import AnnotatedObject, SeenIn
from scene_r1_ros.recordings import Recording

MODEL = "Qwen3-VL-scripted"  # whose boxes are thousandths of the image
THUMBNAIL = (32, 24)


def list_models(handler: Handler) -> None:
    """What the server has."""
    handler.json(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})


class Truth:
    """Behaviour of a server: knows each frame by its looks, and what each query means.

    ``meant`` has the object of a query, or the text to say instead; other queries are not found.
    """

    def __init__(self, recording: Recording, meant: dict[str, AnnotatedObject | str]) -> None:
        self.meant = meant
        frames = list(recording)
        self.looks = np.stack([_look(frame.color) for frame in frames])
        self.times = [(frame.stamp_ns - frames[0].stamp_ns) * 1e-9 for frame in frames]
        self.size = recording.intrinsics.width, recording.intrinsics.height

    def __call__(self, handler: Handler) -> None:
        handler.stream(self.says(handler.server.requests[-1][3]["messages"]))

    def says(self, messages: list[dict]) -> str:
        parts = [part for m in messages if isinstance(m["content"], list) for part in m["content"]]
        text = " ".join(part["text"] for part in parts if part["type"] == "text")
        meant = self.meant.get(re.search(r'Query: "([^"]*)"', text).group(1), "not found")
        if isinstance(meant, str):
            return reply(meant, "I see none.") if meant == "not found" else meant
        shown = [self._frame(part) for part in parts if part["type"] == "image_url"]
        if "START to END" in text:
            times = [self.times[seen.frame] for seen in meant.seen]
            return reply(f"{min(times):.1f} to {max(times):.1f}", "It is seen then.")
        views = [(self._seen(meant, frame), number) for number, frame in enumerate(shown, 1)]
        views = [(seen, number) for seen, number in views if seen is not None]
        if not views:
            return reply("not found", "It is not in view.")
        seen, number = max(views, key=lambda view: view[0].pixels)
        scale = np.array([*self.size, *self.size]) / 1000
        box = [round(float(v), 1) for v in np.array(seen.box) / scale]
        answer = {"bbox_2d": box, "label": meant.label}
        return reply(json.dumps({"view": number, **answer} if len(shown) > 1 else answer), "There.")

    def _frame(self, part: dict) -> int:
        data = base64.b64decode(part["image_url"]["url"].partition(",")[2])
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        return int(np.abs(self.looks - _look(image)).mean(axis=(1, 2, 3)).argmin())

    def _seen(self, item: AnnotatedObject, frame: int) -> SeenIn | None:
        return next((seen for seen in item.seen if seen.frame == frame), None)


def _look(image: np.ndarray) -> np.ndarray:
    return cv2.resize(image, THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
