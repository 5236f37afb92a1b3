"""``comparison.tex``: a booktabs table for a paper."""

from __future__ import annotations

from newlesions.evaluate.compare import text
from newlesions.evaluate.compare.catalogue import POPULATIONS, Measure
from newlesions.evaluate.compare.comparison import Comparison
from newlesions.evaluate.compare.describe import Description

_SIGNIFICANT = 0.05
_ESCAPES = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "³": r"\textsuperscript{3}", "|": r"\textbar{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "–": "--", "−": "--",
}  # fmt: skip


def latex(comparison: Comparison) -> str:
    r"""The shown measures as mean +- SD: a row per measure, a column per system, a block per population of pairs.

    Needs ``\usepackage{booktabs}``. The best mean of a measure is bold; a dagger marks the systems that differ from
    the best one after Holm's correction.
    """
    names = comparison.cohort.names
    lines = [
        r"% Needs \usepackage{booktabs}.",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{_caption(comparison)}}}",
        r"  \label{tab:comparison}",
        rf"  \begin{{tabular}}{{l{'c' * len(names)}}}",
        r"    \toprule",
        "    Measure & " + " & ".join(escaped(name) for name in names) + r" \\",
    ]
    for population, what in POPULATIONS.items():
        measures = [measure for measure in comparison.shown if measure.population == population]
        if measures:
            title = f"{what[0].upper()}{what[1:]} ($n = {comparison.cohort.size(population)}$)"
            lines += [r"    \midrule", rf"    \multicolumn{{{len(names) + 1}}}{{l}}{{\emph{{{title}}}}} \\"]
            lines += [_row(comparison, measure) for measure in measures]
    return "\n".join([*lines, r"    \bottomrule", r"  \end{tabular}", r"\end{table}"]) + "\n"


def escaped(plain: str) -> str:
    """``plain`` with the characters that LaTeX would take for commands."""
    return "".join(_ESCAPES.get(character, character) for character in plain)


def _row(comparison: Comparison, measure: Measure) -> str:
    found = [d for d in comparison.descriptions if d.measure == measure.name]
    best = _best(measure, found) if len(found) > 1 else set()
    worse = _differing(comparison, measure.name, best)
    cells = [_cell(d, measure.digits, d.system in best, d.system in worse) for d in found]
    arrow = {"higher": r" $\uparrow$", "lower": r" $\downarrow$", None: ""}[measure.better]
    return f"    {escaped(measure.label)}{arrow} & " + " & ".join(cells) + r" \\"


def _cell(d: Description, digits: int, best: bool, worse: bool) -> str:
    if not d.pairs:
        return "--"
    mean = text.number(d.mean, digits)
    mean = rf"\mathbf{{{mean}}}" if best else mean
    spread = rf" \pm {text.number(d.sd, digits)}" if d.pairs > 1 else ""
    missing = rf"\textsuperscript{{({d.undefined})}}" if d.undefined else ""
    return f"${mean}{spread}${missing}" + (r"$^{\dagger}$" if worse else "")


def _best(measure: Measure, found: list[Description]) -> set[str]:
    """The systems with the best mean as printed; none of a signed error."""
    means = {d.system: text.number(d.mean, measure.digits) for d in found if d.pairs}
    if not means or measure.better is None:
        return set()
    top = (max if measure.better == "higher" else min)(means.values(), key=float)
    return {name for name, mean in means.items() if mean == top}


def _differing(comparison: Comparison, measure: str, best: set[str]) -> set[str]:
    """The systems that differ significantly from a best one."""
    out = set()
    for test in comparison.tests:
        if test.measure == measure and test.p_holm < _SIGNIFICANT:
            for one, other in ((test.first, test.second), (test.second, test.first)):
                if one in best and other not in best:
                    out.add(other)
    return out


def _caption(comparison: Comparison) -> str:
    words = ["Mean $\\pm$ standard deviation over pairs."]
    if len(comparison.cohort.names) > 1:
        words.append(
            r"Bold: best mean. $\dagger$: differs from the best system (two-sided Wilcoxon signed-rank test over "
            rf"pairs, $p < {_SIGNIFICANT:g}$ after Holm's correction within the measure)."
        )
    shown = {measure.name for measure in comparison.shown}
    if any(d.undefined for d in comparison.descriptions if d.measure in shown):
        words.append("Superscripts in parentheses: pairs without a defined value, left out of the mean.")
    return " ".join(words)
