"""Losses by name, summed with weights, over patches with padded voxels left out.

Losses of segmentation see one logit per voxel, that of "lesion" (softmax over background and lesion is the sigmoid of
the difference of two logits, so nothing is lost), or the logit of a network's probability; of several targets, as of
raters, they are the mean. Losses of images (``mse``, ``l1``) see the outputs as they are, those of registrations
(`learn.networks.registration`) the field and the images. ``lesion_f1`` asks a trained network, the judge, that does not
learn any more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from monai.losses import DiceLoss, FocalLoss, GeneralizedDiceLoss, TverskyLoss
from torch import Tensor
from torch.nn import functional

from newlesions.errors import ConfigError
from newlesions.learn.networks.registration import LOSSES as REGISTRATION
from newlesions.networks.final import logits_of
from newlesions.networks.registration import Registered

Outputs: TypeAlias = Tensor | Sequence[Tensor] | Registered
"""Logits (N, O, *spatial), or several, finest first, of a network with deep supervision, or a registration."""

_Term = Callable[..., Tensor]


@dataclass(frozen=True)
class Term:
    """One entry of a recipe's ``loss``.

    Attributes
    ----------
    name
        One of `NAMES`.
    weight
        Of this term in the sum.
    batch
        Whether the whole batch counts as one patch, as in nnU-Net's batch Dice.
    heads
        The weights of the outputs of a network with deep supervision, finest first, scaled to sum to 1; empty: 1, 1/2,
        1/4 and so on. Of heads beyond these, none counts.
    options
        What the term itself takes.
    """

    name: str
    weight: float = 1.0
    batch: bool = False
    heads: tuple[float, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


class Loss:
    """The sum of a recipe's losses.

    Parameters
    ----------
    entries
        As in a recipe: ``{name: dice, weight: 1, batch: false, heads: [1, 0.5, 0.25], ...}``.
    probabilities
        Whether outputs are probabilities (`networks.build.gives_probabilities`) and not logits.
    judge
        A network of the task ``estimate_f1``, which the term ``lesion_f1`` asks.

    Raises
    ------
    ConfigError
        If a name or an option is unknown, or there is no judge where one is asked.
    """

    def __init__(
        self,
        entries: Sequence[Mapping[str, Any]],
        probabilities: bool = False,
        judge: torch.nn.Module | None = None,
    ) -> None:
        if not entries:
            raise ConfigError("loss: found no entry; expected at least one")
        if probabilities and any(entry.get("of") == "probability" for entry in entries):
            raise ConfigError("loss: found of: probability; expected output, since the network gives probabilities")
        self.terms, self.probabilities = tuple(_term(entry, judge) for entry in entries), probabilities

    def __call__(self, outputs: Outputs, target: Tensor, valid: Tensor, weight: Tensor | None = None) -> Tensor:
        """The loss of a batch, a scalar.

        Parameters
        ----------
        outputs
            Logits (N, O, *spatial), or several, finest first, or a registration with its answer.
        target
            (N, C, *spatial); 0 to 1 for segmentation (C is 1), intensities for images (C is O).
        valid
            (N, 1, *spatial): 0 where a voxel does not count, else its weight.
        weight
            (N,): of the elements. The mean is over all N, so that a batch of weight 1/3 moves the network by a third.
        """
        seen_field = outputs if isinstance(outputs, Registered) else None
        outputs = outputs.answer if isinstance(outputs, Registered) else outputs
        heads = [outputs] if isinstance(outputs, Tensor) else list(outputs)
        target, valid = target.float(), valid.float()
        weight = torch.ones(len(target), device=target.device) if weight is None else weight.float()
        total = self._of_field(seen_field, valid, weight)
        seen: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}
        for number, head in enumerate(heads):
            size = tuple(head.shape[2:])
            if size not in seen:
                seen[size] = (_shrink(target, size), _shrink(valid, size))
            for term in self.terms:
                if term.name in REGISTRATION:
                    continue
                share = _share(term.heads, number, len(heads))
                if share:
                    value = _value(term, head.float(), *seen[size], weight, self.probabilities)
                    total = total + term.weight * share * value
        return total

    def _of_field(self, seen: Registered | None, valid: Tensor, weight: Tensor) -> Tensor:
        total = torch.zeros((), device=valid.device)
        for term in (term for term in self.terms if term.name in REGISTRATION):
            if seen is None:
                raise ConfigError(f"loss {term.name}: found a network that moves no image; expected one that registers")
            value = REGISTRATION[term.name][0](seen, valid, **term.options)
            total = total + term.weight * (value * weight).mean()
        return total


def lesion_logits(outputs: Tensor) -> Tensor:
    """Logits of "lesion", (N, 1, *spatial), as they are.

    Raises
    ------
    ConfigError
        If there are more channels than one.
    """
    if outputs.shape[1] != 1:
        raise ConfigError(f"network: found {outputs.shape[1]} outputs; expected 1 for losses of segmentation")
    return outputs


def soft_dice(
    logits: Tensor, target: Tensor, valid: Tensor, *, squared: bool = False, smooth: float = 1e-5, both: bool = False
) -> Tensor:
    """1 - (2 sum pg + s) / (sum p + sum g + s), (N,).

    ``squared``: p^2 and g^2 in the denominator; ``both``: the mean with the same of the background.
    """
    chance, truth = _classes(torch.sigmoid(logits), target, both)
    loss = DiceLoss(squared_pred=squared, smooth_nr=smooth, smooth_dr=smooth, reduction="none")
    return _each(loss(chance * valid, truth * valid))


def generalised_dice(logits: Tensor, target: Tensor, valid: Tensor, *, smooth: float = 1e-5) -> Tensor:
    """Generalised Dice over lesion and background, each weighted by 1 / volume^2 (Sudre et al. 2017), (N,)."""
    chance, truth = _classes(torch.sigmoid(logits), target, True)
    loss = GeneralizedDiceLoss(smooth_nr=smooth, smooth_dr=smooth, reduction="none")
    return _each(loss(chance * valid, truth * valid))


def tversky(
    logits: Tensor, target: Tensor, valid: Tensor, *, alpha: float = 0.3, beta: float = 0.7, smooth: float = 1e-5
) -> Tensor:
    """1 - TP / (TP + alpha FP + beta FN), soft, (N,)."""
    loss = TverskyLoss(alpha=alpha, beta=beta, smooth_nr=smooth, smooth_dr=smooth, reduction="none")
    return _each(loss(torch.sigmoid(logits) * valid, target * valid))


def cross_entropy(logits: Tensor, target: Tensor, valid: Tensor, *, pos_weight: float = 1.0) -> Tensor:
    """Mean cross-entropy of the valid voxels, lesion voxels ``pos_weight`` times, (N,)."""
    return _mean(_voxel_entropy(logits, target, pos_weight), valid)


def top_k(logits: Tensor, target: Tensor, valid: Tensor, *, share: float = 0.1, pos_weight: float = 1.0) -> Tensor:
    """Mean cross-entropy of the worst ``share`` of the valid voxels, at least one, (N,)."""
    each = (_voxel_entropy(logits, target, pos_weight) * valid).flatten(1)
    values = []
    for row, counted in zip(each, (valid > 0).flatten(1).sum(1).tolist(), strict=True):
        values.append(row.topk(max(1, round(share * counted))).values.mean())
    return torch.stack(values)


def focal(logits: Tensor, target: Tensor, valid: Tensor, *, gamma: float = 2.0, alpha: float | None = None) -> Tensor:
    """Mean of -(1 - p_t)^gamma log p_t over the valid voxels (Lin et al. 2017), (N,)."""
    return _mean(FocalLoss(gamma=gamma, alpha=alpha, reduction="none")(logits, target), valid)


def lesion_f1(logits: Tensor, target: Tensor, valid: Tensor, *, judge: torch.nn.Module) -> Tensor:
    """1 - F, (N,), where F is the lesion-wise F1 that ``judge`` estimates of each patch from (probability, target).

    Kamraoui et al., MSSEG-2 proceedings p. 30, equation 2. The gradient goes through the judge to the logits; its own
    weights are to be frozen.
    """
    seen = torch.cat([torch.sigmoid(logits), target], dim=1) * (valid > 0)
    told: Tensor = judge(seen)
    return 1 - told[(slice(None), 0, *(0,) * (told.ndim - 2))]


def mean_squared(outputs: Tensor, target: Tensor, valid: Tensor, *, of: str = "output") -> Tensor:
    """Mean squared difference over the valid voxels, (N,); ``of``: ``output`` or ``probability`` of lesion."""
    return _mean((_image(outputs, of) - target).square(), valid)


def mean_absolute(outputs: Tensor, target: Tensor, valid: Tensor, *, of: str = "output") -> Tensor:
    """Mean absolute difference over the valid voxels, (N,); ``of`` as for `mean_squared`."""
    return _mean((_image(outputs, of) - target).abs(), valid)


def consistency(outputs: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean square over the valid voxels of an output that is a difference, as of two visits' features, (N,).

    Of a network that gives several (`networks.autoencoder`), ``heads`` says which: ``[0, 1, 1]`` leaves the first out.
    """
    return _mean(outputs.square(), valid)


