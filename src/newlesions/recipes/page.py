"""A recipe as a page of Markdown, and the table of all recipes: what `scripts/make_recipe_pages.py` writes.

Nothing here depends on the machine, so that the pages can be compared with what they should be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newlesions import settings
from newlesions.recipes import measured, state
from newlesions.recipes.check import Checked, check
from newlesions.recipes.measured import ABSENT
from newlesions.recipes.show import cited, described, graph, page_of, short

INDEX = "index"
"""The name of the table of all recipes."""

_PREPARING = ("bias", "brain", "halfway", "resample", "harmonise")
_OTHERS = ("candidates", "train", "refine", "finalise")
_KNOWN = {
    "id", "title", "description", "needs_model", "paper", "preprocess", "stages", "predict", "stated", "chosen",
    "reported",
}  # fmt: skip
_REPORTED = "The paper's own system on its own data: not measured here, and not to be compared with what was."
_REPORTED_HEADER = ["measure", "value", "on", "where", "remark"]
_PARTS = {
    "task": "task",
    "sees": "sees",
    "prepare": "images are",
    "network": "network",
    "begins": "begins",
    "uses": "in training it uses",
    "patches": "sampler",
    "augment": "augmentation",
    "loss": "loss",
    "optimise": "optimiser, schedule",
    "networks": "ensemble",
    "predict": "windows, voting",
    "mask": "threshold, clean-up",
    "lesions": "of each lesion there is",
}
"""The parts of a stage in the order of a page, and what they are called there."""


@dataclass(frozen=True)
class Entry:
    """A recipe and what is known of it without data."""

    name: str
    recipe: Mapping[str, Any]
    checked: Sequence[Checked]

    @classmethod
    def of(cls, name: str) -> Entry:
        """From the recipe's name."""
        recipe = settings.read_recipe(name)
        return cls(name, recipe, check(recipe))

    @property
    def kind(self) -> str:
        """What kind of system it is."""
        return state.kind(self.recipe, [one.stage for one in self.checked])

    @property
    def pages(self) -> str:
        """Where the paper is printed."""
        paper = self.recipe.get("paper", {})
        return page_of(paper["pages"]) if "pages" in paper else ABSENT

    @property
    def authors(self) -> str:
        """The first author and the year, or a dash."""
        paper = self.recipe.get("paper")
        if not paper:
            return ABSENT
        first, *others = paper["authors"].split(",")
        return f"{first.strip()}{' et al.' if others else ''} ({paper['year']})"

    @property
    def weights(self) -> str:
        """Of one network of each kind, in words; a dash where they are planned from the data or there is none."""
        counts = [one.parameters for one in self.checked if one.stage.is_trained]
        if not counts or None in counts:
            return ABSENT
        return " + ".join(millions(count) for count in counts if count is not None)


def make(names: Iterable[str], table: Path) -> dict[str, str]:
    """The pages of recipes and their index, by name without ending.

    Parameters
    ----------
    names
        Of shipped recipes.
    table
        The file of what was measured (`newlesions.recipes.measured`).
    """
    rows = measured.read(table)
    entries = [Entry.of(name) for name in names]
    return {INDEX: index(entries, rows)} | {entry.name: page(entry, rows.get(entry.name)) for entry in entries}


def index(entries: Sequence[Entry], rows: Mapping[str, measured.Row]) -> str:
    """The table of all recipes, and what was measured of them."""
    head = ["recipe", "authors", "kind of system", "stages", "weights of a network", "state", "model", "pages"]
    lines = [
        [
            f"[`{entry.name}`]({entry.name}.md)",
            entry.authors,
            entry.kind,
            ", ".join(one.stage.name for one in entry.checked) or ABSENT,
            entry.weights,
            state.completeness(entry.recipe),
            state.model(entry.recipe),
            entry.pages,
        ]
        for entry in entries
    ]
    parts = [
        "# The recipes",
        _note("config/recipes"),
        "Each recipe is one file in `config/recipes`; [recipes](../recipes.md) tells what the entries mean. A page "
        "shows what the paper states, where, and what was chosen where it is silent. `newlesions recipes show NAME` "
        "says the same in a terminal, `newlesions recipes list` whether what a recipe needs is installed.",
        _table(head, lines),
        *_scores(rows),
    ]
    return "\n\n".join(parts) + "\n"


