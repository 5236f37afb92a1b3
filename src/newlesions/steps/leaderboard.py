"""All recipes of a benchmark side by side: scores in, tables, figures and a page out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from newlesions import __version__
from newlesions.benchmark import folders
from newlesions.benchmark import tables as rows
from newlesions.benchmark.jobs import chain_of
from newlesions.benchmark.page_tables import notes, shown_consensus, shown_costs, shown_table
from newlesions.benchmark.plan import Plan
from newlesions.benchmark.standings import Standings, entrants_of, standings
from newlesions.consensus.evidence import ROW, verdicts
from newlesions.evaluate.compare import tables, text
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.long_table import long_table
from newlesions.evaluate.scores import write_table
from newlesions.images.files import read_json, write_text
from newlesions.report.leaderboard_page import HardLesion, LeaderboardPage, leaderboard_html
from newlesions.steps.names import read_matrices

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from newlesions.report.picture import Figure as Picture

TESTED = ("F1_score", "Dice")
"""The measures whose pairwise tests the page shows; the tables have all."""

_PICTURED = 12
_MANY = 6
"""From so many systems on, the panels of a ranking are wide."""


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
    consensus: Path | None = None,
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
    consensus
        A table too, where recipes are fused: whether that is better than the best single one.
    """
    out, planned = Path(), read_json(plan)
    folder = page.parent
    entrants = entrants_of(out, planned, about)
    drawn_from = Bootstrap(bootstrap["resamples"], bootstrap["seed"], by_subject=True)
    held = standings(out, planned, entrants, drawn_from, folder / "scores")
    found, papers = held.found, rows.reported_rows(out, planned)
    write_table(table, rows.RECIPE, rows.recipe_rows(held) + rows.missing_rows(entrants, about))
    write_text(comparison_table, long_table(found))
    write_text(tests, _tsv(tables.tests(found)))
    write_text(ranking, _tsv(tables.ranking(found)))
    write_table(costs, rows.COST, rows.cost_rows(held))
    write_table(paces, rows.PACE, rows.pace_rows(out, planned))
    write_table(lesions, rows.lesion_columns(found.cohort.names), rows.lesion_rows(held))
    write_table(reported, rows.REPORTED, papers)
    if consensus is None:
        Path(folders.leaderboard_files(fused=True)["consensus"]).unlink(missing_ok=True)  # an earlier leaderboard's
    else:
        write_table(consensus, ROW, [vars(row) for row in held.consensus.rows] if held.consensus else [])
    drawn = {name: _written(figure, folder / "figures" / name) for name, figure in _drawn(held).items()}
    shown = LeaderboardPage(
        about,
        len(found.cohort.pairs),
        found.cohort.size("lesion"),
        found.cohort.size("empty"),
        shown_table(held),
        tables.ranking(found),
        [row for at, row in enumerate(tables.tests(found)) if not at or row[0] in {MEASURES[m].label for m in TESTED}],
        shown_costs(held),
        [list(rows.REPORTED), *([str(row.get(name, "")) for name in rows.REPORTED] for row in papers)],
        {name: content for name, content in drawn.items() if content is not None},
        _hardest(out, planned, held, pictures),
        len(held.lesions),
        verdicts(held.consensus) if held.consensus else [],
        shown_consensus(held.consensus) if held.consensus else [],
        notes(found, entrants),
        [_without_marks(line) for line in text.conventions(found.bootstrap)],
        __version__,
    )
    write_text(page, leaderboard_html(shown))


def _drawn(held: Standings) -> dict[str, Figure | None]:
    from newlesions.evaluate.compare import figures

    found, order = held.found, held.order
    curves = {system.name: system.curves for system in found.cohort.systems if system.curves is not None}
    return {
        "forest": figures.forest(found.descriptions, rows.SHOWN, order),
        "ranking": figures.rank_plot(found.ranks, most_columns=2 if len(order) > _MANY else 4),
        "tests": figures.tests_map(found.tests, TESTED, order),
        "froc": figures.froc_multiples({name: curves[name] for name in order if name in curves}),
        "lesions": figures.lesion_map(held.lesions, found.cohort.names, order),
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


def _hardest(out: Path, plan: Plan, held: Standings, pictured: bool) -> list[HardLesion]:
    """The first lesions, with pictures if asked; lesions that everybody finds are not hard."""
    from newlesions.report.hard_lesions import Pictures

    names = [one.name for one in held.entrants]
    by_pair = {row["pair"]: row for row in plan["pairs"]}
    chosen = [one for one in held.lesions if one.finders < len(names)][:_PICTURED]
    pictures: dict[str, Pictures] = {}
    made = []
    for lesion in chosen:
        found = dict(zip(names, lesion.found, strict=True))
        drawn: list[Picture] = []
        if pictured:
            if lesion.pair not in pictures:
                pictures[lesion.pair] = Pictures(_scans(out, plan, by_pair[lesion.pair], names))
            label = f"lesion {lesion.number} of {lesion.pair}"
            drawn = pictures[lesion.pair].of(label, lesion.centre_mm, found)
        finders = [name for name in held.order if found[name]]
        made.append(
            HardLesion(lesion.pair, lesion.number, lesion.volume_mm3, lesion.centre_mm, finders, len(names), drawn)
        )
    return made


def _scans(out: Path, plan: Plan, row: Mapping[str, str], names: Sequence[str]) -> Any:
    from newlesions.report.hard_lesions import Scans

    # Any preparation shows the lesion; the first one is as good as another.
    first = next(name for name in names if name in plan["recipes"])
    chain = chain_of(plan, plan["recipes"][first]["prepared"]["candidates"])

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


def _without_marks(line: str) -> str:
    """Markdown's emphasis and code marks taken away."""
    return line.replace("**", "").replace("`", "")


def _tsv(rows: tables.Rows) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)
