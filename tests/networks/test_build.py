"""Networks against what the papers say of them."""

from __future__ import annotations

import pytest
import torch

from newlesions.errors import ConfigError
from newlesions.networks.build import NAMES, build, check, dimensions, margin, moves, patch_multiple, patch_multiples
from newlesions.networks.final import NormalisedReLU
from newlesions.networks.registration import Registered

KAMRAOUI = {
    "channels": [8, 16, 24],
    "norm": "group",
    "order": "norm-conv-act",
    "activation": "relu",
    "down": "maxpool",
    "dropout": 0.5,
}
SMALL = {
    "unet3d": {"channels": [4, 8, 8]},
    "unet2d": {"channels": [4, 8, 8], "norm": "batch"},
    "preunet": {"channels": [8, 8, 16, 16]},
    "subpixel": {"channels": [4, 8, 8]},
    "tiramisu": {"channels": [8], "growth": 4, "layers": [2, 2, 2]},
    "pathways": {"channels": [4, 4], "coarse": [4, 4], "joined": [8], "margin": 8},
    "siamese": KAMRAOUI,
    "flat": {"channels": [4] * 6},
    "mpunet": {"channels": [4, 4, 8]},
    "similarity": {"channels": [4, 8, 8], "residual": True, "norm": "group", "group_size": 4},
    "segres": {"channels": [4], "blocks": [1, 2]},
    "fieldnet": {"channels": [4, 8], "registration": [4, 4]},
    "ncrnet": {"channels": [4, 8]},
}
ELSEWHERE = {"autoencoder", "estimator", "film", "resnet3d", "slab"}
"""What has another input or output than all others, and tests of its own."""
VARIANTS = [
    *({"name": name, **arguments} for name, arguments in SMALL.items()),
    {"name": "unet3d", **KAMRAOUI, "up": "trilinear"},
    {"name": "unet3d", "channels": [4, 8, 8], "strides": [[2, 2, 1], [2, 1, 2]], "up": "nearest", "skip": "add"},
    {"name": "unet3d", "channels": [4, 8], "residual": True, "up": "trilinear", "kernel": [[1, 3, 3], 3]},
    {"name": "unet3d", "channels": [4, 8], "norm": "none", "down": "maxpool", "dropout": 0.2, "dropout_at": "conv"},
    {"name": "unet3d", "channels": [4, 8, 8], "residual": True, "down": "antialiased", "up": "antialiased"},
    {"name": "unet2d", "channels": [4, 8], "down": "antialiased", "up": "interpolate"},
    {"name": "unet3d", "channels": [4, 8], "own_blocks": 4},
    {"name": "unet3d", "channels": [4, 8], "gates": True, "standardise": True, "final": "normalised_relu"},
    {"name": "tiramisu", "channels": [8], "growth": 4, "layers": [2, 2, 2], "final": "tanh"},
]


