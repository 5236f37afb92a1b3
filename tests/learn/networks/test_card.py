from __future__ import annotations

import dataclasses
from pathlib import Path

from learn.networks.small import make_stage
from newlesions.detect.networks.model import Member, NetworkModel
from newlesions.learn.networks.card import card
from newlesions.networks.stages import Limits

ROWS = [
    {"pair": "a", "subject": "1", "Dice": 0.5, "F1_score": 0.6, "candidates_Dice": 0.4},
    {"pair": "b", "subject": "2", "Dice": 0.7, "F1_score": 0.8, "candidates_Dice": 0.6},
    {"pair": "c", "subject": "2", "NbTestedLesions": 2.0},
]


def model(left_out: tuple[str, ...] = ("1",), limits: Limits | None = None) -> NetworkModel:
    stage = make_stage()
    members = {stage.name: [Member(Path("a"), left_out), Member(Path("b"), left_out)]}
    return NetworkModel("mine", {stage.name: stage}, members, limits or Limits())


def test_what_the_card_of_networks_tells() -> None:
    text = card(model(), {"description": "What it does."}, ROWS)
    assert "What it does." in text and "3 pairs of 2 subjects" in text
    assert "2 networks" in text and "one per fold of subjects" in text
    assert "| Dice | 0.600 | 0.141 | 0.600 |" in text
    assert "2.00 false lesions a pair" in text
    assert "Smaller than the recipe" not in text


def test_a_trial_of_a_recipe_says_so() -> None:
    text = card(model(limits=Limits(width=0.25, steps=3)), {}, ROWS)
    assert "25 % of its channels, 100 % of its patches' sides, at most 3 steps" in text


def test_without_folds_there_are_no_scores() -> None:
    text = card(model(left_out=()), {}, [{"pair": "a", "subject": "1"}])
    assert "None: every network of some stage was trained on all subjects" in text and "of all pairs" in text


def test_extra_pairs_and_joined_stages_are_told() -> None:
    made = model()
    joined = dataclasses.replace(made.answer, name="both", task="combine", inputs=("new",), network={})
    stages = {**made.stages, "both": joined}
    more = dataclasses.replace(
        made, stages=stages, members={**made.members, "both": []}, training={"extra": ["x", "y"]}
    )
    text = card(more, {}, ROWS)
    assert "and 2 further pairs of other subjects, which trained every network" in text
    assert "- `both` (combine): mean of `new`." in text
