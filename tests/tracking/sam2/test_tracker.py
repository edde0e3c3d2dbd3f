"""Windows tracked from a prompt: both directions, geometry's part, and running out of memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from sam2_builders import (
    BLUE,
    CAMERA,
    GREEN,
    RED,
    Card,
    ColorEngine,
    card_frame,
    card_window,
    color_mask,
    iou,
)

from scene_r1_ros.control import Control
from scene_r1_ros.errors import (
    BoxError,
    CancelledError,
    CheckpointError,
    EmptyMaskError,
    NoSuchFrameError,
)
from scene_r1_ros.frames import WindowSnapshot
from scene_r1_ros.tracking.sam2 import ObjectPrompt, Prompt, Sam2Config, Sam2Tracker
from scene_r1_ros.tracking.sam2.recovery import OutOfMemoryError
from scene_r1_ros.tracking.track import FrameMask, MaskTrack

TARGET = Card(-0.4, 0, 1.5, 0.4, 0.5, RED)
SCREEN = Card(-0.0267, 0, 0.7, 0.26, 0.34, BLUE)
TWIN = Card(0.35, 0, 1.5, 0.3, 0.3, RED)
# The screen hides the target at 0.3 m, where the twin is the only red thing.
PATH = [-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2]
HIDDEN = PATH.index(0.3)
BOX = (43, 37, 79, 82)


def run(window, anchor=0, box=BOX, control=None, engine=None, fallback=None, **options):
    tracker = Sam2Tracker(Sam2Config(**options), engine=engine or ColorEngine(), fallback=fallback)
    stamp = window.frames[anchor].stamp_ns
    return tracker.track(window, stamp, box, control or Control())


def overlap_with_target(window, track, index):
    frame = window.frames[index]
    truth = color_mask(card_frame([TARGET, SCREEN], PATH[index], 0), RED)
    found = track.at(frame.stamp_ns)
    return None if found is None else iou(found.mask, truth)


@pytest.fixture
def twins():
    return card_window([TARGET, SCREEN, TWIN], PATH)


@pytest.mark.parametrize("anchor", [0, len(PATH) - 1])
@pytest.mark.parametrize("geometry", ["veto", "assist", "lead"])
def test_geometry_keeps_the_mask_off_a_twin_forwards_and_backwards(twins, anchor, geometry):
    track = run(twins, anchor, geometry=geometry)
    assert overlap_with_target(twins, track, HIDDEN) is None
    for index in (0, 1, 2, 8, 9, 10):
        assert overlap_with_target(twins, track, index) > 0.7


def test_without_geometry_the_mask_drifts_to_the_twin(twins):
    track = run(twins, geometry="off")
    assert overlap_with_target(twins, track, HIDDEN) == 0


def test_projected_prompts_win_back_frames_that_a_veto_alone_loses(twins):
    half_hidden = PATH.index(0.1)
    assert overlap_with_target(twins, run(twins, geometry="veto"), half_hidden) is None
    assert overlap_with_target(twins, run(twins, geometry="assist"), half_hidden) > 0.5


def test_frames_without_depth_are_tracked_by_sam2_alone():
    window = card_window([TARGET], PATH[:4])
    blind = WindowSnapshot.of(
        replace(frame, depth_m=np.full_like(frame.depth_m, np.nan)) for frame in window.frames
    )
    assert len(run(blind).masks) == 4


def test_several_objects_share_one_pass():
    other = Card(0.5, 0.1, 2.0, 0.4, 0.4, GREEN)
    window = card_window([TARGET, other], PATH[:5])
    engine = ColorEngine()
    prompts = [
        ObjectPrompt(window.start_ns, Prompt(box_xyxy=BOX), 1),
        ObjectPrompt(window.end_ns, Prompt(points=[(101, 66)]), 2),
    ]
    tracker = Sam2Tracker(Sam2Config(), engine=engine)
    tracks = tracker.track_objects(window, prompts, Control())
    assert {key: len(track.masks) for key, track in tracks.items()} == {1: 5, 2: 5}
    assert tracks[2].anchor_stamp_ns == window.end_ns
    assert engine.embedded == 5


def test_a_second_query_reuses_the_embeddings(twins):
    engine = ColorEngine()
    tracker = Sam2Tracker(Sam2Config(), engine=engine)
    tracker.track(twins, twins.start_ns, BOX, Control())
    # Places that the camera visits twice look the same and are embedded once.
    assert engine.embedded == len(set(PATH))
    tracker.track(twins, twins.end_ns, BOX, Control())
    assert engine.embedded == len(set(PATH))


def test_frames_of_changing_size_get_masks_of_their_own_size():
    small = card_frame([TARGET], 0.0, 1)
    large = card_frame([TARGET], 0.0, 2, CAMERA.scaled(320, 240))
    track = run(WindowSnapshot.of([small, large]), box=(24, 37, 60, 82))
    assert [item.mask.shape for item in track.masks] == [(120, 160), (240, 320)]
    assert iou(track.masks[1].mask, color_mask(large, RED)) > 0.7


def test_running_out_of_gpu_memory_goes_on_on_the_cpu_and_loses_nothing(twins):
    told = []
    control = Control(on_progress=lambda stage, share, text: told.append(text))
    expected = run(twins)
    for fail_at in (1, 2, 9):
        engine = ColorEngine(fail_at=fail_at)
        track = run(twins, engine=engine, control=control, embedding_cache_megabytes=0)
        assert engine.moved_to[0] == "cpu"
        assert [m.stamp_ns for m in track.masks] == [m.stamp_ns for m in expected.masks]
        for ours, theirs in zip(track.masks, expected.masks, strict=True):
            np.testing.assert_array_equal(ours.mask, theirs.mask)
    assert any("goes on on the CPU" in text for text in told)


def test_the_next_track_returns_to_the_gpu(twins):
    engine = ColorEngine(fail_at=3)
    tracker = Sam2Tracker(Sam2Config(embedding_cache_megabytes=0), engine=engine)
    tracker.track(twins, twins.start_ns, BOX, Control())
    tracker.track(twins, twins.start_ns, BOX, Control())
    assert engine.moved_to == ["cpu", "cuda", "cpu"]


class Remembering:
    """A stand-in for the geometric tracker: a full mask in every frame."""

    name = "geometric"

    def __init__(self):
        self.asked = []

    def track(self, window, anchor_stamp_ns, box_xyxy, control):
        self.asked.append(box_xyxy)
        masks = [FrameMask(f.stamp_ns, np.ones(f.depth_m.shape, bool), 0.3) for f in window.frames]
        return MaskTrack(anchor_stamp_ns, tuple(masks))


def test_running_out_of_gpu_memory_can_go_on_with_geometry():
    window = card_window([TARGET], PATH[:6])
    fallback = Remembering()
    engine = ColorEngine(fail_at=4)
    track = run(
        window,
        engine=engine,
        fallback=fallback,
        on_out_of_memory="geometric",
        embedding_cache_megabytes=0,
    )
    assert len(track.masks) == 6
    assert [item.score > 0.5 for item in track.masks] == [True] * 3 + [False] * 3
    # The fallback starts from what SAM 2 saw.
    assert fallback.asked[0] == pytest.approx(BOX, abs=4)


def test_running_out_of_memory_with_nowhere_to_go_is_an_error(twins):
    with pytest.raises(OutOfMemoryError, match="set a smaller image_size"):
        run(twins, engine=ColorEngine(fail_at=4), on_out_of_memory="error")


def test_other_failures_of_the_model_are_not_hidden(twins, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("CUDNN_STATUS_BAD_PARAM")

    engine = ColorEngine()
    monkeypatch.setattr(engine, "embed", broken)
    with pytest.raises(RuntimeError, match="BAD_PARAM"):
        run(twins, engine=engine)
    assert not isinstance(RuntimeError(), torch.OutOfMemoryError)


def test_boxes_and_stamps_are_checked_before_the_model_is_asked(twins):
    engine = ColorEngine()
    tracker = Sam2Tracker(Sam2Config(), engine=engine)
    with pytest.raises(BoxError, match="is empty"):
        tracker.track(twins, twins.start_ns, (40, 40, 40, 80), Control())
    with pytest.raises(BoxError, match="lies outside"):
        tracker.track(twins, twins.start_ns, (400, 40, 440, 80), Control())
    with pytest.raises(NoSuchFrameError):
        tracker.track(twins, 5, BOX, Control())
    assert engine.decoded == 0


def test_a_prompt_on_nothing_is_an_error(twins, monkeypatch):
    monkeypatch.setattr("sam2_builders._largest", np.zeros_like)
    with pytest.raises(EmptyMaskError, match="SAM 2 sees no object at the prompt"):
        run(twins)


def test_a_cancelled_track_stops(twins):
    control = Control()
    control.on_progress = lambda stage, share, text: share > 0.3 and control.cancel()
    engine = ColorEngine()
    with pytest.raises(CancelledError):
        run(twins, control=control, engine=engine)
    assert engine.decoded < len(PATH)


def test_without_a_checkpoint_the_tracker_cannot_be_made(monkeypatch, tmp_path):
    monkeypatch.setenv("SCENE_R1_CHECKPOINTS", str(tmp_path))
    with pytest.raises(CheckpointError, match="no SAM 2 checkpoint is set"):
        Sam2Tracker(Sam2Config())


def test_cached_embeddings_go_before_the_gpu_is_left(twins, monkeypatch):
    engine = ColorEngine(fail_at=4)
    tracker = Sam2Tracker(Sam2Config(), engine=engine)
    # Room for more is made by dropping the embeddings, so the GPU need not be left.
    real = tracker.embeddings.clear
    monkeypatch.setattr(tracker.embeddings, "get", lambda key, device: None)
    monkeypatch.setattr(
        tracker.embeddings, "clear", lambda: (real(), setattr(engine, "fail_at", 10**9))
    )
    track = tracker.track(twins, twins.start_ns, BOX, Control())
    assert len(track.masks) == len(run(twins).masks)
    assert engine.moved_to == []
    assert engine.device.type == "cuda"


def test_running_out_of_the_cpus_memory_is_an_error(twins, monkeypatch):
    def full(*_, **__):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")

    engine = ColorEngine()
    monkeypatch.setattr(engine, "decode", full)
    with pytest.raises(OutOfMemoryError, match="memory of cpu ran out"):
        run(twins, engine=engine)
