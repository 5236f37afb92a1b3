from __future__ import annotations

from newlesions.recipes.check import check
from newlesions.recipes.show import graph, show
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


def test_a_recipe_without_networks_is_shown_with_its_settings() -> None:
    text = show(read_recipe("prados2021"), [])
    assert "candidates.k = 1.0" in text and "STAGES" not in text and "train.threshold = 0.2" in text


def test_a_joined_stage_is_shown_by_what_it_joins() -> None:
    content = read_recipe("siddiquee2021")
    text = show(content, check(content))
    assert "new  (new lesions of a pair, by several stages)" in text
    assert "predict   mean of shallow, deep, from 0.5, above 0 mm3" in text


def test_how_patches_are_chosen_is_shown() -> None:
    content = read_recipe("efird2021")
    assert "batches of 4, centres weighted 0 : 1 : 100" in show(content, check(content))
    content = read_recipe("schmidtmengin2021")
    assert "30 % on lesions, centres weighted 1 : 1 : 1, the hardest 32 train" in show(content, check(content))
    content = read_recipe("fenneteau2021")
    assert "80 % on lesions, targets of 4 raters too" in show(content, check(content))
