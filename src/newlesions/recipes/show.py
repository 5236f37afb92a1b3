"""A recipe in plain text: the graph of its stages, what each is, what the paper states, and what was chosen."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from newlesions.networks.stages import Stage, Start
from newlesions.recipes.check import Checked
from newlesions.recipes.stages import SECTIONS, final, names_in

WIDTH = 110

TASKS = {
    "segment_new": "new lesions of a pair",
    "segment_lesions": "all lesions of one visit",
    "inpaint": "tissue in the place of lesions",
    "generate": "lesions in the place of tissue",
    "classify_regions": "new lesions in candidate regions",
    "combine": "new lesions of a pair, by several stages",
}


def show(recipe: Mapping[str, Any], checked: Sequence[Checked]) -> str:
    """The text of `newlesions recipes show`.

    Parameters
    ----------
    recipe
        As `settings.read_recipe` gives it.
    checked
        Its networks (`recipes.check.check`); empty where it has none.
    """
    parts = [f"{recipe['id']}: {recipe['title']}"]
    if recipe.get("description"):
        parts.append(_wrapped(str(recipe["description"])))
    if recipe.get("paper"):
        parts.append(_wrapped(cited(recipe["paper"])))
    if checked:
        stages = [one.stage for one in checked]
        parts += ["STAGES\n" + graph(stages), *map(_wrapped_rows, checked)]
    settings = _settings(recipe)
    if settings:
        parts.append("SETTINGS\n" + "\n".join(f"  {line}" for line in settings))
    if recipe.get("stated"):
        rows = [f"{row['setting']}: {row['says']} ({page_of(row['page'])})" for row in recipe["stated"]]
        parts.append("THE PAPER STATES\n" + "\n".join(map(_item, rows)))
    if recipe.get("reported"):
        rows = [
            f"{row['measure']} {row['value']} on {row['data']} ({page_of(row['page'])})" for row in recipe["reported"]
        ]
        parts.append("THE PAPER REPORTS, OF ITS OWN SYSTEM ON ITS OWN DATA\n" + "\n".join(map(_item, rows)))
    if recipe.get("chosen"):
        rows = [f"{row['setting']}: {row['reason']}" for row in recipe["chosen"]]
        parts.append("CHOSEN, SINCE THE PAPER LEAVES IT OPEN\n" + "\n".join(map(_item, rows)))
    return "\n\n".join(parts) + "\n"


def graph(stages: Sequence[Stage]) -> str:
    """The stages as a tree that grows from the one that gives the answer; a stage that comes again is drawn once."""
    known = {stage.name: stage for stage in stages}
    top = final(stages)
    drawn = {top.name}
    return "\n".join([f"  {top.name}  ({TASKS[top.task]})", *_branches(top, known, drawn, "  ")])


def _branches(stage: Stage, known: Mapping[str, Stage], drawn: set[str], indent: str) -> list[str]:
    entries = [(one, [name for name in names_in([one]) if name in known]) for one in stage.inputs]
    if stage.start:
        entries.append((f"begins with {stage.start.stage} ({_taken(stage.start)})", [stage.start.stage]))
    entries += [(f"uses {name}", [name]) for name in stage.uses]
    lines = []
    for number, (text, below) in enumerate(entries):
        last = number == len(entries) - 1
        lines.append(f"{indent}{'└─ ' if last else '├─ '}{text}")
        deeper = indent + ("   " if last else "│  ")
        for name in below:
            if name in drawn:
                continue
            drawn.add(name)
            if text not in (f"uses {name}",) and not text.startswith(f"begins with {name} "):
                lines.append(f"{deeper}{name}  ({TASKS[known[name].task]})")
            lines += _branches(known[name], known, drawn, deeper)
    return lines


def described(one: Checked) -> dict[str, str]:
    """What a stage is, in one line of words and numbers for each of its parts, by the part's name."""
    stage = one.stage
    if not stage.is_trained:
        return {
            "task": TASKS[stage.task],
            "predict": f"{stage.predict.combine} of {', '.join(stage.inputs)}",
            "mask": _cut(stage),
        }
    weights = "planned from the data" if one.parameters is None else f"{one.parameters / 1e6:.2f} million weights"
    prepare, sample, optimise, predict = stage.prepare, stage.sample, stage.optimise, stage.predict
    spacing = "the working grid" if prepare.spacing_mm is None else f"voxels of {short(prepare.spacing_mm)} mm"
    rows = {
        "task": TASKS[stage.task],
        "sees": ", ".join(stage.inputs),
        "prepare": f"{spacing}, {prepare.normalise}, "
        + ("the brain alone" if prepare.mask else "the whole image")
        + _further(prepare, "spacing_mm", "normalise", "mask"),
        "network": f"{named(stage.network)}: {weights}",
        "patches": f"{' x '.join(map(str, sample.patch))}, batches of {sample.batch}, "
        + _centres(stage)
        + (f", views {short(sample.views)}" if sample.views else "")
        + (f" with {sample.neighbours} slices on either side" if sample.neighbours else "")
        + (f", {100 * sample.synthetic:g} % synthetic" if sample.synthetic else "")
        + (", changed pairs only" if sample.cases == "changed" else "")
        + _further(sample, "patch", "batch", "positive", "views", "neighbours", "synthetic", "cases"),
        "augment": ", ".join(map(named, stage.augment)) or ("its own" if one.parameters is None else "nothing"),
        "loss": " + ".join(map(named, stage.loss)),
        "optimise": f"{optimise.name} {optimise.lr:g}, {optimise.steps} steps, {named(optimise.schedule)}, "
        f"{optimise.select} weights" + _further(optimise, "name", "lr", "steps", "schedule", "select"),
        "networks": f"{stage.members.folds} folds x {stage.members.seeds} seeds"
        + (" x raters" if stage.members.raters else "")
        + (", then one of all pairs, which alone is applied" if stage.members.refit else "")
        + _further(stage.members, "folds", "seeds", "raters", "refit"),
        "predict": f"windows overlap by {100 * predict.overlap:g} % ({predict.weighting}), "
        + (f"{predict.passes} passes with dropout, " if predict.passes > 1 else "")
        + f"{predict.combine} of networks"
        + (f", {predict.views} of views" if sample.views else "")
        + _further(predict, "overlap", "weighting", "combine", "views", "passes", "threshold", "min_volume_mm3"),
        "mask": _cut(stage),
    }
    if stage.start is not None:
        rows["begins"] = f"with {stage.start.stage} ({_taken(stage.start)})"
    if stage.uses:
        rows["uses"] = ", ".join(stage.uses)
    return rows


