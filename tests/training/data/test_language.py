"""What is said of a room is true, unambiguous and seen; and the checks would notice otherwise."""

from __future__ import annotations

import json
import math
import re
from collections import Counter

import numpy as np
import pytest
from scene_r1_training.data.language.facts import FrameView, facts_of
from scene_r1_training.data.language.solver import SolverScene, parse, solve
from scene_r1_training.data.language.verify import chain_problems, solver_scene
from scene_r1_training.data.language.write import LanguageConfig, language_of

from scene_r1_ros.synthetic import default_camera, make_room, make_trajectory, render
from scene_r1_ros.synthetic.splits import HELD_OUT_PAIRS, split_of

SEEDS = (21, 1_000_002)


@pytest.fixture(scope="module", params=SEEDS)
def told(request):
    room = make_room(request.param)
    poses = make_trajectory(room, request.param, seconds=14, fps=2)
    camera = default_camera(120, 90)
    views = [FrameView.of(i, one) for i, one in enumerate(render(room, poses, camera))]
    facts = facts_of("scene", room, views)
    records, dropped = language_of(facts, LanguageConfig(descriptions=3))
    return facts, records, dropped


def small_scene() -> SolverScene:
    """A desk facing +y at the origin; a red chair at its sitter's left, a blue one at the right;
    a mug on the desk, a ball under it."""
    rows = [
        (0, "desk", "brown", (-0.7, -0.35, 0), (0.7, 0.35, 0.75)),
        (1, "chair", "red", (1.2, -0.2, 0), (1.6, 0.2, 0.9)),
        (2, "chair", "blue", (-2.6, -0.2, 0), (-2.2, 0.2, 0.9)),
        (3, "mug", "white", (-0.5, 0, 0.75), (-0.4, 0.1, 0.85)),
        (4, "ball", "green", (-0.3, -0.1, 0), (-0.1, 0.1, 0.2)),
    ]
    return SolverScene(
        np.array([r[0] for r in rows]),
        tuple(r[1] for r in rows),
        tuple(r[2] for r in rows),
        ("plain",) * len(rows),
        np.array([r[3] for r in rows], float),
        np.array([r[4] for r in rows], float),
        np.tile([0.0, 1.0], (len(rows), 1)),
    )


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("the red chair", {1}),
        ("all the chairs", {1, 2}),
        ("the chair closest to the desk", {1}),
        ("the chair farthest from the desk", {2}),
        ("the chair to the left of the desk when you face it", {1}),
        ("the chair to the right of the desk when you face it", {2}),
        ("the cup on top of the desk", {3}),
        ("the ball under the desk", {4}),
        ("the ball on the desk", set()),
        ("the mug under the desk", set()),
        ("this is a green chair.", set()),
        ("the sofa", set()),
        ("the chair next to the desk", {1}),
        ("the ball between the red chair and the blue chair", {4}),
    ],
)
def test_solver_on_a_room_worked_out_by_hand(text: str, ids: set[int]) -> None:
    assert solve(text, small_scene()) == ids


def test_parser_reads_the_parts() -> None:
    parsed = parse(
        "there is a red striped couch to the left of the brown desk, seen from the door."
    )
    assert [(m.noun, m.color, m.pattern) for m in parsed.mentions] == [
        ("sofa", "red", "striped"),
        ("desk", "brown", None),
        ("door", None, None),
    ]
    assert (parsed.relation, parsed.side, parsed.from_viewpoint) == ("side", "left", True)


def test_every_query_has_exactly_its_targets(told) -> None:
    facts, records, dropped = told
    scene = solver_scene(facts)
    assert len(records["scanrefer"]) > 20
    assert dropped <= 0.02 * len(records["scanrefer"])
    for record in records["scanrefer"]:
        assert solve(record["description"], scene) == {int(record["object_id"])}
    for record in records["multi3drefer"]:
        assert solve(record["description"], scene) == set(record["object_ids"])
    for record in records["nr3d"]:
        assert solve(record["utterance"], scene) == {record["target_id"]}


