"""What a benchmark plans: each preparation and each network once, and nothing that has seen its fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from newlesions import house, settings
from newlesions.benchmark.networks import Learned, members, wanted
from newlesions.benchmark.plan import Conditions, Consensus, Entrant, Plan, make_plan
from newlesions.benchmark.preparation import STEPS, preparation
from newlesions.cohort.pairs import Pair
from newlesions.networks.stages import Stage

STAGE: dict[str, Any] = {"task": "segment_new", "inputs": ["baseline", "followup"]}
NETWORK = {"name": "unet3d", "channels": [4]}


def pair(subject: str, *, session: str = "M12", brains: bool = True, raters: str = "") -> Pair:
    scans = f"/{subject}a.nii.gz", f"/{subject}b.nii.gz"
    made = Pair.of(subject, ("M00", session), scans, brains=("/a.nii.gz", "/b.nii.gz") if brains else ("", ""))
    return made.with_values(reference=f"/{subject}r.nii.gz", raters=raters)


PAIRS = [pair(f"{number:02}") for number in range(1, 7)]


def entrant(name: str, stages: Mapping[str, Any], tmp_path: Path, **preprocess: Any) -> Entrant:
    recipe = {"id": name, "title": "t", "needs_model": True, "stages": dict(stages), "preprocess": preprocess}
    return of(recipe, tmp_path)


def of(recipe: Mapping[str, Any], tmp_path: Path) -> Entrant:
    import yaml

    path = tmp_path / f"{recipe['id']}.yaml"
    path.write_text(yaml.safe_dump(dict(recipe)))
    return shipped(str(path))


def shipped(name: str) -> Entrant:
    recipe = settings.read_recipe(name)
    config = settings.read_config() | {"recipe": name, "training": True}
    return Entrant(str(recipe["id"]), recipe, settings.merged(config))


def network(**entries: Any) -> dict[str, Any]:
    return {**STAGE, "network": NETWORK, **entries}


def planned(entrants: Sequence[Entrant], **conditions: Any) -> Plan:
    return make_plan(PAIRS, entrants, Conditions("3", **conditions))


def test_recipes_share_a_preparation_as_far_as_their_settings_agree() -> None:
    plain = settings.merged(settings.read_config())
    other = settings.deep_merge(plain, {"harmonise": {"denoise": True}})
    one, two = (preparation(content, brains_given=False) for content in (plain, other))
    same = [step for step in STEPS if one[step].key == two[step].key]
    assert same == ["bias", "brain", "halfway", "resample"]
    third = preparation(settings.deep_merge(plain, {"bias": {"preset": "prados2021"}}), brains_given=False)
    assert not any(one[step].key == third[step].key for step in STEPS), "what comes after another N4 is another thing"


def test_how_a_recipe_finds_brains_does_not_matter_where_they_are_given() -> None:
    plain = settings.merged(settings.read_config())
    other = settings.deep_merge(plain, {"brain": {"cord": "connected"}})
    for given, equal in ((True, True), (False, False)):
        keys = [preparation(content, brains_given=given)["candidates"].key for content in (plain, other)]
        assert (keys[0] == keys[1]) is equal


def test_the_shipped_recipes_prepare_a_pair_in_fewer_ways_than_there_are_recipes() -> None:
    entrants = [shipped(name) for name in house.recipes()]
    pairs = [pair(f"{number:02}", raters="1=/1.nii;2=/2.nii;3=/3.nii;4=/4.nii") for number in range(1, 7)]
    steps = make_plan(pairs, entrants, Conditions("3"))["steps"]
    for step, bearing in (("bias", ["ingest", "bias"]), ("resample", ["ingest", "bias", "halfway", "resample"])):
        distinct = {str([one.settings[section] for section in bearing]) for one in entrants}
        assert len(steps[step]) == len(distinct) < len(entrants)
    assert len(steps["candidates"]) < len(entrants)


def test_no_job_of_a_fold_learns_from_its_subjects(tmp_path: Path) -> None:
    cascade = {
        "lesions": network(task="segment_lesions", inputs=["flair"], members={"folds": 2}),
        "new": network(inputs=["lesions(followup)", "followup"], members={"folds": 2}),
    }
    plan = planned([entrant("cascade", cascade, tmp_path), shipped("boosted"), shipped("subtraction")])
    fold_of = {row["pair"]: row["fold"] for row in plan["pairs"]}
    assert sorted(fold_of.values()) == ["1", "1", "2", "2", "3", "3"]
    for entry in plan["entries"].values():
        assert entry["pairs"] == [name for name, fold in fold_of.items() if fold == entry["fold"]]
        for key in entry["networks"]:
            job = plan["networks"][key]
            assert job["cases"] and not set(job["cases"] + job["validation"]) & set(entry["pairs"])
            for row in (row for rows in job["members"].values() for row in rows):
                earlier = plan["networks"][Path(row["folder"]).name]
                assert not set(earlier["cases"] + earlier["validation"]) & set(entry["pairs"])
        if entry["trees"]:
            assert set(plan["trees"][entry["trees"]]["pairs"]) == set(fold_of) - set(entry["pairs"])
    held_out = [name for key, entry in plan["entries"].items() if key.startswith("cascade/") for name in entry["pairs"]]
    assert sorted(held_out) == sorted(fold_of), "each pair is judged once"


def test_a_consensus_is_judged_on_the_pairs_of_each_fold_and_trains_nothing() -> None:
    entrants = [shipped("subtraction"), shipped("boosted")]
    alone = make_plan(PAIRS, entrants, Conditions("3"))
    plan = make_plan(PAIRS, entrants, Conditions("3"), consensus=[Consensus("mean", ("subtraction", "boosted"))])
    fused = {key: entry for key, entry in plan["entries"].items() if key not in alone["entries"]}
    assert set(fused) == {"consensus-mean/1", "consensus-mean/2", "consensus-mean/3"}
    for entry in fused.values():
        assert entry["pairs"] == plan["entries"][f"boosted/{entry['fold']}"]["pairs"]
        assert (entry["how"], entry["of"]) == ("mean", ["subtraction", "boosted"])
    assert {name: plan[name] for name in ("steps", "networks", "trees", "recipes")} == {
        name: alone[name] for name in ("steps", "networks", "trees", "recipes")
    }


def test_two_recipes_with_one_stage_share_its_networks(tmp_path: Path) -> None:
    one = entrant("one", {"new": network(members={"folds": 3, "refit": True})}, tmp_path)
    stages = {
        "seen": network(members={"folds": 5, "refit": True}, predict={"overlap": 0.25}),
        "new": {"task": "combine", "inputs": ["seen"]},
    }
    two = entrant("two", stages, tmp_path)
    plan = planned([one, two])
    keys = [plan["entries"][f"{name}/1"]["networks"] for name in ("one", "two")]
    assert len(keys[0]) == 1 and keys[0][0] not in keys[1][:-1], "one network of all pairs is applied"
    assert plan["entries"]["two/1"]["members"]["seen"][-1]["left_out"] == []
    assert keys[0][0] == keys[1][-1], "the fit of all pairs is the same, whatever stands before it in each"


def test_other_settings_of_a_stage_are_other_networks(tmp_path: Path) -> None:
    first = entrant("one", {"new": network()}, tmp_path)
    for other in (
        entrant("two", {"new": network(optimise={"lr": 0.5})}, tmp_path),
        entrant("two", {"new": network()}, tmp_path, harmonise={"denoise": True}),
    ):
        assert len(planned([first, other])["networks"]) == 6
    assert len(planned([first, entrant("two", {"new": network()}, tmp_path)])["networks"]) == 3
    assert set(planned([first])["networks"]).isdisjoint(planned([first], minutes=1.0)["networks"])


def test_networks_of_folds_are_trained_only_where_something_learns_from_them() -> None:
    learned = Learned(tuple((one.pair, one.subject) for one in PAIRS))
    last = Stage.of("new", network(members={"folds": 3, "refit": True}))
    assert [one.left_out for one in wanted([last], learned, 0)["new"]] == [()]
    assert len(wanted([last], learned, 0, seen=True)["new"]) == 4
    folds = Stage.of("new", network(members={"folds": 3}))
    assert len(wanted([folds], learned, 0)["new"]) == 3
    later = Stage.of("second", network(inputs=["new", "followup"]))
    assert len(wanted([last, later], learned, 0)["new"]) == 4


def test_seeds_differ_between_the_networks_of_a_stage() -> None:
    learned = Learned(tuple((one.pair, one.subject) for one in PAIRS))
    stage = Stage.of("new", network(members={"folds": 3, "seeds": 2, "refit": True}))
    seeds = [one.seed for one in members(stage, learned, 7)]
    assert len(seeds) == len(set(seeds)) == 8
    assert all(7000 <= seed < 8000 for seed in seeds)


def test_minutes_are_split_evenly_and_paces_are_measured_once(tmp_path: Path) -> None:
    one = entrant("one", {"new": network(members={"folds": 2})}, tmp_path)
    plan = planned([one], minutes=3.0)
    assert {job["seconds"] for job in plan["networks"].values()} == {90.0}
    (key,) = plan["paces"]
    assert {job["pace_key"] for job in plan["networks"].values()} == {key}
    assert plan["paces"][key]["cases"] == [one.pair for one in PAIRS[:2]] and plan["paces"][key]["recorded"] is None
    again = planned([one], minutes=3.0, paces={key: 0.5})
    assert again["paces"][key]["recorded"] == 0.5 and set(again["networks"]) == set(plan["networks"])
    paper = planned([one])
    assert not paper["paces"] and {job["seconds"] for job in paper["networks"].values()} == {None}


def test_extra_pairs_train_the_recipes_that_ask_for_them_and_are_never_held_out(tmp_path: Path) -> None:
    recipe = {"id": "asks", "title": "t", "needs_model": True, "extra_pairs": True, "stages": {"new": network()}}
    asks, other = of(recipe, tmp_path), entrant("other", {"new": network()}, tmp_path)
    extra = pair("99")
    plan = make_plan(PAIRS, [asks, other], Conditions("3"), extra=[extra])
    for entry in plan["entries"].values():
        assert extra.pair not in entry["pairs"]
        assert (extra.pair in entry["learned"]) is (entry["recipe"] == "asks")
    assert {row["fold"] for row in plan["pairs"] if row["pair"] == extra.pair} == {""}


def test_a_network_of_a_rater_learns_from_raters_that_all_pairs_of_its_fold_have(tmp_path: Path) -> None:
    rated = [pair(f"{n:02}", raters="a=/a.nii.gz;b=/b.nii.gz" if n < 6 else "a=/a.nii.gz") for n in range(1, 7)]
    made = entrant("raters", {"new": network(members={"raters": True})}, tmp_path)
    plan = make_plan(rated, [made], Conditions("loo"))
    by_fold = {fold: len(plan["entries"][f"raters/{fold}"]["networks"]) for fold in "123456"}
    last = next(row["fold"] for row in plan["pairs"] if row["subject"] == "06")
    assert by_fold.pop(last) == 2 and set(by_fold.values()) == {1}


@pytest.mark.parametrize("folds", ["2", "loo"])
def test_equal_requests_give_equal_plans(folds: str) -> None:
    entrants = [shipped(name) for name in ("subtraction", "boosted", "sarica2021")]
    first, second = (make_plan(PAIRS, entrants, Conditions(folds, seed=3)) for _ in range(2))
    assert first == second
    other = make_plan(PAIRS, entrants, Conditions("2", seed=4))
    assert [row["fold"] for row in other["pairs"]] != [row["fold"] for row in first["pairs"]]
