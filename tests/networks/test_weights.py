"""Weights go to disk and back, and other weights are refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from newlesions.errors import ConfigError
from newlesions.networks.build import build
from newlesions.networks.weights import load, read_metadata, save, transfer

NETWORK = {"name": "unet3d", "channels": [4, 8], "norm": "batch"}
METADATA = {"recipe": "newlesions", "stage": "new", "member": "0", "steps": "10"}


def test_round_trip(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, other = build(NETWORK, 2), build(NETWORK, 2)
    network(torch.randn(2, 2, 8, 8, 8))  # the norms' running means are kept as well
    save(tmp_path / "a.safetensors", network, METADATA)
    assert load(tmp_path / "a.safetensors", other) == read_metadata(tmp_path / "a.safetensors") == METADATA
    image = torch.randn(1, 2, 8, 8, 8)
    assert torch.equal(network.eval()(image), other.eval()(image))


def test_equal_weights_give_equal_bytes(tmp_path: Path) -> None:
    """The library writes several entries of metadata in a random order."""
    network = build(NETWORK, 2)
    for number in range(5):
        save(tmp_path / f"{number}.safetensors", network, dict(sorted(METADATA.items(), reverse=number % 2 == 1)))
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_weights_of_another_shape(tmp_path: Path) -> None:
    save(tmp_path / "a.safetensors", build(NETWORK, 2))
    with pytest.raises(ConfigError, match=r"encoder.*\(4, 2, 3, 3, 3\), not \(4, 3, 3, 3, 3\)") as raised:
        load(tmp_path / "a.safetensors", build(NETWORK, 3))
    assert "\n" not in str(raised.value) and str(tmp_path) in str(raised.value)


def test_names_that_differ_are_counted_and_nothing_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    network = build(NETWORK, 2)
    save(path, network)
    weights = load_file(path)
    removed = sorted(weights)[:5]
    save_file({"extra": torch.zeros(2)} | {name: weights[name] + 1 for name in weights if name not in removed}, path)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(ConfigError, match=r"lacking: .* and 2 more; unknown: extra"):
        load(path, network)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_what_is_no_safetensors_file(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="no readable safetensors file"):
        load(path, build(NETWORK, 2))


def test_an_encoder_starts_from_a_network_of_one_visit() -> None:
    torch.manual_seed(0)
    single, siamese = build(NETWORK, 1), build({**NETWORK, "name": "siamese"}, 2)
    decoder = {name: one.clone() for name, one in siamese.state_dict().items() if not name.startswith("encoder")}
    taken = transfer(single, siamese, "encoder")
    assert taken == sorted(f"encoder.{name}" for name in single.encoder.state_dict())
    assert all(torch.equal(siamese.state_dict()[name], single.state_dict()[name]) for name in taken)
    assert all(torch.equal(siamese.state_dict()[name], one) for name, one in decoder.items())


def test_whole_networks_share_what_fits() -> None:
    source, target = build(NETWORK, 1), build(NETWORK, 2)
    taken = transfer(source, target)
    first = "encoder.blocks.0.units.0.convolution.conv.weight"
    assert set(target.state_dict()) - set(taken) == {first}  # two images instead of one


def test_a_part_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"found \d+ of \d+ weights of part encoder"):
        transfer(build(NETWORK, 1), build(NETWORK, 2), "encoder")
    with pytest.raises(ConfigError, match="found 0 of 0 weights of part neck"):
        transfer(build(NETWORK, 1), build(NETWORK, 1), "neck")