_SEGMENT: dict[str, tuple[_Term, frozenset[str]]] = {
    "dice": (soft_dice, frozenset({"squared", "smooth", "both"})),
    "generalised_dice": (generalised_dice, frozenset({"smooth"})),
    "tversky": (tversky, frozenset({"alpha", "beta", "smooth"})),
    "ce": (cross_entropy, frozenset({"pos_weight"})),
    "bce": (cross_entropy, frozenset({"pos_weight"})),
    "topk": (top_k, frozenset({"share", "pos_weight"})),
    "focal": (focal, frozenset({"gamma", "alpha"})),
    "lesion_f1": (lesion_f1, frozenset()),
}
_IMAGES: dict[str, tuple[_Term, frozenset[str]]] = {
    "mse": (mean_squared, frozenset({"of"})),
    "l2": (mean_squared, frozenset({"of"})),
    "l1": (mean_absolute, frozenset({"of"})),
    "consistency": (consistency, frozenset()),
}
NAMES = (*_SEGMENT, *_IMAGES, *REGISTRATION)


def _term(entry: Mapping[str, Any], judge: torch.nn.Module | None) -> Term:
    options = dict(entry)
    name = options.pop("name", None)
    known = _SEGMENT | _IMAGES | REGISTRATION
    if name not in known:
        raise ConfigError(f"loss: found {name!r}; expected one of {', '.join(NAMES)}")
    weight, batch = float(options.pop("weight", 1.0)), bool(options.pop("batch", False))
    heads = tuple(float(share) for share in options.pop("heads", ()))
    unknown = sorted(options.keys() - known[name][1])
    if unknown:
        allowed = ", ".join(sorted(known[name][1] | {"weight", "batch", "heads"}))
        raise ConfigError(f"loss {name}: found option {unknown[0]!r}; expected one of {allowed}")
    if known[name][0] is lesion_f1:
        if judge is None:
            raise ConfigError(f"loss {name}: found no stage of task estimate_f1 in `uses`; expected one, which it asks")
        if batch:
            raise ConfigError(f"loss {name}: found batch: true; expected false, since patches are judged one by one")
        options["judge"] = judge
    if name in REGISTRATION and (batch or heads):
        raise ConfigError(f"loss {name}: found batch or heads; expected neither for a registration")
    return Term(str(name), weight, batch, heads, options)