def test_solver_notices_a_swapped_side_or_superlative(told) -> None:
    facts, records, _ = told
    scene = solver_scene(facts)
    swaps = {"left": "right", "right": "left", "closest": "farthest", "smallest": "largest"}
    swappable = re.compile(r"\b(left|right) (?:side )?of|\b(closest) to|\b(smallest)\b")
    noticed = []
    for record in records["scanrefer"]:
        found = swappable.search(record["description"])
        if found:
            word = next(w for w in found.groups() if w)
            text = record["description"].replace(word, swaps[word])
            text = text.replace("farthest to", "farthest from")
            noticed.append(solve(text, scene) != {int(record["object_id"])})
    assert len(noticed) > 4
    assert np.mean(noticed) > 0.95


def test_queries_are_of_many_types(told) -> None:
    _, records, _ = told
    assert len({r["query_type"] for r in records["scanrefer"]}) >= 7
    types = {r["eval_type"] for r in records["multi3drefer"]}
    assert {"zt_w_d", "zt_wo_d", "mt"} <= types


def test_training_language_never_pairs_what_is_held_out(told) -> None:
    facts, records, _ = told
    if split_of(facts.seed) != "train":
        return
    texts = [r["description"] for r in (*records["scanrefer"], *records["multi3drefer"])]
    texts += [r["question"] for r in records["scanqa"]]
    for text in texts:
        for mention in parse(text).mentions:
            assert (mention.noun, mention.color) not in HELD_OUT_PAIRS, text


def test_stimulus_counts_the_distractors(told) -> None:
    _, records, _ = told
    for record in records["nr3d"]:
        scene, label, count, target, *others = record["stimulus_id"].split("-")
        assert (scene, label) == ("scene", record["instance_type"].replace(" ", "_"))
        assert int(target) == record["target_id"]
        assert len(others) == int(count) - 1 >= 1


def test_chains_name_only_what_their_frames_show(told) -> None:
    facts, records, _ = told
    chains = records["cold_start"]
    assert {c["stage"] for c in chains} == {1, 2, 3}
    assert any("not found" in c["completion"] for c in chains)
    for chain in chains:
        assert chain_problems(chain, facts) == []


def test_chains_of_views_leave_saying_where_to_the_box(told) -> None:
    chains = [c["completion"] for c in told[1]["cold_start"] if c["stage"] == 2]
    shown = [re.findall(r"(?:This view shows|There is|I can see) [^.]*\.", c) for c in chains]
    assert all(shown)
    assert not re.search(r"left|right|middle", " ".join(s for each in shown for s in each))


def test_clips_have_the_length_that_is_asked_for(told) -> None:
    facts, records = told[:2]
    drawn = {len(r["frames"]) for r in records["cold_start"] if r["stage"] == 1}
    assert drawn == {6, 8, 10, 12}
    asked = LanguageConfig(descriptions=3, clip_frames=4)
    chains = language_of(facts, asked)[0]["cold_start"]
    assert {len(r["frames"]) for r in chains if r["stage"] == 1} == {4}
    assert max(len(r["frames"]) for r in chains) == 4


def test_views_drawn_evenly_come_besides_and_change_nothing(told) -> None:
    facts, records = told[:2]
    asked = language_of(facts, LanguageConfig(descriptions=3, views=4))[0]
    drawn = asked.pop("cold_start_views")
    assert asked == records
    assert {c["stage"] for c in drawn} == {2}
    assert len(drawn) > 2 * sum(c["stage"] == 2 for c in records["cold_start"])
    assert all(chain_problems(c, facts) == [] for c in drawn)
    denied = np.array(["not found" in c["completion"] for c in drawn])
    assert 0.5 < denied.mean() < 0.85
    # also views with another thing of the noun, which no other chain denies
    alike = [
        any(t.kind == facts.thing(c["object_ids"][0]).kind for t in shown_in(facts, c))
        for c, no in zip(drawn, denied, strict=True)
        if no and c["object_ids"]
    ]
    assert any(alike)


def shown_in(facts, chain):
    view = facts.views[chain["frames"][0]]
    return [t for t in facts.things if view.shows(t.object_id)]


def test_no_form_of_query_is_denied_more_often_than_found(told) -> None:
    records = told[1]
    counts: dict[tuple[bool, int], list[bool]] = {}
    for chain in records["cold_start"]:
        if chain["stage"] < 3:
            solved = parse(chain["query"])
            group = (solved.relation is not None, chain["stage"])
            counts.setdefault(group, []).append("not found" in chain["completion"])
    assert len(counts) == 4
    for group, denied in counts.items():
        assert 0.0 < np.mean(denied) < 0.3, group
    # the annotations keep all of them
    assert sum(r["eval_type"].startswith("zt") for r in records["multi3drefer"]) > 10


