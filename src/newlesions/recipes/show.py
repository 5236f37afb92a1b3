"""A recipe in plain text: the graph of its stages, what each is, what the paper states, and what was chosen."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from newlesions.networks.stages import Stage
from newlesions.recipes.check import Checked
from newlesions.recipes.stages import SECTIONS, final, names_in

WIDTH = 110

_TASKS = {
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
        parts.append(_wrapped(_cited(recipe["paper"])))
    if checked:
        stages = [one.stage for one in checked]
        parts += ["STAGES\n" + graph(stages), *(_described(one) for one in checked)]
    settings = _settings(recipe)
    if settings:
        parts.append("SETTINGS\n" + "\n".join(f"  {line}" for line in settings))
    if recipe.get("stated"):
        rows = [f"{row['setting']}: {row['says']} ({_page(row['page'])})" for row in recipe["stated"]]
        parts.append("THE PAPER STATES\n" + "\n".join(map(_item, rows)))
    if recipe.get("chosen"):
        rows = [f"{row['setting']}: {row['reason']}" for row in recipe["chosen"]]
        parts.append("CHOSEN, SINCE THE PAPER LEAVES IT OPEN\n" + "\n".join(map(_item, rows)))
    return "\n\n".join(parts) + "\n"


def graph(stages: Sequence[Stage]) -> str:
    """The stages as a tree that grows from the one that gives the answer; a stage that comes again is drawn once."""
    known = {stage.name: stage for stage in stages}
    top = final(stages)
    drawn = {top.name}
    return "\n".join([f"  {top.name}  ({_TASKS[top.task]})", *_branches(top, known, drawn, "  ")])


def _branches(stage: Stage, known: Mapping[str, Stage], drawn: set[str], indent: str) -> list[str]:
    entries = [(one, [name for name in names_in([one]) if name in known]) for one in stage.inputs]
    if stage.start:
        frozen = stage.start.frozen if isinstance(stage.start.frozen, str) else stage.start.part
        kept = f", {frozen or 'all'} frozen" if stage.start.frozen else ""
        entries.append((f"begins with {stage.start.stage} ({stage.start.part or 'whole'}{kept})", [stage.start.stage]))
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
                lines.append(f"{deeper}{name}  ({_TASKS[known[name].task]})")
            lines += _branches(known[name], known, drawn, deeper)
    return lines


def _described(one: Checked) -> str:
    stage = one.stage
    if not stage.is_trained:
        return _rows(
            stage,
            {
                "task": _TASKS[stage.task],
                "predict": f"{stage.predict.combine} of {', '.join(stage.inputs)}, {_cut(stage)}",
            },
        )
    arguments = ", ".join(f"{key} {_short(value)}" for key, value in stage.network.items() if key != "name")
    weights = "planned from the data" if one.parameters is None else f"{one.parameters / 1e6:.2f} million weights"
    prepare, sample, optimise, predict = stage.prepare, stage.sample, stage.optimise, stage.predict
    schedule = ", ".join(f"{key} {_short(value)}" for key, value in optimise.schedule.items() if key != "name")
    spacing = "the working grid" if prepare.spacing_mm is None else f"{_short(prepare.spacing_mm)} mm"
    rows = {
        "task": _TASKS[stage.task],
        "sees": ", ".join(stage.inputs) + f"; {spacing}, {prepare.normalise}",
        "network": f"{stage.network['name']} ({arguments}): {weights}",
        "patches": f"{' x '.join(map(str, sample.patch))}, batches of {sample.batch}, "
        f"{100 * sample.positive:g} % on lesions"
        + (f", views {_short(sample.views)}" if sample.views else "")
        + (f" with {sample.neighbours} slices on either side" if sample.neighbours else "")
        + (f", {100 * sample.synthetic:g} % synthetic" if sample.synthetic else "")
        + (", changed pairs only" if sample.cases == "changed" else ""),
        "augment": ", ".join(str(entry["name"]) for entry in stage.augment) or "nothing",
        "loss": " + ".join(str(entry["name"]) for entry in stage.loss),
        "optimise": f"{optimise.name} {optimise.lr:g}, {optimise.steps} steps, {optimise.schedule['name']}"
        + (f" ({schedule})" if schedule else "")
        + f", {optimise.select} weights",
        "networks": f"{stage.members.folds} folds x {stage.members.seeds} seeds"
        + (" x raters" if stage.members.raters else ""),
        "predict": f"windows overlap by {100 * predict.overlap:g} % ({predict.weighting}), "
        + (f"{predict.passes} passes with dropout, " if predict.passes > 1 else "")
        + f"{predict.combine} of networks"
        + (f", {predict.views} of views" if sample.views else "")
        + f", {_cut(stage)}",
    }
    return _rows(stage, rows)


def _cut(stage: Stage) -> str:
    return f"from {stage.predict.threshold:g}, above {stage.predict.min_volume_mm3:g} mm3"


def _rows(stage: Stage, rows: Mapping[str, str]) -> str:
    lines = [
        textwrap.fill(f"{name:9} {text}", WIDTH, initial_indent="  ", subsequent_indent=" " * 12)
        for name, text in rows.items()
    ]
    return "\n".join([stage.name, *lines])


def _settings(recipe: Mapping[str, Any]) -> list[str]:
    """What the recipe sets in the configuration, ``section.name = value``."""
    stages = {name: entry for name, entry in recipe.get("stages", {}).items() if name in SECTIONS}
    sections = {**recipe.get("preprocess", {}), **stages, **recipe.get("predict", {})}
    return [f"{section}.{name} = {_short(value)}" for section, some in sections.items() for name, value in some.items()]


def _cited(paper: Mapping[str, Any]) -> str:
    where = ", ".join(str(paper[key]) for key in ("in", "pages", "doi", "url") if key in paper)
    return f"{paper['authors']} ({paper['year']}). {paper['title']}." + (f" {where}" if where else "")


def _page(page: str | int) -> str:
    return f"p. {page}" if str(page)[:1].isdigit() else str(page)


def _short(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_short, value)) + "]"
    return str(value).lower() if isinstance(value, bool) else "null" if value is None else str(value)


def _wrapped(text: str) -> str:
    return textwrap.fill(" ".join(text.split()), WIDTH)


def _item(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")