def _value(term: Term, outputs: Tensor, target: Tensor, valid: Tensor, weight: Tensor, probabilities: bool) -> Tensor:
    if term.name in _SEGMENT and target.shape[1] > 1:
        each = zip(outputs.split(1, dim=1), target.split(1, dim=1), strict=True)
        return torch.stack([_value(term, *one, valid, weight, probabilities) for one in each]).mean()
    if term.name in _SEGMENT:
        compute, outputs = _SEGMENT[term.name][0], lesion_logits(outputs)
        outputs = logits_of(outputs) if probabilities else outputs
    else:
        compute = _IMAGES[term.name][0]
    if term.batch:
        valid = valid * weight.view(-1, *[1] * (valid.ndim - 1))
        outputs, target, valid = (tensor.transpose(0, 1).unsqueeze(0) for tensor in (outputs, target, valid))
        weight = torch.ones(1, device=valid.device)
    value: Tensor = (compute(outputs, target, valid, **term.options) * weight).mean()
    return value


def _share(given: Sequence[float], number: int, heads: int) -> float:
    shares = list(given)[:heads] if given else [0.5**n for n in range(heads)]
    return shares[number] / sum(shares) if number < len(shares) else 0.0


def _shrink(image: Tensor, size: tuple[int, ...]) -> Tensor:
    """Means over the voxels that each voxel of a coarser head covers: small lesions fade, but do not vanish."""
    if tuple(image.shape[2:]) == size:
        return image
    pool = {1: functional.adaptive_avg_pool1d, 2: functional.adaptive_avg_pool2d, 3: functional.adaptive_avg_pool3d}
    return pool[len(size)](image, size)


def _classes(chance: Tensor, target: Tensor, both: bool) -> tuple[Tensor, Tensor]:
    return (torch.cat([1 - chance, chance], 1), torch.cat([1 - target, target], 1)) if both else (chance, target)


def _voxel_entropy(logits: Tensor, target: Tensor, pos_weight: float) -> Tensor:
    weight = torch.tensor(pos_weight, device=logits.device)
    return functional.binary_cross_entropy_with_logits(logits, target, pos_weight=weight, reduction="none")


def _image(outputs: Tensor, of: str) -> Tensor:
    if of not in ("output", "probability"):
        raise ConfigError(f"loss mse or l1: found of: {of!r}; expected output or probability")
    return torch.sigmoid(lesion_logits(outputs)) if of == "probability" else outputs


def _mean(each: Tensor, valid: Tensor) -> Tensor:
    """The mean of ``each``, (N, C, *spatial), weighted by ``valid``, (N, 1, *spatial); 0 where nothing is valid."""
    total = (each * valid).flatten(1).sum(1)
    return total / (valid.flatten(1).sum(1) * each.shape[1]).clamp_min(1e-6)


def _each(loss: Tensor) -> Tensor:
    """From MONAI's (N, C, 1, ...) to the mean over classes, (N,)."""
    return loss.flatten(1).mean(1)
