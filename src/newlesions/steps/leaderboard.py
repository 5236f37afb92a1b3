"""All recipes of a benchmark side by side: scores in, tables, figures and a page out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newlesions import __version__
from newlesions.benchmark import folders
from newlesions.benchmark.costs import Cost, cost_of
from newlesions.benchmark.failures import chain_of
from newlesions.cohort.outcome import WHY
from newlesions.evaluate.compare import tables, text
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.comparison import Comparison, compare
from newlesions.evaluate.compare.disagreement import ReferenceLesion, lesion_matrix
from newlesions.evaluate.compare.long_table import long_table
from newlesions.evaluate.compare.ranking import OVERALL
from newlesions.evaluate.compare.read import read_system
from newlesions.evaluate.scores import write_scores, write_table
from newlesions.images.files import read_json, write_text
from newlesions.report.leaderboard_page import HardLesion, LeaderboardPage, leaderboard_html
from newlesions.settings import read_recipe
from newlesions.steps.names import read_matrices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from newlesions.report.picture import Figure as Picture

TESTED = ("F1_score", "Dice")
"""The measures whose pairwise tests the page shows; the tables have all."""

_SHOWN = ("F1_score", "Dice", "SensL", "PPVL", "NbTestedLesions")
_PICTURED = 12
_MANY = 6
"""From so many systems on, the panels of a ranking are wide."""
REPORTED = ("recipe", "measure", "value", "data", "page", "remark")
_OF_TABLE = (
    "recipe", "title", "rank", "rank_low", "rank_high", "first", "pairs", "failed",
    *(f"{name}{end}" for name in _SHOWN for end in ("", "_low", "_high")), "false_lesions", "empty_clean", "froc_score",
    "networks", "train_cpu_min", "apply_cpu_s", "remark", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class _Entrant:
    """A recipe with the scores of its pairs, by pair; those that failed have a reason."""

    name: str
    title: str
    scores: Mapping[str, Mapping[str, Any]]
    remark: str

    @property
    def done(self) -> dict[str, Mapping[str, Any]]:
        return {pair: row for pair, row in self.scores.items() if WHY not in row}

    @property
    def failed(self) -> dict[str, str]:
        return {pair: str(row[WHY]) for pair, row in self.scores.items() if WHY in row}


def leaderboard(
    scores: Sequence[Path],
    plan: str,
    about: Mapping[str, Any],
    bootstrap: Mapping[str, int],
    pictures: bool,
    page: Path,
    table: Path,
    comparison_table: Path,
    tests: Path,
    ranking: Path,
    costs: Path,
    paces: Path,
    lesions: Path,
    reported: Path,
) -> None:
    """Write the leaderboard of the benchmark in the working directory.

    Parameters
    ----------
    scores
        What must exist before, where the workflow calls; the plan tells which recipe and fold each file is of.
    plan
        The path of the plan.
    about
        As in `report.leaderboard_page.LeaderboardPage`.
    bootstrap
        ``resamples`` and ``seed``.
    pictures
        Whether the hardest lesions are shown in sections of the scans.
    page
        One HTML file, without anything from elsewhere; written last.
    table, comparison_table, tests, ranking, costs, paces, lesions, reported
        Tables: a row per recipe; every number of the comparison; the pairwise tests; the rankings; what each recipe
        costs; the paces of stages; the reference lesions with who finds them; what the papers reported.
    """
    out, planned = Path(), read_json(plan)
    folder = page.parent
    entrants = _entrants(out, planned, about)
    taking_part = [one for one in entrants if one.done]
    if not taking_part:
        raise ValueError(f"no recipe scored any pair: {entrants[0].failed}")
    systems = []
    for one in taking_part:
        path = folder / "scores" / f"{one.name}.tsv"
        write_scores(path, [one.done[pair] for pair in sorted(one.done)], details=True)
        systems.append(read_system(one.name, path))
    found = compare(systems, Bootstrap(bootstrap["resamples"], bootstrap["seed"], by_subject=True))
    order = _order(found)
    spent = {one.name: cost_of(out, planned, one.name) for one in taking_part}
    matrix = lesion_matrix([_lesions(one) for one in taking_part])
    papers = _reported(out, planned)
    rows = _rows(found, taking_part, spent, order) + _rows_of_missing(entrants, about)
    write_table(table, _OF_TABLE, rows)
    write_text(comparison_table, long_table(found))
    write_text(tests, _tsv(tables.tests(found)))
    write_text(ranking, _tsv(tables.ranking(found)))
    write_table(costs, ("recipe", *Cost.__dataclass_fields__), [{"recipe": n, **_plain(spent[n])} for n in order])
    write_table(paces, ("key", "seconds_per_step", "device", "stage", "recipes"), _paces(out, planned))
    write_table(lesions, _lesion_columns(found), _lesion_rows(matrix, found.cohort.names))
    write_table(reported, REPORTED, papers)
    drawn = {name: _written(figure, folder / "figures" / name) for name, figure in _drawn(found, matrix, order).items()}
    shown = LeaderboardPage(
        about,
        len(found.cohort.pairs),
        found.cohort.size("lesion"),
        found.cohort.size("empty"),
        _shown_table(found, taking_part, spent, order),
        tables.ranking(found),
        [row for at, row in enumerate(tables.tests(found)) if not at or row[0] in {MEASURES[m].label for m in TESTED}],
        _shown_costs(spent, order),
        [list(REPORTED), *([str(row.get(name, "")) for name in REPORTED] for row in papers)],
        {name: content for name, content in drawn.items() if content is not None},
        _hardest(out, planned, matrix, taking_part, order, pictures),
        len(matrix),
        _notes(found, entrants),
        [_without_marks(line) for line in text.conventions(found.bootstrap)],
        __version__,
    )
    write_text(page, leaderboard_html(shown))


def _entrants(out: Path, plan: Mapping[str, Any], about: Mapping[str, Any]) -> list[_Entrant]:
    by_recipe: dict[str, dict[str, Any]] = {}
    for entry in plan["entries"].values():
        path = out / folders.scores_file(entry["recipe"], entry["fold"])
        by_recipe.setdefault(entry["recipe"], {}).update(read_json(path))
    titles = {name: str(read_recipe(str(out / folders.recipe_file(name)))["title"]) for name in by_recipe}
    return [_Entrant(name, titles[name], rows, about["remarks"].get(name, "")) for name, rows in by_recipe.items()]


def _order(found: Comparison) -> list[str]:
    """The systems by the overall ranking; ties, and one system alone, in the order given."""
    overall = {rank.system: rank.rank for rank in found.ranks if rank.ranking == OVERALL}
    return sorted(found.cohort.names, key=lambda name: overall.get(name, 0.0))


def _rows(
    found: Comparison, entrants: Sequence[_Entrant], spent: Mapping[str, Cost], order: Sequence[str]
) -> list[dict[str, Any]]:
    by_name = {one.name: one for one in entrants}
    means = {(one.measure, one.system): one for one in found.descriptions}
    places = {rank.system: rank for rank in found.ranks if rank.ranking == OVERALL}
    curves = {one.system: one.froc_score for one in found.curves}
    rows = []
    for name in order:
        one, cost = by_name[name], spent[name]
        row: dict[str, Any] = {
            "recipe": name, "title": one.title, "pairs": len(found.cohort.pairs), "failed": len(one.failed),
            "empty_clean": _clean(found, name), "froc_score": curves.get(name, math.nan), "networks": cost.networks,
            "train_cpu_min": _or_blank(cost.train_cpu_min), "apply_cpu_s": _or_blank(cost.apply_cpu_s),
            "remark": one.remark, "reason": next(iter(one.failed.values()), ""),
        }  # fmt: skip
        if name in places:
            place = places[name]
            row |= {"rank": place.rank, "rank_low": place.low, "rank_high": place.high, "first": place.first}
        for measure in _SHOWN:
            if mean := means.get((measure, name)):
                row |= {measure: mean.mean, f"{measure}_low": mean.low, f"{measure}_high": mean.high}
        rows.append(row | {"false_lesions": row.get("NbTestedLesions", "")})
    return rows


def _rows_of_missing(entrants: Sequence[_Entrant], about: Mapping[str, Any]) -> list[dict[str, Any]]:
    nothing = {one.name: next(iter(one.failed.values())) for one in entrants if not one.done}
    counts = {one.name: len(one.failed) for one in entrants if not one.done}
    reasons = {**about["left_out"], **nothing}
    return [{"recipe": name, "failed": counts.get(name, ""), "reason": reason} for name, reason in reasons.items()]


def _clean(found: Comparison, name: str) -> str:
    """How many pairs without a lesion in the reference were left clean."""
    counts = found.cohort.values(MEASURES["NbTestedLesions"])[found.cohort.names.index(name)]
    return f"{int((counts == 0).sum())} of {len(counts)}" if len(counts) else ""


def _shown_table(
    found: Comparison, entrants: Sequence[_Entrant], spent: Mapping[str, Cost], order: Sequence[str]
) -> list[list[str]]:
    titles = {one.name: one.title for one in entrants}
    means = {(one.measure, one.system): one for one in found.descriptions}
    measures = [MEASURES[name] for name in _SHOWN if any(key[0] == name for key in means)]
    header = ["recipe", "what it is", *(text.heading(measure) for measure in measures)]
    header += ["no-change pairs left clean", "CPU min to train", "CPU s to apply"]
    rows = [header]
    for name in order:
        cells = []
        for measure in measures:
            one = means[measure.name, name]
            bounds = f" {text.interval(one.low, one.high, measure.digits)}" if math.isfinite(one.low) else ""
            cells.append(text.number(one.mean, measure.digits) + bounds)
        cost = spent[name]
        last = [_clean(found, name) or text.MISSING, _number(cost.train_cpu_min, 1), _number(cost.apply_cpu_s, 1)]
        rows.append([name, titles[name], *cells, *last])
    return rows


def _shown_costs(spent: Mapping[str, Cost], order: Sequence[str]) -> list[list[str]]:
    rows = [["recipe", "prepare a pair, CPU s", "networks", "weights", "optimiser steps", "train, CPU min",
             "train, min", "apply to a pair, CPU s", "memory, MB"]]  # fmt: skip
    for name in order:
        cost = spent[name]
        weights = f"{cost.parameters:,}" if cost.parameters else text.MISSING
        rows.append([
            name, _number(cost.prepare_cpu_s, 1), str(cost.networks), weights, cost.steps or text.MISSING,
            _number(cost.train_cpu_min, 1), _number(cost.train_min, 1), _number(cost.apply_cpu_s, 1),
            _number(cost.memory_mb, 0),
        ])  # fmt: skip
    return rows


def _drawn(found: Comparison, matrix: Sequence[ReferenceLesion], order: Sequence[str]) -> dict[str, Figure | None]:
    from newlesions.evaluate.compare import figures

    curves = {system.name: system.curves for system in found.cohort.systems if system.curves is not None}
    return {
        "forest": figures.forest(found.descriptions, _SHOWN, order),
        "ranking": figures.rank_plot(found.ranks, most_columns=2 if len(order) > _MANY else 4),
        "tests": figures.tests_map(found.tests, TESTED, order),
        "froc": figures.froc_multiples({name: curves[name] for name in order if name in curves}),
        "lesions": figures.lesion_map(matrix, found.cohort.names, order),
    }


def _written(figure: Figure | None, stem: Path) -> str | None:
    """The figure as SVG, and in a file; one of an earlier leaderboard that cannot be drawn now is removed."""
    from newlesions.evaluate.compare.figures import svg

    path = stem.with_name(stem.name + ".svg")
    if figure is None:
        path.unlink(missing_ok=True)
        return None
    content = svg(figure)
    write_text(path, content)
    return content


def _lesions(one: _Entrant) -> dict[str, list[Mapping[str, Any]]]:
    return {pair: list(row["lesions"]) for pair, row in one.done.items()}


def _lesion_columns(found: Comparison) -> list[str]:
    return [
        "rank", "pair", "lesion", "volume_mm3", "size_class", "x_mm", "y_mm", "z_mm", "finders", "systems",
        *found.cohort.names,
    ]  # fmt: skip


def _lesion_rows(matrix: Sequence[ReferenceLesion], names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "rank": at, "pair": one.pair, "lesion": one.number, "volume_mm3": one.volume_mm3,
            "size_class": one.size_class, "finders": one.finders, "systems": len(names),
            **dict(zip(("x_mm", "y_mm", "z_mm"), one.centre_mm, strict=True)),
            **{name: int(hit) for name, hit in zip(names, one.found, strict=True)},
        }
        for at, one in enumerate(matrix, start=1)
    ]  # fmt: skip


def _hardest(
    out: Path,
    plan: Mapping[str, Any],
    matrix: Sequence[ReferenceLesion],
    entrants: Sequence[_Entrant],
    order: Sequence[str],
    pictured: bool,
) -> list[HardLesion]:
    """The first lesions of ``matrix``, with pictures if asked; lesions that everybody finds are not hard."""
    from newlesions.report.hard_lesions import Pictures

    names = [one.name for one in entrants]
    rows = {row["pair"]: row for row in plan["pairs"]}
    chosen = [one for one in matrix if one.finders < len(names)][:_PICTURED]
    pictures: dict[str, Pictures] = {}
    made = []
    for lesion in chosen:
        found = dict(zip(names, lesion.found, strict=True))
        drawn: list[Picture] = []
        if pictured:
            if lesion.pair not in pictures:
                pictures[lesion.pair] = Pictures(_scans(out, plan, rows[lesion.pair], names))
            label = f"lesion {lesion.number} of {lesion.pair}"
            drawn = pictures[lesion.pair].of(label, lesion.centre_mm, found)
        finders = [name for name in order if found[name]]
        made.append(
            HardLesion(lesion.pair, lesion.number, lesion.volume_mm3, lesion.centre_mm, finders, len(names), drawn)
        )
    return made


def _scans(out: Path, plan: Mapping[str, Any], row: Mapping[str, str], names: Sequence[str]) -> Any:
    from newlesions.report.hard_lesions import Scans

    # Any preparation shows the lesion; the first one is as good as another.
    chain = chain_of(dict(plan), plan["recipes"][names[0]]["prepared"]["candidates"])

    def file(step: str, session: str, name: str) -> Path:
        return out / folders.session_file(step, chain[step], row["subject"], session, name)

    before, after = row["baseline_session"], row["followup_session"]
    matrices = read_matrices(file("halfway", after, "halfway.json"))
    return Scans(
        file("bias", before, "bias.nii.gz"),
        file("bias", after, "bias.nii.gz"),
        file("brain", before, "brain.nii.gz"),
        file("brain", after, "brain.nii.gz"),
        matrices["baseline_from_halfway"] @ np.linalg.inv(matrices["followup_from_halfway"]),
        Path(row["reference"]),
        {name: out / folders.result_file(name, row["fold"], row["pair"], "mask") for name in names},
    )


def _paces(out: Path, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
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


def _reported(out: Path, plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the recipes' papers reported, as the recipes tell it."""
    rows = []
    for name in plan["recipes"]:
        recipe = read_recipe(str(out / folders.recipe_file(name)))
        rows += [
            {"recipe": name, **{key: str(value) for key, value in row.items()}} for row in recipe.get("reported", [])
        ]
    return rows


def _notes(found: Comparison, entrants: Iterable[_Entrant]) -> list[str]:
    notes = [note for note in found.cohort.notes if "left out" in note or "differ between" in note]
    for one in entrants:
        if one.failed:
            pair, reason = next(iter(one.failed.items()))
            notes.append(f"{one.name} could not be scored on {len(one.failed)} pairs; {pair}: {reason}")
    if len({pair.split("_")[0] for pair in found.cohort.pairs}) < len(found.cohort.pairs):
        notes.append(
            "Some subjects have several pairs: intervals and rankings draw subjects, but the tests take pairs as "
            "independent, and their p-values are too small."
        )
    return notes


def _without_marks(line: str) -> str:
    """Markdown's emphasis and code marks taken away."""
    return line.replace("**", "").replace("`", "")


def _plain(cost: Cost) -> dict[str, Any]:
    return {name: _or_blank(value) for name, value in vars(cost).items()}


def _or_blank(value: Any) -> Any:
    return "" if value is None else value


def _number(value: float | None, digits: int) -> str:
    return text.MISSING if value is None else text.number(value, digits)


def _tsv(rows: tables.Rows) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)