def page(entry: Entry, row: measured.Row | None) -> str:
    """One recipe. ``row``: what was measured of it."""
    recipe, checked = entry.recipe, entry.checked
    parts = [f"# `{recipe['id']}`: {recipe['title']}", _note(f"config/recipes/{entry.name}.yaml")]
    if recipe.get("description"):
        parts.append(" ".join(str(recipe["description"]).split()))
    parts.append(_table(["", ""], _facts(entry)))
    parts.append("## Stages\n\n" + _graph(entry))
    parts += ["## From scans to images", _settings(entry, _PREPARING)]
    others = [name for name in _OTHERS if name in settings.recipe_settings(recipe) or _is_by_rules(entry, name)]
    if others:
        parts += [f"## Settings of {', '.join(f'`{name}`' for name in others)}", _settings(entry, others)]
    parts += [_stage(entry, one) for one in checked]
    further = {name: value for name, value in recipe.items() if name not in _KNOWN}
    if further:
        parts += ["## Further", _table(["entry", "value"], [[name, short(value)] for name, value in further.items()])]
    stated = [[one["setting"], one["says"], page_of(one["page"])] for one in recipe.get("stated", [])]
    if stated:
        parts += ["## What the paper states", _table(["entry", "in words", "where"], stated)]
    chosen = [[one["setting"], one["reason"]] for one in recipe.get("chosen", [])]
    if chosen:
        parts += ["## What was chosen", _table(["entry", "reason"], chosen)]
    parts += ["## Measured", _measured(row)]
    if recipe.get("reported"):
        parts += ["## What the paper reported", _REPORTED, _table(_REPORTED_HEADER, _reported(recipe))]
    return "\n\n".join(parts) + "\n"


def _reported(recipe: Mapping[str, Any]) -> list[list[str]]:
    return [
        [str(one["measure"]), str(one["value"]), str(one["data"]), page_of(one["page"]), str(one.get("remark", ""))]
        for one in recipe["reported"]
    ]


def millions(count: int) -> str:
    """A number of weights: ``26.27 M``, or in full below ten thousand."""
    return f"{count / 1e6:.2f} M" if count >= 1e4 else str(count)


def _facts(entry: Entry) -> list[list[str]]:
    recipe, checked = entry.recipe, entry.checked
    stages = [one.stage for one in checked]
    trees = "train" in recipe.get("stages", {})
    columns = ", ".join(f"`{name}`" for name in state.columns(stages, trees))
    rows = [
        ["paper", cited(recipe["paper"]) if recipe.get("paper") else ABSENT],
        ["kind of system", entry.kind],
        ["state", f"{state.completeness(recipe)}; {state.model(recipe)}"],
        ["inputs", "both FLAIR scans of a pair" + (f"; to learn, of the pairs table {columns}" if columns else "")],
    ]
    if checked:
        made = (f"`{one.stage.name}` {_networks(one)}" for one in checked if one.stage.is_trained)
        rows.append(["networks", "; ".join(made)])
        rows.append(["weights of all", _total(checked)])
    return rows


def _networks(one: Checked) -> str:
    number = state.networks(one.stage)
    weights = "planned from the data" if one.parameters is None else f"{one.parameters:,} weights"
    raters = " for each rater" if one.stage.members.raters else ""
    return f"{number} x {weights}{raters}"


def _total(checked: Sequence[Checked]) -> str:
    if any(one.parameters is None for one in checked):
        return ABSENT
    each = millions(sum(state.networks(one.stage) * (one.parameters or 0) for one in checked))
    return each + (", those of raters once" if any(one.stage.members.raters for one in checked) else "")


def _graph(entry: Entry) -> str:
    """The steps of the workflow, and below the last of them what is trained, as a tree."""
    trees = "train" in entry.recipe.get("stages", {})
    steps = [*_PREPARING, "candidates"]
    steps += ["networks"] * bool(entry.checked) + ["trees"] * trees + ["finalise"]
    flow = " > ".join(steps)
    tree = f"\n\n{graph([one.stage for one in entry.checked])}" if entry.checked else ""
    return f"```text\n{flow}{tree}\n```"


