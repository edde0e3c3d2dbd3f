"""Reasoners with known answers, for evaluation runs."""

from __future__ import annotations

from scripted_backend import ScriptedBackend, reply, stage_of

from scene_r1_ros.errors import BackendError
from scene_r1_ros.reasoning import Grounding
from scene_r1_ros.reasoning.answer import Answer
from scene_r1_ros.reasoning.messages import pictures
from scene_r1_ros.reasoning.reasoner import TwoStageReasoner
from scene_r1_ros.reasoning.reasoner_config import ReasonerConfig

calls: list[str] = []


class Scripted:
    """Boxes what is blue for "cabinet", fails for "chairs", finds nothing else."""

    def ground(self, window, query, control):
        calls.append(query)
        if "chairs" in query:
            raise BackendError("the server went away.")
        if "cabinet" not in query:
            return Grounding(query, False, reason="nothing like it", confidence=0.0)
        best = max(window.frames, key=lambda frame: int(_blue(frame).sum()))
        rows, cols = _blue(best).any(axis=1).nonzero()[0], _blue(best).any(axis=0).nonzero()[0]
        box = (float(cols[0]), float(rows[0]), float(cols[-1] + 1), float(rows[-1] + 1))
        span = (best.stamp_ns, best.stamp_ns)
        return Grounding(query, True, best.stamp_ns, span, box, "cabinet", "it is blue", "", 0.9)

    def answer(self, window, question, control):
        calls.append(question)
        span = (window.start_ns, window.end_ns)
        return Answer(question, "blue", "I looked.", span, (window.start_ns,), 0.7)


def _blue(frame):
    color = frame.color.astype(int)
    return (color[..., 2] > 150) & (color[..., 0] < 100)


def make():
    return Scripted()


def make_two_stage():
    """The real two-stage reasoner over a backend that boxes what is blue in its first picture."""
    return TwoStageReasoner(ScriptedBackend(_say), ReasonerConfig(verify_views=0))


def _say(messages):
    if stage_of(messages) == "temporal":
        return reply("0.0 to 0.3")
    for number, picture in enumerate(pictures(messages), start=1):
        color = picture.image.astype(int)
        rows, cols = ((color[..., 2] > 150) & (color[..., 0] < 100)).nonzero()
        if len(rows):
            box = [int(cols.min()), int(rows.min()), int(cols.max()) + 1, int(rows.max()) + 1]
            return reply(f'{{"view": {number}, "bbox_2d": {box}, "label": "cabinet"}}')
    return reply("not found")
