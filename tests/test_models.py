from __future__ import annotations

from pathlib import Path

import pytest

from newlesions import house, models
from newlesions.errors import ConfigError
from newlesions.images.files import write_text


def write_model(folder: Path, description: str = '{"recipe": "mine"}') -> str:
    for name, text in (("model.json", description), ("recipe.yaml", "id: mine"), ("voxel_0.txt", "trees")):
        write_text(folder / name, text)
    for name in ("card.md", "held_out.tsv"):
        write_text(folder / name, "not what results depend on")
    return str(folder)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that ships the model `mine`."""
    monkeypatch.setattr(house, "__file__", str(tmp_path / "package" / "house.py"))
    folder = tmp_path / "package" / "data" / "models" / "mine"
    write_model(folder)
    return folder


def test_a_model_is_found_by_path_and_by_name(tmp_path: Path, shipped: Path) -> None:
    path = write_model(tmp_path / "elsewhere")
    assert models.folder(path) == Path(path)
    assert models.folder("mine") == shipped
    assert list(house.models()) == ["mine"]


def test_digests_change_with_the_classifier_and_not_with_its_card(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    before = models.digests(path)
    assert list(before) == ["model.json", "voxel_0.txt"]
    write_text(tmp_path / "card.md", "another card")
    assert models.digests(path) == before
    write_text(tmp_path / "voxel_0.txt", "other trees")
    assert models.digests(path) != before


def test_networks_are_told_from_trees_and_their_weights_count(tmp_path: Path) -> None:
    path = write_model(tmp_path, '{"recipe": "mine", "kind": "networks"}')
    write_text(tmp_path / "weights" / "new_0.safetensors", "weights")
    assert models.kind_of(path) == models.NETWORKS
    assert "weights/new_0.safetensors" in models.digests(path)
    assert models.kind_of(write_model(tmp_path / "other")) == models.TREES
    assert models.kind_of(None) is None


@pytest.mark.parametrize("absent", ["model.json", "recipe.yaml"])
def test_an_incomplete_model_is_refused(tmp_path: Path, absent: str) -> None:
    path = write_model(tmp_path)
    (tmp_path / absent).unlink()
    with pytest.raises(
        ConfigError, match=f"found no {absent} there; expected the folder that `newlesions train` wrote"
    ):
        models.folder(path)


@pytest.mark.parametrize("text", ["[]", "{", '{"settings": 1}'])
def test_what_describes_no_model_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="expected what `newlesions train` wrote"):
        models.recipe_of(write_model(tmp_path, text))


def test_a_recipe_takes_the_model_that_it_needs(tmp_path: Path, shipped: Path) -> None:
    path = write_model(tmp_path / "trained")
    needy, plain = {"id": "mine", "needs_model": True}, {"id": "mine"}
    assert models.choose(needy, path) == models.choose(plain, path) == path
    assert models.choose(needy, None) == "mine", "the shipped one of its name"
    assert models.choose(plain, None) is None
    with pytest.raises(ConfigError, match="recipe other: found no model; expected --model MODEL_DIR"):
        models.choose({"id": "other", "needs_model": True}, None)
    with pytest.raises(ConfigError, match="found a model of recipe mine; expected one of recipe other"):
        models.choose({"id": "other"}, path)


def test_only_recipes_with_something_to_train_are_trained() -> None:
    models.check_trainable({"id": "a", "stages": {"train": {}}})
    models.check_trainable({"id": "a", "stages": {"new": {"task": "segment_new"}}})
    with pytest.raises(ConfigError, match="recipe a: found no section train"):
        models.check_trainable({"id": "a", "stages": {"candidates": {}}})
