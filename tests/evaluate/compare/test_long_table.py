from __future__ import annotations

from pathlib import Path

from evaluate.compare.synthetic import compared
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.long_table import COLUMNS, long_table


def test_every_number_has_one_row(tmp_path: Path) -> None:
    comparison = compared(tmp_path, "a", "b")
    header, *rows = (line.split("\t") for line in long_table(comparison).splitlines())
    assert tuple(header) == COLUMNS
    assert len({tuple(row[:5]) for row in rows}) == len(rows)
    assert {row[0] for row in rows} == {"description", "test", "ranking", "agreement", "curves", "recall_by_size"}
    assert {row[1] for row in rows if row[0] == "description"} == set(MEASURES)
    cells = {tuple(row[:5]): row[5] for row in rows}
    test = next(t for t in comparison.tests if t.measure == "Dice")
    assert cells["test", "Dice", "a", "b", "p_holm"] == f"{test.p_holm:.10g}"
    assert cells["description", "Dice", "a", "", "pairs"] == "12"
    assert cells["ranking", "Dice", "b", "", "share_of_rank_1"] == f"{dict(comparison.ranks[3].frequencies)[1]:.10g}"