def _is_by_rules(entry: Entry, section: str) -> bool:
    """Whether the section makes the result though the recipe does not set it: candidates without networks."""
    return section == "candidates" and not entry.checked


def _settings(entry: Entry, sections: Sequence[str]) -> str:
    """Sections of the configuration in the order of the workflow, with every number that holds."""
    trained = bool(entry.recipe.get("needs_model")) or "train" in entry.recipe.get("stages", {})
    merged = settings.merged(settings.read_config() | {"recipe": entry.name, "training": trained})
    own = settings.recipe_settings(entry.recipe)
    rows = [
        [
            section if number == 0 else "",
            f"`{name}`",
            f"**{short(value)}**" if name in own.get(section, {}) else short(value),
            settings.described(section, name) or ABSENT,
        ]
        for section in sections
        for number, (name, value) in enumerate(merged[section].items())
    ]
    return "Bold: set by the recipe; the others are the defaults.\n\n" + _table(
        ["step", "setting", "value", "meaning"], rows
    )


def _stage(entry: Entry, one: Checked) -> str:
    told = described(one)
    if one.stage.is_trained:
        told["patches"] += _millimetres(entry, one)
    names = [*(name for name in _PARTS if name in told), *(name for name in told if name not in _PARTS)]
    rows = [[_PARTS.get(name, name), told[name]] for name in names]
    if one.stage.is_trained:
        rows.insert(names.index("network") + 1, ["networks and weights", _networks(one)])
    return f"## Stage `{one.stage.name}`\n\n" + _table(["", ""], rows)


def _millimetres(entry: Entry, one: Checked) -> str:
    """The sides of a patch in mm, where its voxels' edges are known without a scan; of slices where they are equal."""
    grid = entry.recipe.get("preprocess", {}).get("resample", {})
    finest, coarsest = grid.get("finest_mm"), grid.get("coarsest_mm")
    edge = one.stage.prepare.spacing_mm or (finest if finest == coarsest else None)
    sides = one.stage.sample.patch
    if edge is None or (isinstance(edge, tuple) and len(edge) != len(sides)):
        return ""
    edges = edge if isinstance(edge, tuple) else (edge,) * len(sides)
    return f" ({' x '.join(f'{side * mm:g}' for side, mm in zip(sides, edges, strict=True))} mm)"


def _measured(row: measured.Row | None) -> str:
    if row is None:
        return "Nothing yet."
    cells = [[words, row[name] or ABSENT] for name, words in measured.COLUMNS.items() if name != "recipe"]
    return (
        "A short training on simulated heads, the same budget for each recipe made small (`benchmarks/recipes.py`): it "
        "shows that the recipe runs and what it costs, not what the system of the paper reaches.\n\n"
        + _table(["", ""], cells)
    )


def _scores(rows: Mapping[str, measured.Row]) -> list[str]:
    """The section on equal budgets; none before anything was measured."""
    if not rows:
        return []
    shown = ("recipe", "networks", "steps", "train_cpu_min", "apply_s", "Dice", "F1_score", "false_lesions",
             "empty_clean", "remark")  # fmt: skip
    conditions = {
        name: sorted({row[name] for row in rows.values() if row[name]}) for name in ("cohort", "budget_min", "machine")
    }
    text = (
        "Every recipe made small and trained for the same time on simulated heads, by `benchmarks/recipes.py`, beside "
        "the plain subtraction: means over the pairs held out. It shows that each runs and what it costs; seconds of "
        "training say nothing of what the systems of the papers reach after days.\n\n"
        + "\n".join(
            f"- {measured.COLUMNS[name]}: {'; '.join(found)}" for name, found in conditions.items() if found
        )
    )  # fmt: skip
    lines = [[row[name] or ABSENT for name in shown] for row in rows.values()]
    return ["## Equal budgets", text, _table([measured.COLUMNS[name] for name in shown], lines)]


def _note(source: str) -> str:
    return f"<!-- Made from {source} by scripts/make_recipe_pages.py; changes here are lost. -->"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
