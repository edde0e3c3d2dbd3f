"""A scripted model that answers the truth about a room of boxes, and a reasoner that asks it."""

from __future__ import annotations

import json
import re

from box_room import BoxRoom
from scripted_backend import ScriptedBackend, reply, stage_of

from scene_r1_ros.frames import RgbdFrame, WindowSnapshot
from scene_r1_ros.reasoning.messages import Conversation, pictures
from scene_r1_ros.reasoning.model_frames import box_to_model
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig

ROOM = BoxRoom()
WINDOW = ROOM.walk()


def shown_frames(messages: Conversation, window: WindowSnapshot) -> list[RgbdFrame]:
    """The frames behind a prompt's pictures, by their times in the captions."""
    times = [float(re.search(r"t = ([\d.]+)", p.caption)[1]) for p in pictures(messages)]
    return [window.nearest(window.start_ns + int(t * 1e9)) for t in times]


class Truthful:
    """A model that knows the room: what it names is boxed where it is."""

    def __init__(self, name: str, span: str = "0.0 to 9.0", frame: str = "resized_pixels") -> None:
        self.name, self.span, self.frame = name, span, frame
        self.window = WINDOW
        self.wrong_in_verify = False

    def __call__(self, messages: Conversation) -> str:
        stage = stage_of(messages)
        if stage == "temporal":
            return reply(self.span, "I see it then.")
        if stage == "answer":
            return reply("two boxes", "One red, one blue.")
        views = shown_frames(messages, self.window)
        name = self.name
        if stage == "verify" and self.wrong_in_verify:
            name = "blue" if name == "red" else "red"
        seen = [(i, ROOM.box_in(name, frame)) for i, frame in enumerate(views)]
        seen = [(i, box) for i, box in seen if box is not None]
        if not seen:
            return reply("not found")
        number, box = max(seen, key=lambda item: item[1][2] - item[1][0])
        height, width = pictures(messages)[number].image.shape[:2]
        said = box_to_model(box, self.frame, (width, height), (160, 120))
        return reply(
            json.dumps({"view": number + 1, "bbox_2d": [round(v, 4) for v in said], "label": name}),
            f"It is the {name} one.",
        )


def reasoner(script, **settings) -> TwoStageReasoner:
    frame = getattr(script, "frame", "resized_pixels")
    return TwoStageReasoner(ScriptedBackend(script, frame), ReasonerConfig(**settings))
