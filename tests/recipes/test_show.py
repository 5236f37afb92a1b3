from __future__ import annotations

from newlesions.recipes.check import check
from newlesions.recipes.show import described, graph, show
from newlesions.recipes.stages import stages_of
from newlesions.settings import read_recipe
from recipes.made import entry, recipe


def test_the_graph_of_a_cascade() -> None:
    lesions = entry(task="segment_lesions", inputs=["flair"])
    stages = stages_of(recipe(lesions=lesions, new=entry(inputs=["lesions(followup) - lesions(baseline)", "followup"])))
    assert graph(stages).splitlines() == [
        "  new  (new lesions of a pair)",
        "  ├─ lesions(followup) - lesions(baseline)",
        "  │  lesions  (all lesions of one visit)",
        "  │  └─ flair",
        "  └─ followup",
    ]


def test_the_graph_of_transfer_and_synthesis() -> None:
    text = graph(stages_of(read_recipe("kamraoui2022")))
    assert "└─ begins with synthetic (whole, encoder frozen)" in text
    assert "├─ begins with lesions (encoder, encoder frozen)" in text
    assert text.count("uses inpaint") == text.count("uses generate") == 1


def test_what_is_shown_of_a_recipe() -> None:
    content = read_recipe("ashtari2021")
    text = show(content, check(content))
    assert text.startswith("ashtari2021: Pre-U-Net")
    assert "26.27 million weights" in text and "Ashtari P, Barile B" in text
    assert "resample.finest_mm = 0.6" in text
    assert "THE PAPER STATES" in text and "(p. 48)" in text
    assert "CHOSEN, SINCE THE PAPER LEAVES IT OPEN" in text
    assert max(map(len, text.splitlines())) <= 120


def test_every_number_of_a_stage_is_told() -> None:
    start = {"stage": "lesions", "part": "encoder", "frozen": True}
    sample = {"patch": [16, 16, 16], "batch": 3, "cases": "changed", "weights": [1.0, 0.5], "options": {"shift": 0.6}}
    new = entry(
        inputs=["followup"],
        start=start,
        sample=sample,
        augment=[{"name": "noise", "p": 0.3}, {"name": "flip"}],
        loss=[{"name": "focal", "gamma": 2}, {"name": "dice"}],
        optimise={"name": "sgd", "lr": 0.01, "steps": 7, "schedule": {"name": "cosine", "warmup": 0.1}, "clip": 5.0},
        predict={"threshold": 0.1, "flips": [0, 1], "min_volume_mm3": 4.0},
    )
    content = recipe(lesions=entry(task="segment_lesions", inputs=["flair"]), new=new)
    told = described(check(content)[1])
    assert told["begins"] == "with lesions (encoder, encoder frozen)"
    assert told["patches"] == (
        "16 x 16 x 16, batches of 3, 50 % on lesions, changed pairs only, weights [1.0, 0.5], options {shift 0.6}"
    )
    assert told["augment"] == "noise (p 0.3), flip" and told["loss"] == "focal (gamma 2) + dice"
    assert told["optimise"] == "sgd 0.01, 7 steps, cosine (warmup 0.1), last weights, clip 5.0"
    assert told["predict"].endswith("mean of networks, flips [0, 1]")
    assert told["mask"] == "from 0.1, lesions above 4 mm3"


def test_a_recipe_without_networks_is_shown_with_its_settings() -> None:
    text = show(read_recipe("prados2021"), [])
    assert "candidates.k = 1.0" in text and "STAGES" not in text and "train.threshold = 0.2" in text


def test_a_joined_stage_is_shown_by_what_it_joins() -> None:
    content = read_recipe("siddiquee2021")
    text = show(content, check(content))
    assert "new  (new lesions of a pair, by several stages)" in text
    assert "predict   mean of shallow, deep\n  mask      from 0.5, lesions above 0 mm3" in text


def test_how_patches_are_chosen_is_shown() -> None:
    content = read_recipe("efird2021")
    assert "batches of 4, centres weighted 0 : 1 : 100" in show(content, check(content))
    content = read_recipe("schmidtmengin2021")
    assert "30 % on lesions, centres weighted 1 : 1 : 1, the hardest 32 train" in show(content, check(content))
    content = read_recipe("fenneteau2021")
    assert "80 % on lesions, targets of 4 raters too" in show(content, check(content))
