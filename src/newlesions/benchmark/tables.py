"""The tables of a leaderboard, as rows to write."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from newlesions.benchmark import folders
from newlesions.benchmark.costs import Cost
from newlesions.benchmark.plan import Plan
from newlesions.benchmark.standings import Entrant, Standings
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.comparison import Comparison
from newlesions.evaluate.compare.ranking import OVERALL
from newlesions.images.files import read_json
from newlesions.settings import read_recipe

SHOWN = ("F1_score", "Dice", "SensL", "PPVL", "NbTestedLesions")
"""The measures of the leaderboard; the comparison has all."""

RECIPE = (
    "recipe", "title", "rank", "rank_low", "rank_high", "first", "pairs", "failed",
    *(f"{name}{end}" for name in SHOWN for end in ("", "_low", "_high")), "false_lesions", "empty_clean", "froc_score",
    "networks", "train_cpu_min", "apply_cpu_s", "remark", "reason",
)  # fmt: skip
COST = ("recipe", *Cost.__dataclass_fields__)
PACE = ("key", "seconds_per_step", "device", "stage", "recipes")
REPORTED = ("recipe", "measure", "value", "data", "page", "remark")


def recipe_rows(standings: Standings) -> list[dict[str, Any]]:
    """A row for each recipe in the order of the ranking: `RECIPE`."""
    found = standings.found
    by_name = {one.name: one for one in standings.entrants}
    means = {(one.measure, one.system): one for one in found.descriptions}
    places = {rank.system: rank for rank in found.ranks if rank.ranking == OVERALL}
    curves = {one.system: one.froc_score for one in found.curves}
    rows = []
    for name in standings.order:
        one, cost = by_name[name], standings.costs[name]
        row: dict[str, Any] = {
            "recipe": name, "title": one.title, "pairs": len(found.cohort.pairs), "failed": len(one.failed),
            "empty_clean": clean_pairs(found, name), "froc_score": curves.get(name, math.nan),
            "networks": cost.networks, "train_cpu_min": _or_blank(cost.train_cpu_min),
            "apply_cpu_s": _or_blank(cost.apply_cpu_s), "remark": one.remark,
            "reason": next(iter(one.failed.values()), ""),
        }  # fmt: skip
        if name in places:
            place = places[name]
            row |= {"rank": place.rank, "rank_low": place.low, "rank_high": place.high, "first": place.first}
        for measure in SHOWN:
            if mean := means.get((measure, name)):
                row |= {measure: mean.mean, f"{measure}_low": mean.low, f"{measure}_high": mean.high}
        rows.append(row | {"false_lesions": row.get("NbTestedLesions", "")})
    return rows


def missing_rows(entrants: Sequence[Entrant], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each recipe that scored nothing or could not take part, with the reason."""
    nothing = {one.name: next(iter(one.failed.values())) for one in entrants if not one.done}
    counts = {one.name: len(one.failed) for one in entrants if not one.done}
    reasons = {**about["left_out"], **nothing}
    return [{"recipe": name, "failed": counts.get(name, ""), "reason": reason} for name, reason in reasons.items()]


def cost_rows(standings: Standings) -> list[dict[str, Any]]:
    """What each recipe costs: `COST`."""
    return [
        {"recipe": name, **{key: _or_blank(value) for key, value in vars(standings.costs[name]).items()}}
        for name in standings.order
    ]


def lesion_columns(names: Sequence[str]) -> list[str]:
    """The columns of `lesion_rows`; ``names`` of the recipes."""
    return [
        "rank", "pair", "lesion", "volume_mm3", "size_class", "x_mm", "y_mm", "z_mm", "finders", "systems", *names,
    ]  # fmt: skip


def lesion_rows(standings: Standings) -> list[dict[str, Any]]:
    """A row for each lesion of the references, hardest first: where it is and who finds it."""
    names = standings.found.cohort.names
    return [
        {
            "rank": at, "pair": one.pair, "lesion": one.number, "volume_mm3": one.volume_mm3,
            "size_class": one.size_class, "finders": one.finders, "systems": len(names),
            **dict(zip(("x_mm", "y_mm", "z_mm"), one.centre_mm, strict=True)),
            **{name: int(hit) for name, hit in zip(names, one.found, strict=True)},
        }
        for at, one in enumerate(standings.lesions, start=1)
    ]  # fmt: skip


def pace_rows(out: Path, plan: Plan) -> list[dict[str, Any]]:
    """How long a step of each stage took: `PACE`, for `newlesions benchmark --paces`."""
    served: dict[str, list[str]] = {}
    for entry in plan["entries"].values():
        for key in entry["networks"]:
            names = served.setdefault(plan["networks"][key]["pace_key"], [])
            if entry["recipe"] not in names:
                names.append(entry["recipe"])
    rows = []
    for key, job in plan["paces"].items():
        held = read_json(out / folders.pace_file(key))
        rows.append({
            "key": key, "seconds_per_step": repr(held["seconds_per_step"]), "device": held["device"] or "",
            "stage": list(job["stages"])[-1], "recipes": ", ".join(served.get(key, [])),
        })  # fmt: skip
    return rows


def reported_rows(out: Path, plan: Plan) -> list[dict[str, Any]]:
    """What the recipes' papers reported, as the recipes tell it: `REPORTED`."""
    rows = []
    for name in plan["recipes"]:
        recipe = read_recipe(str(out / folders.recipe_file(name)))
        rows += [
            {"recipe": name, **{key: str(value) for key, value in row.items()}} for row in recipe.get("reported", [])
        ]
    return rows


def clean_pairs(found: Comparison, name: str) -> str:
    """How many pairs without a lesion in the reference were left clean."""
    counts = found.cohort.values(MEASURES["NbTestedLesions"])[found.cohort.names.index(name)]
    return f"{int((counts == 0).sum())} of {len(counts)}" if len(counts) else ""


def _or_blank(value: Any) -> Any:
    return "" if value is None else value
