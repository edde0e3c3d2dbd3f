"""The object memory: one id for one thing, several side by side, forget, stale, file."""

from __future__ import annotations

import numpy as np
import pytest

from scene_r1_ros.errors import MemoryFileError, UnknownObjectError
from scene_r1_ros.geometry import Box3D
from scene_r1_ros.lifting import LiftedObject
from scene_r1_ros.memory import MemoryConfig, ObjectMemory
from scene_r1_ros.reasoning import Grounding

NS = 1_000_000_000


def sighting(x=0.0, stamps=(1 * NS, 2 * NS), size=1.0):
    points = np.array([[x, 0, 0], [x + 0.1, 0, 0]], np.float32)
    colors = np.zeros((2, 3), np.uint8)
    return LiftedObject(Box3D((x, 0, 0), (size, size, size)), points, colors, stamps, 0.8)


def named(label, query="the thing"):
    return Grounding(
        query, True, 1 * NS, (1 * NS, 2 * NS), (0, 0, 1, 1), label, "then", "there", 0.9
    )


def test_the_same_thing_again_updates_the_object():
    memory = ObjectMemory()
    first = memory.update(sighting(), named("chair"), "a")
    second = memory.update(sighting(0.05, stamps=(5 * NS,)), named("chair"), "b")
    assert [item.object_id for item in memory.objects()] == ["chair_1"]
    assert second.object_id == first.object_id
    assert (second.first_seen_ns, second.last_seen_ns) == (1 * NS, 5 * NS)
    assert second.query_id == "b"
    assert second.confidence == 0.8
    assert second.rationale == "then\nthere"


def test_things_apart_live_side_by_side():
    memory = ObjectMemory()
    memory.update(sighting(0.0), named("chair"), "a")
    memory.update(sighting(3.0), named("chair"), "b")
    assert [item.object_id for item in memory.objects()] == ["chair_1", "chair_2"]


def test_another_label_needs_more_overlap():
    memory = ObjectMemory()
    memory.update(sighting(0.0), named("table"), "a")
    memory.update(sighting(0.45), named("cloth"), "b")
    assert len(memory.objects()) == 2
    memory.update(sighting(0.02), named("desk"), "c")
    assert [item.label for item in memory.objects()] == ["desk", "cloth"]


def test_a_box_without_label_keeps_the_name_that_is_known():
    memory = ObjectMemory()
    memory.update(sighting(), named("chair"), "a")
    again = memory.update(sighting(), Grounding.from_box(1 * NS, (0, 0, 1, 1)), "b")
    assert (again.object_id, again.label) == ("chair_1", "chair")


def test_ids_are_not_used_again():
    memory = ObjectMemory()
    memory.update(sighting(), named("chair"), "a")
    assert memory.forget("chair_1").label == "chair"
    assert memory.update(sighting(), named("chair"), "b").object_id == "chair_2"
    assert memory.forget_all() == 1
    assert memory.objects() == []


def test_an_unknown_id_is_named_with_the_known_ones():
    memory = ObjectMemory()
    memory.update(sighting(), named("Big Chair!"), "a")
    with pytest.raises(UnknownObjectError, match="no object has the id 'x'; known ids: big_c"):
        memory.forget("x")


def test_old_objects_are_marked_stale_and_not_deleted():
    memory = ObjectMemory(MemoryConfig(stale_after=10.0))
    memory.update(sighting(0.0), named("chair"), "a")
    memory.update(sighting(5.0, stamps=(20 * NS,)), named("table"), "b")
    assert memory.mark_stale(25 * NS) == 1
    assert [item.stale for item in memory.objects()] == [True, False]
    assert [item.label for item in memory.objects(include_stale=False)] == ["table"]
    memory.update(sighting(0.0, stamps=(24 * NS,)), named("chair"), "c")
    assert not memory.get("chair_1").stale


def test_objects_are_listed_by_label_in_any_case():
    memory = ObjectMemory()
    memory.update(sighting(0.0), named("Chair"), "a")
    memory.update(sighting(5.0), named("table"), "b")
    assert [item.label for item in memory.objects("chair ")] == ["Chair"]


def test_what_is_saved_is_loaded(tmp_path):
    memory = ObjectMemory()
    memory.update(sighting(0.0), named("chair"), "a")
    memory.update(sighting(5.0), named("tablé"), "b")
    memory.forget("chair_1")
    path = tmp_path / "deep" / "objects.npz"
    memory.save(path)
    other = ObjectMemory()
    assert other.load(path) == 1
    (item,) = other.objects()
    assert (item.label, item.box.center, item.views) == ("tablé", (5.0, 0.0, 0.0), 2)
    assert np.array_equal(item.points, sighting(5.0).points)
    assert other.update(sighting(9.0), named("x"), "c").number == 3


@pytest.mark.parametrize("content", [b"", b"not a file of objects", b"PK\x03\x04broken"])
def test_a_damaged_file_is_refused_and_nothing_is_lost(tmp_path, content):
    memory = ObjectMemory()
    memory.update(sighting(), named("chair"), "a")
    path = tmp_path / "objects.npz"
    path.write_bytes(content)
    with pytest.raises(MemoryFileError, match=r"cannot read objects from .*objects.npz"):
        memory.load(path)
    assert len(memory.objects()) == 1


def test_a_file_of_another_version_is_refused(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, header=np.array('{"version": 99, "next": 1, "objects": []}'))
    with pytest.raises(MemoryFileError, match="has version 99, this program reads version 1"):
        ObjectMemory().load(path)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MemoryFileError, match="cannot save objects to"):
        ObjectMemory().save(tmp_path / "file" / "objects.npz")
