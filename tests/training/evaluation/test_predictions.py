"""Prediction files are checked before they are scored."""

import json

import pytest
from scene_r1_training.evaluation.errors import EvaluationError
from scene_r1_training.evaluation.predictions import make_key, match_predictions, read_records


def record(object_id, ann_id="0"):
    return {"scene_id": "scene0011_00", "object_id": object_id, "ann_id": ann_id}


def test_records_are_read_from_json_and_json_lines(tmp_path):
    items = [record(1), record(2)]
    plain, wrapped, lines = (tmp_path / name for name in ("a.json", "b.json", "c.jsonl"))
    plain.write_text(json.dumps(items))
    wrapped.write_text(json.dumps({"predictions": items, "model": "m"}))
    lines.write_text("".join(json.dumps(item) + "\n" for item in items))
    assert read_records(plain) == read_records(wrapped) == read_records(lines) == items


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"answers": []}', '"x"'])
def test_a_file_of_another_kind_is_refused(tmp_path, text):
    path = tmp_path / "p.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="predictions"):
        read_records(path)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_records(tmp_path / "absent.json")


def test_numbers_and_strings_make_the_same_key():
    assert make_key("scanrefer", record(4, 2)) == make_key("scanrefer", record("4", "2"))


def test_unknown_duplicate_and_missing_keys_are_listed():
    keys = [make_key("scanrefer", record(i)) for i in range(3)]
    with pytest.raises(EvaluationError) as error:
        match_predictions("scanrefer", [record(0), record(0), record(7)], keys)
    text = str(error.value)
    assert "1 unknown (scene0011_00|7|0)" in text
    assert "1 duplicate (scene0011_00|0|0)" in text
    assert "2 missing (scene0011_00|1|0, scene0011_00|2|0)" in text


def test_the_rest_of_the_split_may_be_there_when_a_subset_is_asked_for():
    records = [record(0), record(1)]
    rest = frozenset([make_key("scanrefer", record(1))])
    found = match_predictions("scanrefer", records, ["scene0011_00|0|0"], rest)
    assert list(found) == ["scene0011_00|0|0"]


def test_a_record_without_its_fields_says_which():
    with pytest.raises(EvaluationError, match="lacks ann_id"):
        make_key("scanrefer", {"scene_id": "s", "object_id": 1})