def _centres(stage: Stage) -> str:
    """Where patches are centred, and which of them train."""
    options, mine = stage.sample.options, stage.optimise.mine
    weights = options.get("centre_weights")
    parts = [f"{100 * stage.sample.positive:g} % on lesions"] if stage.sample.positive or not weights else []
    parts += [f"centres weighted {' : '.join(f'{weight:g}' for weight in weights)}"] if weights else []
    parts += [f"the hardest {mine['keep']} train"] if mine else []
    return ", ".join(parts + ([f"targets of {stage.raters} raters too"] if stage.raters else []))


def _cut(stage: Stage) -> str:
    return f"from {stage.predict.threshold:g}, lesions above {stage.predict.min_volume_mm3:g} mm3"


def named(entry: Mapping[str, Any]) -> str:
    """An entry with a name and arguments: ``dice (heads [1, 0.5])``."""
    arguments = ", ".join(f"{key} {short(value)}" for key, value in entry.items() if key != "name")
    return f"{entry['name']} ({arguments})" if arguments else str(entry["name"])


def _further(part: Any, *told: str) -> str:
    """What a part of a stage sets besides what is ``told``; what stays at its default is left out."""
    found = ""
    for entry in dataclasses.fields(part):
        made = entry.default_factory
        usual = entry.default if made is dataclasses.MISSING else made()
        value = getattr(part, entry.name)
        if entry.name not in told and value != usual:
            found += f", {entry.name} {short(value)}"
    return found


def _taken(start: Start) -> str:
    """Which weights a stage begins with, and which of them stay."""
    frozen = start.frozen if isinstance(start.frozen, str) else start.part
    return (start.part or "whole") + (f", {frozen or 'all'} frozen" if start.frozen else "")


def _wrapped_rows(one: Checked) -> str:
    lines = [
        textwrap.fill(f"{name:9} {text}", WIDTH, initial_indent="  ", subsequent_indent=" " * 12)
        for name, text in described(one).items()
    ]
    return "\n".join([one.stage.name, *lines])


def _settings(recipe: Mapping[str, Any]) -> list[str]:
    """What the recipe sets in the configuration, ``section.name = value``."""
    stages = {name: entry for name, entry in recipe.get("stages", {}).items() if name in SECTIONS}
    sections = {**recipe.get("preprocess", {}), **stages, **recipe.get("predict", {})}
    return [f"{section}.{name} = {short(value)}" for section, some in sections.items() for name, value in some.items()]


def cited(paper: Mapping[str, Any]) -> str:
    """A paper in one line."""
    where = ", ".join(str(paper[key]) for key in ("in", "pages", "doi", "url") if key in paper)
    return f"{paper['authors']} ({paper['year']}). {paper['title']}." + (f" {where}" if where else "")


def page_of(page: str | int) -> str:
    """Where in a paper: ``p. 48``; words stay as they are."""
    return f"p. {page}" if str(page)[:1].isdigit() else str(page)


def short(value: Any) -> str:
    """A value as a recipe has it, without the quotes."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} {short(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(short, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH)


def _item(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")