def test_views_deny_in_as_many_ways_as_they_confirm(told) -> None:
    # the likeliest word would lean to what has fewer
    facts = told[0]
    records = language_of(facts, LanguageConfig(descriptions=3, views=4))[0]
    said: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for chain in [*records["cold_start"], *records["cold_start_views"]]:
        if chain["stage"] == 2:
            decided = re.search(
                r"(There is|I can see|It is not in|Nothing in|[A-Z][^.]* does not)",
                chain["completion"].replace("This view shows", ""),
            )
            assert decided, chain["completion"]
            said["not found" in chain["completion"]][decided[1]] += 1
    assert len(said[True]) == len(said[False]) > 1


def test_chain_check_notices_what_is_not_shown(told) -> None:
    facts, records, _ = told
    chain = next(c for c in records["cold_start"] if c["stage"] == 1)
    hidden = next(
        k for k in ("ladder", "bathtub", "toilet") if all(t.kind != k for t in facts.things)
    )
    lie = chain["completion"].replace("</think>", f" I see a {hidden}.</think>")
    assert chain_problems({**chain, "completion": lie}, facts)


def test_completions_have_the_strict_format_and_true_answers(told) -> None:
    facts, records, _ = told
    for chain in records["cold_start"]:
        answer = strict_answer(chain["completion"])
        views = [facts.views[i] for i in chain["frames"]]
        if answer == "not found":
            # in a single view even what the room holds may be absent
            assert chain["object_ids"] == [] or chain["stage"] == 2
            assert not any(v.shows(i) for v in views for i in chain["object_ids"])
            continue
        target = chain["object_ids"][0]
        if chain["stage"] == 1:
            start, end = (float(v) for v in answer.split(" to "))
            times = [round(v.seconds - views[0].seconds, 1) for v in views if v.shows(target)]
            assert start in times
            assert end in times
            assert start < end
        elif chain["stage"] == 3:
            asked = {r["question_id"]: r for r in records["scanqa"]}[chain["question_id"]]
            assert answer in asked["answers"]
        else:
            given = json.loads(answer)
            np.testing.assert_allclose(views[0].boxes[target][0], given["bbox_2d"], atol=0.5)
            assert given["label"] == facts.thing(target).kind


def strict_answer(completion: str) -> str:
    match = re.fullmatch(r"<think>.+</think><answer>([^<]+)</answer>", completion)
    assert match, completion
    return match[1]


def test_wording_varies(told) -> None:
    _, records, _ = told
    starts = {r["description"].split()[0] for r in records["scanrefer"]}
    intros = {c["completion"].split('"')[0] for c in records["cold_start"]}
    assert len(starts) >= 3
    assert len(intros) >= 3


def test_left_and_right_follow_from_position_and_rotation(told) -> None:
    facts, records, _ = told
    scene = solver_scene(facts)
    truth = {a["question_id"]: a for a in records["sqa3d_annotations"]}
    checked = 0
    for question in records["sqa3d_questions"]:
        found = re.match(r"Is the (.+) on my left or on my right\?", question["question"])
        if not found:
            continue
        annotation = truth[question["question_id"]]
        (target,) = solve(f"the {found[1]}", scene)
        turn = annotation["rotation"]
        heading = 2 * math.atan2(turn["_z"], turn["_w"]) + math.pi / 2
        x, y = annotation["position"]["x"], annotation["position"]["y"]
        dx, dy = facts.thing(target).center[0] - x, facts.thing(target).center[1] - y
        left = math.cos(heading) * dy - math.sin(heading) * dx > 0
        assert annotation["answers"][0]["answer"] == ("left" if left else "right")
        checked += 1
    assert checked


def test_counts_and_colours_of_answers_are_true(told) -> None:
    facts, records, _ = told
    scene = solver_scene(facts)
    for record in records["scanqa"]:
        text, answers = record["question"], record["answers"]
        if text.startswith("how many"):
            assert answers[0] == str(len(solve(text.removeprefix("how many"), scene)))
        elif text.startswith("what") and "color" in text:
            (one,) = solve(text, scene)
            assert answers == [facts.thing(one).color]
        elif text.startswith("is there"):
            assert answers == ["yes" if solve(text, scene) else "no"]
