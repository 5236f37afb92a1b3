"""How a recipe prepares a pair, step by step; recipes that agree up to a step share everything up to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from newlesions.benchmark.keys import key_of

STEPS = ("bias", "brain", "halfway", "resample", "harmonise", "candidates")
"""In the order of the flow. The first two are steps of a session, the others of a pair."""

_GIVEN = {"backend": "given", "cord": "none"}
"""The settings of the brain where all masks are given: they bear on nothing."""


@dataclass(frozen=True)
class Prepared:
    """One step with its settings.

    Attributes
    ----------
    step, key
        Its name in `STEPS`, and the name of what it makes: of its settings and of all before it.
    before
        The key of the step before; "" for the first.
    params
        The settings, as the job takes them.
    """

    step: str
    key: str
    before: str
    params: Mapping[str, Any]


def preparation(settings: Mapping[str, Any], *, brains_given: bool) -> dict[str, Prepared]:
    """The steps of a recipe with these settings, by name.

    Parameters
    ----------
    settings
        As `settings.merged` gives them.
    brains_given
        Whether the pairs table gives the brain of every session: how a recipe finds it then does not matter.
    """
    wanted: dict[str, dict[str, Any]] = {step: {"settings": settings[step]} for step in STEPS}
    wanted["bias"] = {"ingest": settings["ingest"], "bias": settings["bias"]}
    if brains_given:
        wanted["brain"] = {"settings": _GIVEN}
    made: dict[str, Prepared] = {}
    before = ""
    for step in STEPS:
        key = key_of([before, wanted[step]])
        made[step] = Prepared(step, key, before, wanted[step])
        before = key
    return made
