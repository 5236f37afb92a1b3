"""A recipe's list of augmentations, drawn and applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from newlesions.errors import ConfigError
from newlesions.learn.networks.augment import artefacts, brightness, geometry, intensity, lesions
from newlesions.learn.networks.augment.frame import Frame, Image, between
from newlesions.learn.networks.augment.geometry import Geometry

Entry = Mapping[str, Any]

ONE_OF = "one_of"
_INTENSITY = intensity.TRANSFORMS | artefacts.TRANSFORMS | brightness.TRANSFORMS
NAMES = (*geometry.TRANSFORMS, *_INTENSITY, lesions.NAME, ONE_OF)
_COMMON = {"name", "p"}


class Augment:
    """Augmentations in the order of a recipe; all spatial ones come before all changes of intensity.

    Parameters
    ----------
    entries
        ``{name: flip, p: 0.5, axes: [0]}``; ``p`` (1) is the chance of an entry. ``{name: one_of, p: 0.8, of: [...],
        shares: [0.2, 0.8]}`` takes one of several, with equal or with those chances. ``independent: true``, for changes
        of intensity: each image has its own draw, chance and choice included; else all images of an element change
        alike.

    Raises
    ------
    ConfigError
        If a name or an option is unknown.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            _check(entry)
        self.spatial = [entry for entry in entries if _is_spatial(entry)]
        self.lesions = [entry for entry in entries if entry["name"] == lesions.NAME]
        self.changes = [entry for entry in entries if not _is_spatial(entry) and entry not in self.lesions]

    def geometry(self, rng: np.random.Generator, frame: Frame) -> Geometry:
        """Where the voxels of a patch come from."""
        result = Geometry.none(frame)
        for entry in self.spatial:
            for chosen in _chosen(rng, entry):
                draw, options = _drawn(geometry.TRANSFORMS, chosen)
                result = draw(rng, options, result)
        return result

    def change(
        self, rng: np.random.Generator, images: Image, frame: Frame, zero: NDArray[np.float32] | None = None
    ) -> Image:
        """Change intensities.

        Parameters
        ----------
        rng
            Where all is drawn from.
        images
            (C, *sides): images, not maps or masks.
        frame
            Of the patch.
        zero
            What nothing is in each image, (C,); None: 0.

        Returns
        -------
        ndarray
            float32, (C, *sides).
        """
        base = np.zeros(len(images), np.float32) if zero is None else zero
        result = [image - level for image, level in zip(images, base, strict=True)]
        for entry in self.changes:
            if entry.get("independent", False):
                plans = [_plan(rng, entry, frame) for _ in result]
            else:
                plans = [_plan(rng, entry, frame)] * len(result)
            for number, plan in enumerate(plans):
                for change in plan:
                    result[number] = np.asarray(change(result[number], rng), np.float32)
        return np.stack([image + level for image, level in zip(result, base, strict=True)]).astype(np.float32)

    def enhance(self, rng: np.random.Generator, baseline: Image, followup: Image, target: NDArray[np.bool_]) -> Image:
        """The follow-up, (*sides), with its new lesions, the voxels of ``target``, brighter or fainter."""
        for entry in self.lesions:
            if rng.random() < float(entry.get("p", 1.0)):
                factor = between(rng, entry.get("range", lesions.OPTIONS["range"]))
                followup = lesions.enhance(baseline, followup, target, factor)
        return followup


def _plan(rng: np.random.Generator, entry: Entry, frame: Frame) -> list[intensity.Change]:
    plan = []
    for chosen in _chosen(rng, entry):
        draw, options = _drawn(_INTENSITY, chosen)
        plan.append(draw(rng, options, frame))
    return plan


def _chosen(rng: np.random.Generator, entry: Entry) -> list[Entry]:
    """The entry, one of its group, or nothing."""
    if rng.random() >= float(entry.get("p", 1.0)):
        return []
    if entry["name"] != ONE_OF:
        return [entry]
    shares = np.asarray(entry.get("shares", [1] * len(entry["of"])), float)
    return _chosen(rng, entry["of"][int(rng.choice(len(shares), p=shares / shares.sum()))])


def _drawn(known: Mapping[str, tuple[Any, dict[str, Any]]], entry: Entry) -> tuple[Any, dict[str, Any]]:
    draw, defaults = known[entry["name"]]
    return draw, defaults | {key: value for key, value in entry.items() if key in defaults}


def _is_spatial(entry: Entry) -> bool:
    return _is_spatial(entry["of"][0]) if entry["name"] == ONE_OF else entry["name"] in geometry.TRANSFORMS


def _check(entry: Entry) -> None:
    name = entry.get("name")
    if name not in NAMES:
        raise ConfigError(f"augment: found {name!r}; expected one of {', '.join(NAMES)}")
    if name == ONE_OF:
        _check_group(entry)
        allowed = _COMMON | {"of", "shares", "independent"}
    elif name == lesions.NAME:
        allowed = _COMMON | lesions.OPTIONS.keys()
    elif name in geometry.TRANSFORMS:
        allowed = _COMMON | geometry.TRANSFORMS[name][1].keys()
    else:
        allowed = _COMMON | {"independent"} | _INTENSITY[name][1].keys()
    unknown = sorted(entry.keys() - allowed)
    if unknown:
        raise ConfigError(f"augment {name}: found option {unknown[0]!r}; expected one of {', '.join(sorted(allowed))}")


def _check_group(entry: Entry) -> None:
    group = entry.get("of") or []
    for one in group:
        _check(one)
        if one["name"] == lesions.NAME:
            raise ConfigError(f"augment one_of: found {lesions.NAME}; expected it beside the group")
    if not group or len({_is_spatial(one) for one in group}) > 1:
        raise ConfigError("augment one_of: found none, or spatial and other ones, in `of`; expected some of one kind")
    if len(entry.get("shares", group)) != len(group):
        raise ConfigError(f"augment one_of: found {len(entry['shares'])} shares; expected {len(group)}, one for each")
