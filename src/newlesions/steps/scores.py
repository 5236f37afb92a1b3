"""The scores of a cohort: the pairs' results in, tables and figures out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from newlesions.cohort.outcome import DONE, WHY, outcomes
from newlesions.cohort.pairs import Pair
from newlesions.cohort.pairs_table import read_pairs
from newlesions.cohort.results import run_steps, scores_file
from newlesions.images.files import read_json, write_text
from newlesions.models import kind_of

_NOTHING = """\
<svg xmlns="http://www.w3.org/2000/svg" width="460" height="80" viewBox="0 0 460 80">
<text x="230" y="45" font-family="sans-serif" font-size="14" text-anchor="middle">Nothing to draw</text>
</svg>
"""


def scores(
    *,
    pairs: Path,
    table: Path,
    froc: Path,
    precision_recall: Path,
    results: Sequence[Path] = (),
    model: str | None = None,
    **details: Path,
) -> None:
    """Write the scores of every pair that has some.

    Parameters
    ----------
    pairs
        The frozen pairs table.
    table
        scores.tsv, in the results folder.
    froc, precision_recall
        The curves over the probability maps of all pairs, as SVG.
    results
        The pairs' results, all of this run. Without them, after failures, those of the finished pairs are looked for in
        the results folder.
    model
        The run's model, if it has one; asked for in that case only.
    details
        The other tables by name. They lie where `write_scores` puts them, in the folder of the table's name.
    """
    from newlesions.evaluate.compare.figures import froc as draw_froc
    from newlesions.evaluate.compare.figures import precision_recall as draw_precision_recall
    from newlesions.evaluate.compare.figures import svg
    from newlesions.evaluate.compare.read import read_curves
    from newlesions.evaluate.scores import details_folder, write_scores

    sources = results or _finished(table.parent, read_pairs(pairs), model)
    read = [read_json(path) for path in sources]
    write_scores(table, [result for result in read if WHY not in result], details=True)
    curves = read_curves(details_folder(table))
    for path, draw in ((froc, draw_froc), (precision_recall, draw_precision_recall)):
        figure = None if curves is None or curves.empty else draw({"newlesions": curves})
        write_text(path, _NOTHING if figure is None else svg(figure))


def _finished(out: Path, pairs: Sequence[Pair], model: str | None) -> list[Path]:
    """The results of the pairs with a reference that are done."""
    rows: Sequence[dict[str, Any]] = outcomes(out, pairs, run_steps(kind_of(model)))
    done = [pair for pair, row in zip(pairs, rows, strict=True) if row["status"] == DONE and pair.reference]
    return [path for path in (scores_file(out, pair) for pair in done) if path.is_file()]
