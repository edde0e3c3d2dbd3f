"""Both engines give upstream's masks and scores, and bounding changes them only where said."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from sam2_builders import IMAGE_SIZE, TINY, TINY_2, Upstream, moving_video, random_weights

from scene_r1_ros.control import Control
from scene_r1_ros.frames import CameraIntrinsics, RgbdFrame, WindowSnapshot
from scene_r1_ros.tracking.sam2 import ObjectPrompt, Sam2Tracker
from scene_r1_ros.tracking.sam2.config import Sam2Config
from scene_r1_ros.tracking.sam2.embeddings import EmbeddingCache
from scene_r1_ros.tracking.sam2.loading import engine_from_weights
from scene_r1_ros.tracking.sam2.prompts import Prompt
from scene_r1_ros.tracking.sam2.session import Sam2Session

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

ENGINES = ("package", "transformers")
# The package's classes are upstream's own; transformers orders its sums differently.
TOLERANCE = {"package": 0.0, "transformers": 5e-6}
# Long enough ahead that even object pointers, which reach back 15 frames, are dropped.
COUNT, ANCHOR = 20, 2
BOXES = {1: (30, 20, 90, 80), 2: (60, 40, 120, 110), 5: (10, 10, 40, 60)}


@pytest.fixture(scope="module")
def video():
    return moving_video(COUNT)


@pytest.fixture(scope="module")
def weights():
    return {spec.name: random_weights(spec) for spec in (TINY, TINY_2)}


@pytest.fixture(scope="module")
def engines(weights):
    made = {}

    def get(engine: str, spec=TINY):
        if (engine, spec.name) not in made:
            config = Sam2Config(sam2_engine=engine, image_size=IMAGE_SIZE, device="cpu")
            made[engine, spec.name] = engine_from_weights(config, spec, weights[spec.name])
        return made[engine, spec.name]

    return get


@pytest.fixture(scope="module")
def three_objects_upstream(weights, video, tmp_path_factory):
    upstream = Upstream(TINY, weights[TINY.name], video, tmp_path_factory.mktemp("frames"))
    for object_id, box in BOXES.items():
        upstream.point(ANCHOR, object_id, box=box)
    return {
        False: upstream.propagate(ANCHOR),
        True: upstream.propagate(ANCHOR, reverse=True),
    }


@pytest.fixture(scope="module")
def caches():
    """Embeddings of equal frames, shared by the tests of one engine."""
    return defaultdict(lambda: EmbeddingCache(100_000_000))


@pytest.fixture(scope="module")
def session(engines, caches):
    def make(engine: str, spec=TINY, **options):
        cache = caches[engine, spec.name]
        return Sam2Session(engines(engine, spec), embeddings=cache, **options)

    return make


def both_ways(ours, video, anchor=ANCHOR):
    for reverse, order in ((False, range(anchor, COUNT)), (True, range(anchor, -1, -1))):
        for index in order:
            yield reverse, index, ours.step(index, video[index], reverse=reverse)


def assert_equal(seen, reference, tolerance):
    logits, score = reference
    if tolerance == 0:
        np.testing.assert_array_equal(seen.logits, logits)
        assert seen.object_logit == score
    else:
        np.testing.assert_allclose(seen.logits, logits, rtol=0, atol=tolerance)
        assert seen.object_logit == pytest.approx(score, abs=tolerance)
        # A pixel may differ only where its logit is zero to within the tolerance.
        flipped = seen.mask != (logits > 0)
        assert np.abs(logits[flipped]).max(initial=0) <= tolerance


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("engine", ENGINES)
def test_masks_and_scores_equal_upstream_in_both_directions(
    engine, count, session, video, three_objects_upstream
):
    ours = session(engine, frame_count=COUNT)
    for object_id, box in list(BOXES.items())[:count]:
        ours.prompt(ANCHOR, video[ANCHOR], object_id, Prompt(box_xyxy=box))
    for reverse, index, out in both_ways(ours, video):
        assert len(out) == count
        for object_id, seen in out.items():
            reference = three_objects_upstream[reverse][index, object_id]
            assert_equal(seen, reference, TOLERANCE[engine])


def test_the_reference_masks_are_neither_empty_nor_all_alike(three_objects_upstream):
    forward = three_objects_upstream[False]
    areas = [float((logits > 0).mean()) for logits, _ in forward.values()]
    assert 0.05 < np.median(areas) < 0.95
    assert np.std(areas) > 0.01


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_for_sam_2_0_with_points_and_a_mask(engine, session, weights, video, tmp_path):
    mask = np.zeros(video[0].shape[:2], bool)
    mask[40:90, 50:110] = True
    upstream = Upstream(TINY_2, weights[TINY_2.name], video[:6], tmp_path)
    upstream.point(0, 1, points=[[50, 40], [90, 70]], labels=[1, 0])
    upstream.point(0, 2, mask=mask)
    reference = upstream.propagate(0)
    ours = session(engine, TINY_2, frame_count=6)
    clicks = Prompt(points=[(50, 40)], negative_points=[(90, 70)])
    ours.prompt(0, video[0], 1, clicks)
    ours.prompt(0, video[0], 2, Prompt(mask=mask))
    for index in range(6):
        for object_id, seen in ours.step(index, video[index]).items():
            assert_equal(seen, reference[index, object_id], TOLERANCE[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_correction_on_another_frame_equals_upstream(engine, session, weights, video, tmp_path):
    clip = video[:9]
    upstream = Upstream(TINY, weights[TINY.name], clip, tmp_path)
    upstream.point(0, 1, box=BOXES[1])
    upstream.propagate(0)
    upstream.point(5, 1, points=[[60, 50]], labels=[1])
    reference = upstream.propagate(0)
    ours = session(engine, frame_count=len(clip), memory_frames=9)
    ours.prompt(0, clip[0], 1, Prompt(box_xyxy=BOXES[1]))
    before = {index: ours.step(index, clip[index])[1] for index in range(len(clip))}
    ours.prompt(5, clip[5], 1, Prompt(points=[(60, 50)]))
    for index in range(len(clip)):
        seen = ours.step(index, clip[index])[1]
        assert_equal(seen, reference[index, 1], TOLERANCE[engine])
    assert np.abs(before[8].logits - reference[8, 1][0]).max() > 1e-4


@pytest.mark.parametrize("kept", [1, 2, 4])
def test_fewer_memories_differ_from_the_named_frame_on(
    kept, session, video, three_objects_upstream
):
    ours = session("package", frame_count=COUNT, memory_frames=kept)
    ours.prompt(ANCHOR, video[ANCHOR], 1, Prompt(box_xyxy=BOXES[1]))
    first_different = ANCHOR + kept + 2
    for index in range(ANCHOR, first_different + 1):
        seen = ours.step(index, video[index])[1]
        same = np.array_equal(seen.logits, three_objects_upstream[False][index, 1][0])
        assert same == (index < first_different)


def test_a_stream_differs_from_a_short_clip_only_in_the_scale_of_time(session, video):
    """Clips shorter than 16 frames scale time by their length; a stream has none."""
    stream = session("package")
    short = session("package", frame_count=12)
    long = session("package", frame_count=16)
    for one in (stream, short, long):
        one.prompt(0, video[0], 1, Prompt(box_xyxy=BOXES[1]))
    for index in range(4):
        streamed, in_short, in_long = (
            one.step(index, video[index])[1].logits for one in (stream, short, long)
        )
        np.testing.assert_array_equal(streamed, in_long)
        assert np.array_equal(streamed, in_short) == (index == 0)


def test_the_window_tracker_gives_upstreams_masks(engines, caches, video, three_objects_upstream):
    height, width = video[0].shape[:2]
    camera = CameraIntrinsics(width, height, 150.0, 150.0, width / 2, height / 2)
    depth = np.full((height, width), np.nan, np.float32)
    window = WindowSnapshot.of(
        RgbdFrame(i, color, depth, camera, np.eye(4)) for i, color in enumerate(video)
    )
    tracker = Sam2Tracker(Sam2Config(min_score=0.0), engine=engines("package"))
    tracker.embeddings = caches["package", TINY.name]
    prompts = [ObjectPrompt(ANCHOR, Prompt(box_xyxy=box), i) for i, box in BOXES.items()]
    for object_id, track in tracker.track_objects(window, prompts, Control()).items():
        for index in range(COUNT):
            logits, _ = three_objects_upstream[index < ANCHOR][index, object_id]
            found = track.at(index)
            np.testing.assert_array_equal(found.mask if found else np.False_, logits > 0)


@pytest.mark.parametrize("engine", ENGINES)
def test_bfloat16_stays_close_to_float32(engine, weights, video):
    """What runs on a GPU by default; here on the CPU, where its arithmetic is the same."""
    logits = {}
    for precision in ("float32", "bfloat16"):
        config = Sam2Config(
            sam2_engine=engine, image_size=IMAGE_SIZE, device="cpu", precision=precision
        )
        session = Sam2Session(engine_from_weights(config, TINY, weights[TINY.name]))
        session.prompt(0, video[0], 1, Prompt(box_xyxy=BOXES[1]))
        session.prompt(0, video[0], 2, Prompt(mask=np.eye(120, 160, dtype=bool)))
        for index in range(3):
            out = session.step(index, video[index])
        logits[precision] = out[1].logits
    assert logits["bfloat16"].dtype == np.float32
    spread = np.std(logits["float32"])
    assert 0 < np.abs(logits["bfloat16"] - logits["float32"]).mean() < 0.2 * spread
