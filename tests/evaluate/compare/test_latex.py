from __future__ import annotations

from pathlib import Path

import pytest

from evaluate.compare.synthetic import scored, write_scores
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.compare.comparison import Comparison, compare
from newlesions.evaluate.compare.latex import escaped, latex
from newlesions.evaluate.compare.read import read_system


def compared(folder: Path, **dice: list[float]) -> Comparison:
    systems = []
    for name, values in dice.items():
        rows = [scored(f"p{n:02d}", 0.5, Dice=value) for n, value in enumerate(values)]
        systems.append(read_system(name, write_scores(folder / f"{name}.tsv", rows)))
    return compare(systems, Bootstrap(200), ["Dice", "RelativeVolumeError"])


def row(text: str, start: str) -> list[str]:
    line = next(line.strip() for line in text.splitlines() if line.strip().startswith(start))
    return line.removesuffix(r" \\").split(" & ")[1:]


def test_the_best_is_bold_and_what_differs_from_it_has_a_dagger(tmp_path: Path) -> None:
    base = [0.30 + 0.01 * n for n in range(10)]
    high = [value + 0.2 + 0.001 * n for n, value in enumerate(base)]
    text = latex(compared(tmp_path, low=base, high=high, near=[value + 0.2 for value in base]))
    worst, best, near = row(text, "Dice")
    assert worst.startswith("$0.345 ") and worst.endswith(r"$^{\dagger}$")
    assert best.startswith(r"$\mathbf{0.549}") and "dagger" not in best
    assert "mathbf" not in near
    assert r"\dagger$: differs from the best" in text


def test_equal_printed_means_are_both_bold_and_signed_errors_never(tmp_path: Path) -> None:
    text = latex(compared(tmp_path, a=[0.5, 0.6], b=[0.6, 0.5]))
    assert all(cell.startswith(r"$\mathbf") for cell in row(text, "Dice"))
    assert not any("mathbf" in cell for cell in row(text, "Relative"))


def test_undefined_pairs_are_counted_and_explained(tmp_path: Path) -> None:
    nan = float("nan")
    text = latex(compared(tmp_path, a=[0.5, 0.6, nan], b=[nan, nan, nan]))
    assert row(text, "Dice") == [r"$\mathbf{0.550} \pm 0.071$\textsuperscript{(1)}", "--"]
    assert "Superscripts in parentheses" in text


def test_one_system_is_not_compared(tmp_path: Path) -> None:
    text = latex(compared(tmp_path, a=[0.5, 0.6]))
    assert "dagger" not in text and "mathbf" not in text


@pytest.mark.parametrize(
    ("plain", "tex"),
    [
        ("a_b & c%", r"a\_b \& c\%"),
        ("{x}^2~#$", r"\{x\}\textasciicircum{}2\textasciitilde{}\#\$"),
        ("\\", r"\textbackslash{}"),
    ],
)
def test_special_characters_are_escaped(plain: str, tex: str) -> None:
    assert escaped(plain) == tex


def test_braces_and_environments_are_closed(tmp_path: Path) -> None:
    text = latex(compared(tmp_path, a=[0.5, 0.6], b=[0.2, 0.1]))
    plain = text.replace(r"\{", "").replace(r"\}", "")
    assert plain.count("{") == plain.count("}")
    assert text.count(r"\begin") == text.count(r"\end") == 2
    assert text.replace(r"\$", "").count("$") % 2 == 0