def parameters(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def on_meta(network: dict[str, object], inputs: int, width: float = 1.0) -> torch.nn.Module:
    with torch.device("meta"):
        return build(network, inputs, width)


def test_small_covers_every_name() -> None:
    assert set(SMALL) | ELSEWHERE == set(NAMES)


@pytest.mark.parametrize("network", VARIANTS, ids=lambda network: network["name"])
@pytest.mark.parametrize("mode", [True, False], ids=["training", "applied"])
def test_logits_have_the_input_s_size_even_if_odd(network: dict[str, object], mode: bool) -> None:
    sides = (9, 7, 11)[: dimensions(network)]
    seen = tuple(side + 2 * margin(network) for side in sides)
    result = build(network, 2).train(mode)(torch.randn(1, 2, *seen))
    if isinstance(result, Registered):
        assert result.moved.shape == result.fixed.shape == (1, 1, *sides)
        assert result.field.shape == (1, len(sides), *sides)
        result = result.answer
    finest = result[0] if isinstance(result, list) else result
    assert finest.shape == (1, 1 + (moves(network) and not mode), *sides)


@pytest.mark.parametrize("network", VARIANTS, ids=lambda network: network["name"])
def test_every_parameter_learns(network: dict[str, object]) -> None:
    made = build(network, 2)
    result = made(torch.randn(2, 2, *(16 + 2 * margin(network),) * dimensions(network)))
    if isinstance(result, Registered):
        result = [result.answer, result.moved]
    logits = result if isinstance(result, list) else [result]
    sum(one.square().sum() for one in logits).backward()
    assert [name for name, one in made.named_parameters() if one.grad is None] == []


@pytest.mark.parametrize("network", VARIANTS, ids=lambda network: network["name"])
def test_equal_seeds_give_equal_weights(network: dict[str, object]) -> None:
    first, second = (torch.manual_seed(3) and build(network, 2).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_preunet_has_the_paper_s_parameters() -> None:
    """ashtari2021, p. 49: 26.3 million."""
    assert parameters(on_meta({"name": "preunet"}, 2)) == pytest.approx(26.3e6, abs=0.05e6)


def test_preunet_supervises_the_three_highest_resolutions() -> None:
    """ashtari2021, p. 46, and "only used in the training phase" (Fig. 2)."""
    network = build({"name": "preunet"}, 2, width=0.1)
    patch = torch.randn(1, 2, 32, 32, 32)
    assert [tuple(logits.shape[2:]) for logits in network(patch)] == [(32,) * 3, (16,) * 3, (8,) * 3]
    assert network.eval()(patch).shape == (1, 1, 32, 32, 32)
    assert patch_multiple({"name": "preunet"}) == 16  # four halvings


def test_preunet_norms_before_it_convolves() -> None:
    network = on_meta({"name": "preunet"}, 2)
    unit = network.encoder.blocks[1].units[0]
    assert [name for name, _ in unit.named_children()][:3] == ["norm", "activation", "convolution"]
    assert unit.norm.num_groups == 8
    assert isinstance(unit.activation, torch.nn.LeakyReLU)


def test_basaran_s_network_halves_five_times() -> None:
    """basaran2021, p. 79: five steps down and up, instance norm, no dropout."""
    network = {"name": "unet3d", "channels": [8, 16, 32, 64, 80, 80]}
    made = on_meta(network, 2)
    assert patch_multiple(network) == 32
    assert patch_multiples({"name": "unet3d", "channels": [4, 4, 4], "strides": [[2, 2, 1], [2, 3, 1]]}) == (4, 6, 1)
    assert len(made.encoder.downs) == len(made.decoder.ups) == 5
    norms = [part for part in made.modules() if isinstance(part, torch.nn.GroupNorm)]
    assert norms and all(norm.num_groups == norm.num_channels for norm in norms)
    assert all(part.p == 0 for part in made.modules() if isinstance(part, torch.nn.Dropout))


def test_instance_norm_is_pytorch_s() -> None:
    unit = build({"name": "unet3d", "channels": [4, 8]}, 2).encoder.blocks[0].units[0]
    image = torch.randn(2, 4, 5, 6, 7)
    torch.testing.assert_close(unit.norm(image), torch.nn.InstanceNorm3d(4)(image))


def test_a_patch_of_one_multiple_trains() -> None:
    """Its lowest level is a single voxel, which PyTorch's own norms refuse."""
    network = build({"name": "unet3d", "channels": [4, 4, 4]}, 1)
    assert torch.isfinite(network(torch.randn(1, 1, 4, 4, 4))).all()


def test_kamraoui_s_blocks() -> None:
    """kamraoui2021-iqda, p. 38: group norm (8) before each convolution, ReLU after; dropout .5 after max-pooling."""
    encoder = on_meta({"name": "unet3d", **KAMRAOUI}, 2).encoder
    unit = encoder.blocks[1].units[1]
    assert [name for name, _ in unit.named_children()] == ["norm", "convolution", "dropout", "activation"]
    assert (unit.norm.num_groups, unit.dropout.p, encoder.dropout.p) == (8, 0, 0.5)
    assert isinstance(encoder.downs[0], torch.nn.MaxPool3d)


def test_dropout_acts_on_what_was_pooled() -> None:
    arguments = {**KAMRAOUI, "norm": "none", "dropout": 0.99}
    encoder = build({"name": "unet3d", **arguments}, 1).encoder
    image = torch.randn(1, 1, 8, 8, 8)
    first, again = encoder(image), encoder(image)
    assert torch.equal(first[0], again[0]) and not torch.equal(first[1], again[1])
    assert torch.equal(encoder.eval()(image)[1], encoder(image)[1])


def test_subpixel_finds_each_voxel_s_own_answer() -> None:
    """Channels go in and come out in the same order: a U-Net that copies its input gives the image back."""
    network = build({"name": "subpixel", "channels": [8, 8]}, 1)
    network.unet = torch.nn.Identity()
    image = torch.randn(2, 1, 5, 6, 7)
    assert torch.equal(network(image), image)


def test_subpixel_needs_patches_that_its_factor_divides() -> None:
    assert patch_multiple({"name": "subpixel", "channels": [8, 8], "factor": 3}) == 6


def test_siamese_encoder_is_that_of_a_network_of_one_visit() -> None:
    """kamraoui2022, section 2.2: the encoder of the first task is the siamese encoder of the second."""
    single, siamese = (build({"name": name, **KAMRAOUI}, inputs) for name, inputs in (("unet3d", 1), ("siamese", 2)))
    shapes = [
        {name: tuple(one.shape) for name, one in made.state_dict().items() if name.startswith("encoder.")}
        for made in (single, siamese)
    ]
    assert shapes[0] == shapes[1] and shapes[0]


def test_siamese_sees_both_visits_with_the_same_weights() -> None:
    network = build({"name": "siamese", **KAMRAOUI}, 2).eval()
    with torch.no_grad():
        for combine, channels in zip(network.combine, KAMRAOUI["channels"], strict=True):
            # The half of the kernel for the follow-up is made that for the baseline: the order must not matter then.
            combine.conv.weight[:, channels:] = combine.conv.weight[:, :channels]
        before, after = torch.randn(2, 1, 1, 8, 8, 8)
        torch.testing.assert_close(network(torch.cat([before, after], 1)), network(torch.cat([after, before], 1)))


def test_flat_sees_fifteen_voxels() -> None:
    """hamzaoui2021, p. 95: seven convolutions of side 3, no stride, no pooling."""
    network = build({"name": "flat", "channels": [4] * 6, "maps": 3}, 5).eval()
    region = torch.randn(1, 5, 19, 19, 19, requires_grad=True)
    network(region)[0, 0, 9, 9, 9].backward()
    seen = region.grad[0, 0].abs().amax((1, 2)).nonzero().flatten()
    assert (seen.min(), seen.max()) == (9 - 7, 9 + 7)
    maps = region.grad[0, 2:].abs().amax((0, 2, 3)).nonzero().flatten()
    assert (maps.min(), maps.max()) == (9 - 4, 9 + 4)  # they join before conv4


def test_flat_joins_where_the_paper_says() -> None:
    widths = [6, 7, 8, 9, 10, 11]
    network = on_meta({"name": "flat", "channels": widths, "maps": 3}, 5)
    assert [layer.in_channels for layer in network.convolutions] == [2, 6, 7, 8 + 3, 9 + 7, 10, 11 + 1]


def test_flat_takes_regions_of_any_size_and_padding_changes_nothing() -> None:
    network = build({"name": "flat", "channels": [4] * 6, "maps": 1}, 3)
    region = torch.randn(2, 3, 5, 6, 7)
    padded, mask = torch.randn(2, 3, 8, 8, 8), torch.zeros(2, 1, 8, 8, 8, dtype=torch.bool)
    padded[:, :, :5, :6, :7] = region
    mask[:, :, :5, :6, :7] = True
    for mode in (True, False):
        alone = network.train(mode)(region)
        torch.testing.assert_close(network(padded, mask)[:, :, :5, :6, :7], alone)


def test_a_gate_weighs_the_skip_by_what_comes_from_below() -> None:
    """sarica2021, p. 27; macar2021, p. 73: the skip comes through as it is where the gate is open, else not at all."""
    network = build({"name": "unet3d", "channels": [4, 8], "gates": True}, 1).eval()
    gate, image = network.decoder.gates[0], torch.randn(1, 4, 6, 6, 6)
    norm = gate.psi[1]
    for bias, expected in ((50.0, image), (-50.0, torch.zeros_like(image))):
        torch.nn.init.zeros_(norm.weight), torch.nn.init.constant_(norm.bias, bias)
        torch.testing.assert_close(gate(torch.randn_like(image), image), expected)
    norm.reset_parameters()
    assert not torch.equal(gate(torch.randn_like(image), image), gate(torch.randn_like(image), image))


def test_a_standardising_network_does_not_see_scale_and_offset() -> None:
    network = build({"name": "unet3d", "channels": [4, 8], "standardise": True}, 2).eval()
    image = torch.randn(2, 2, 8, 8, 8)
    torch.testing.assert_close(network(image), network(image * 7 + 3), rtol=1e-3, atol=1e-4)
    assert torch.isfinite(network(torch.zeros_like(image))).all()


def test_normalised_relu_ends_at_1_and_leaves_an_empty_patch_empty() -> None:
    """macar2021, p. 73: "normalized by its maximum value to get an output between 0 and 1"."""
    outputs = torch.tensor([[-1.0, 2, 4], [-3, -2, -1], [0, 0.1, 0.2]])[:, None]
    torch.testing.assert_close(NormalisedReLU()(outputs)[:, 0], torch.tensor([[0, 0.5, 1], [0, 0, 0], [0, 0.5, 1]]))
    torch.testing.assert_close(
        NormalisedReLU(1.0)(outputs)[:, 0], torch.tensor([[0, 0.5, 1], [0, 0, 0], [0, 0.1, 0.2]])
    )


def test_the_tiramisu_is_fc_densenet56() -> None:
    """Jegou et al. 2017, Table 2: 1.5 million parameters with 12 classes, growth 12, 4 layers in each of 11 blocks."""
    network = on_meta({"name": "tiramisu", "outputs": 12}, 3)
    assert parameters(network) == pytest.approx(1.4e6, rel=0.05)
    assert [len(block) for block in (*network.down, network.bottom, *network.up)] == [4] * 11
    assert [block[0].norm.num_features for block in network.down] == [48, 96, 144, 192, 240]
    assert patch_multiple({"name": "tiramisu"}) == 32
    assert all(part.p == 0.2 for part in network.modules() if isinstance(part, torch.nn.Dropout))


def test_each_pathway_sees_what_the_paper_says() -> None:
    """preloznik2021, p. 43: 33 voxels of a patch of 97, and 97 at steps of 3."""
    network = build({"name": "pathways"}, 1, 0.1).double().eval()
    seen = []
    for path in (network.fine, network.coarse):
        path.register_forward_hook(lambda _, given, made: seen.append((given[0].shape[2:], made.shape[2:])))
    patch = torch.randn(1, 1, 97, 97, 97, dtype=torch.double, requires_grad=True)
    assert 19 + 2 * margin({"name": "pathways"}) == 97
    answer = network(patch)
    assert answer.shape == (1, 1, 19, 19, 19)
    assert seen == [((33,) * 3, (19,) * 3), ((33,) * 3, (17,) * 3)]
    answer[0, 0, 9, 9, 9].backward()
    reached = patch.grad[0, 0].abs().amax((1, 2)).nonzero().flatten()
    assert (reached.min(), reached.max()) == (48 - 24, 48 + 24)  # eight coarse convolutions, of 3 voxels each
    assert patch.grad[0, 0, 47, 48, 48] != 0 and patch.grad[0, 0, 38, 38, 38] == 0  # the fine path reaches 7 voxels


def test_width_scales_channels_in_fours() -> None:
    network = {"name": "unet3d", "channels": [32, 64, 100], "norm": "group", "groups": 4}
    convolutions = [on_meta(network, 2, width).encoder.blocks for width in (1, 0.25, 0.01)]
    found = [[block.units[0].convolution.conv.out_channels for block in blocks] for blocks in convolutions]
    assert found == [[32, 64, 100], [8, 16, 24], [4, 4, 4]]


@pytest.mark.parametrize(
    ("network", "inputs", "said"),
    [
        ({"name": "unet4d"}, 2, "there is no network unet4d; known: autoencoder, estimator, fieldnet, film, flat"),
        ({"name": "unet3d", "channels": [4, 8], "depth": 3}, 2, "no argument depth; known: activation, channels"),
        ({"name": "unet3d"}, 2, "channels is"),
        ({"name": "subpixel", "channels": [4, 8, 8], "deep_supervision": 2}, 2, "deep_supervision is 2; expected 1"),
        ({"name": "unet3d", "channels": [4, "8"]}, 2, "expected a list of positive whole numbers"),
        ({"name": "unet3d", "channels": 8}, 2, "expected a list of positive whole numbers"),
        ({"name": "unet3d", "channels": [4, 8], "norm": "layer"}, 2, "known: instance, batch, group, none"),
        ({"name": "unet3d", "channels": [4, 8], "dropout": 50}, 2, "dropout is 50"),
        ({"name": "unet3d", "channels": [4, 8], "convs": 0}, 2, "convs is 0; expected a positive whole number"),
        ({"name": "unet3d", "channels": [4, 8], "residual": "yes"}, 2, "expected true or false"),
        ({"name": "unet3d", "channels": [4, 8], "strides": [2, 2]}, 2, "strides is"),
        ({"name": "unet3d", "channels": [4, 8], "kernel": 2}, 2, "expected odd sides"),
        ({"name": "unet3d", "channels": [12, 24], "norm": "group"}, 2, "do not divide into 8 groups"),
        ({"name": "unet3d", "channels": [4, 8], "deep_supervision": 2}, 2, "expected 1 to 1 levels"),
        ({"name": "unet2d", "channels": [4, 8], "strides": [[2, 2, 2]]}, 2, "each one number or 2"),
        ({"name": "unet3d", "channels": [4, 8], "up": "interpolate", "skip": "add"}, 2, "expected concat, or another"),
        ({"name": "segres", "channels": [4, 8]}, 2, "found 2 channels; expected those of the finest level"),
        ({"name": "segres", "blocks": 2}, 2, "blocks is 2; expected a list"),
        ({"name": "unet3d", "channels": [4, 8], "final": "sigmoid"}, 2, "known: logits, tanh, normalised_relu"),
        ({"name": "unet3d", "channels": [4, 8], "least_peak": -1}, 2, "least_peak is -1; expected 0 or more"),
        ({"name": "tiramisu", "channels": [4, 8]}, 2, "found 2 channels; expected those of the first layer"),
        ({"name": "tiramisu", "layers": [4, 0]}, 2, "layers is (4, 0); expected a list"),
        ({"name": "pathways", "step": 2}, 2, "expected an odd step and a margin of at least 17"),
        ({"name": "pathways", "margin": 24}, 2, "expected an odd step and a margin of at least 25"),
        ({"name": "pathways", "joined": []}, 2, "joined is (); expected a list"),
        ({"name": "siamese", **KAMRAOUI}, 3, "found 3 inputs; expected as many of the baseline"),
        ({"name": "flat", "channels": [4] * 5}, 2, "expected 6"),
        ({"name": "flat", "channels": [4] * 6, "maps": 1}, 2, "found 2 inputs"),
    ],
)
def test_what_cannot_be_built_is_said_in_one_line(network: dict[str, object], inputs: int, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        build(network, inputs)
    assert said in str(raised.value) and "\n" not in str(raised.value)


def test_check_builds_nothing() -> None:
    check({"name": "preunet"})
    with pytest.raises(ConfigError, match="no argument size"):
        check({"name": "preunet", "size": 1})
