"""Rooms are furnished as their seeds say, and their truth is true."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from scene_r1_ros.errors import ConfigError, RequestError
from scene_r1_ros.synthetic import make_room
from scene_r1_ros.synthetic.colors import COLOR_NAMES, sample_color
from scene_r1_ros.synthetic.kinds import KINDS, build, material_of
from scene_r1_ros.synthetic.placement import rectangles_meet
from scene_r1_ros.synthetic.room import inside
from scene_r1_ros.synthetic.splits import HELD_OUT_PAIRS, SPLITS, split_of

SEEDS = (0, 3, 2_000_001)


@pytest.fixture(scope="module", params=SEEDS)
def room(request):
    return make_room(request.param)


def test_same_seed_gives_the_same_room() -> None:
    first, second = make_room(11), make_room(11)
    assert [o.box for o in first.objects] == [o.box for o in second.objects]
    for a, b in zip(first.everything, second.everything, strict=True):
        np.testing.assert_array_equal(a.mesh.vertices, b.mesh.vertices)


def test_other_seeds_give_other_rooms() -> None:
    assert [o.box for o in make_room(11).objects] != [o.box for o in make_room(12).objects]


def test_instances_count_up_from_one(room) -> None:
    assert [o.instance for o in room.everything] == list(range(1, len(room.everything) + 1))
    assert [o.kind for o in room.structure[:3]] == ["floor", "ceiling", "wall"]


def test_boxes_fit_their_meshes_tightly(room) -> None:
    for item in room.objects:
        T = item.box.T_world_box
        local = (item.mesh.vertices - T[:3, 3]) @ T[:3, :3]
        np.testing.assert_allclose(local.max(axis=0), np.array(item.size) / 2, atol=1e-4)
        np.testing.assert_allclose(local.min(axis=0), -np.array(item.size) / 2, atol=1e-4)


def test_objects_stay_in_the_room(room) -> None:
    for item in room.objects:
        assert inside(room.outline, item.box.corners()[:4, :2]).all(), item.kind
        assert item.mesh.low[2] >= -1e-6
        assert item.mesh.high[2] <= room.height


def test_things_do_not_run_into_each_other(room) -> None:
    """Seats reach under tables, and small things stand there; everything else keeps apart."""
    under_top = {"table", "round table", "desk"}
    for a, b in itertools.combinations([o for o in room.objects if o.kind != "rug"], 2):
        if {a.kind, b.kind} & under_top or a.instance == b.support or b.instance == a.support:
            continue
        low = max(o.box.center[2] - o.size[2] / 2 for o in (a, b))
        high = min(o.box.center[2] + o.size[2] / 2 for o in (a, b))
        footprints = (o.box.corners()[:4, :2] for o in (a, b))
        assert high - low < 0.02 or not rectangles_meet(*footprints), (a.kind, b.kind)


def test_things_on_things_rest_on_them(room) -> None:
    for instance, below in room.supports.items():
        item, support = room.object(instance), room.object(below)
        center = np.array([[*item.box.center[:2], support.box.center[2]]])
        assert support.box.contains(center).all()
        assert item.mesh.low[2] <= support.mesh.high[2] + 1e-4
        if support.kind not in ("bed", "sofa", "armchair", "basket"):
            assert item.mesh.low[2] == pytest.approx(support.mesh.high[2], abs=0.2)


def test_mounted_things_hang_on_a_wall(room) -> None:
    mounted = [o for o in room.objects if o.mounted]
    assert any(o.kind == "door" for o in mounted)
    assert all(room.object(o.support).kind == "wall" for o in mounted)
    for item in mounted:
        back = np.array([0.0, -item.box.size[1] / 2, 0.0, 1.0])
        gap = to_outline(room.outline, (item.box.T_world_box @ back)[:2])
        assert 0 < gap < (0.02 if item.kind == "curtain" else 0.005)


def to_outline(outline: np.ndarray, point: np.ndarray) -> float:
    """Metres from a point on the floor plan to the nearest wall's line."""
    along = np.roll(outline, -1, axis=0) - outline
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    return float(np.abs(((point - outline) * normal).sum(axis=1)).min())


def test_training_rooms_never_show_a_held_out_pair() -> None:
    for seed in range(40, 52):
        shown = {(o.kind, o.color) for o in make_room(seed).objects}
        assert not shown & HELD_OUT_PAIRS


def test_held_out_pairs_are_colours_that_their_kinds_come_in() -> None:
    assert all(color in KINDS[kind].colors for kind, color in HELD_OUT_PAIRS)


def test_splits_do_not_overlap_and_own_their_seeds() -> None:
    assert [split_of(s.start) for s in SPLITS.values()] == list(SPLITS)
    ordered = sorted(SPLITS.values(), key=lambda s: s.start)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(ordered))
    with pytest.raises(ConfigError, match="belongs to no split"):
        make_room(-1)


def test_unknown_room_type_names_the_known_ones() -> None:
    with pytest.raises(RequestError, match=r"garage.*bedroom"):
        make_room(0, "garage")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_builds_a_sound_mesh(name: str) -> None:
    rng = np.random.default_rng(5)
    kind = KINDS[name]
    mesh, size = build(kind, material_of(kind, kind.colors[0], kind.textures[0], rng), rng)
    assert np.isfinite(mesh.vertices).all()
    assert (size > 0.005).all()
    assert (size < 2.6).all()
    np.testing.assert_allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=0.01)
    assert mesh.low[2] == pytest.approx(0, abs=1e-5)


def test_there_are_many_kinds() -> None:
    assert len(KINDS) >= 25


def test_colours_of_different_names_are_far_apart() -> None:
    rng = np.random.default_rng(1)
    shades = {name: np.array([sample_color(name, rng) for _ in range(40)]) for name in COLOR_NAMES}
    for a in COLOR_NAMES:
        for b in COLOR_NAMES:
            if a < b:
                gap = np.linalg.norm(shades[a][:, None] - shades[b][None], axis=2).min()
                assert gap > 0.15, (a, b)
