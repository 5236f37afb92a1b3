"""The printed tables: rows of text, the header first, for the terminal and for Markdown."""

from __future__ import annotations

from newlesions.evaluate.compare import text
from newlesions.evaluate.compare.agreement import QUANTITIES
from newlesions.evaluate.compare.catalogue import MEASURES, Population
from newlesions.evaluate.compare.comparison import Comparison

Rows = list[list[str]]
"""A header and rows of equal length; only the header if there is nothing to say."""


def descriptions(comparison: Comparison, population: Population) -> Rows:
    """Each shown measure of ``population``, a row per system."""
    level = text.percent(comparison.bootstrap.confidence)
    rows = [["measure", "system", "n", "undefined", "mean", "SD", "median", f"{level} interval of the mean"]]
    for measure in comparison.shown:
        for d in comparison.descriptions:
            if d.measure != measure.name or measure.population != population:
                continue
            numbers = [text.number(value, measure.digits) for value in (d.mean, d.sd, d.median)]
            bounds = text.interval(d.low, d.high, measure.digits)
            rows.append([text.heading(measure), d.system, str(d.pairs), str(d.undefined), *numbers, bounds])
    return rows


def compact(comparison: Comparison, population: Population) -> Rows:
    """Mean and interval of the shown measures of ``population``: a row per measure, a column per system."""
    by_key = {(d.measure, d.system): d for d in comparison.descriptions}
    rows = [["measure", "n", *comparison.cohort.names]]
    for measure in comparison.shown:
        if measure.population == population:
            found = [by_key[measure.name, name] for name in comparison.cohort.names]
            counts = sorted({d.pairs for d in found})
            cells = [
                f"{text.number(d.mean, measure.digits)} {text.interval(d.low, d.high, measure.digits)}" for d in found
            ]
            rows.append([text.heading(measure), "-".join(map(str, (counts[0], counts[-1])[: len(counts)])), *cells])
    return rows


def tests(comparison: Comparison) -> Rows:
    """Every two systems in each shown measure."""
    header = ["measure", "first", "second", "n", "zeros", "median diff.", "mean diff.", "interval", "r"]
    rows = [[*header, "p", "p (Holm)", "how"]]
    for measure in comparison.shown:
        digits = measure.digits
        for t in comparison.tests:
            if t.measure != measure.name:
                continue
            rows.append([
                measure.label, t.first, t.second, str(t.pairs), str(t.zeros),
                text.number(t.median_difference, digits), text.number(t.mean_difference, digits),
                text.interval(t.low, t.high, digits), text.number(t.rank_biserial, 2),
                text.p_value(t.p), text.p_value(t.p_holm), f"{t.method}; {t.note}" if t.note else t.method,
            ])  # fmt: skip
    return rows


def ranking(comparison: Comparison) -> Rows:
    """Every ranking, best first."""
    level = text.percent(comparison.bootstrap.confidence)
    rows = [["ranking", "system", "n", "mean", "rank", f"{level} interval", "chance to be first"]]
    order = {name: at for at, name in enumerate(dict.fromkeys(r.ranking for r in comparison.ranks))}
    for r in sorted(comparison.ranks, key=lambda r: (order[r.ranking], r.rank)):
        digits = MEASURES[r.ranking].digits if r.ranking in MEASURES else 2
        bounds = f"[{text.rank(r.low)}, {text.rank(r.high)}]"
        pairs = str(r.pairs) if r.pairs else ""
        name = text.label(r.ranking)
        rows.append([name, r.system, pairs, text.number(r.value, digits), text.rank(r.rank), bounds, f"{r.first:.3f}"])
    return rows


def agreement(comparison: Comparison) -> Rows:
    """Volume and count of every system."""
    rows = [["quantity", "system", "n", "bias", "its 95 % interval", "95 % limits of agreement", "concordance", "rho"]]
    for a in comparison.agreements:
        digits = 1 if a.quantity == "volume" else 2
        bounds = text.interval(a.bias_low, a.bias_high, digits), text.interval(a.lower, a.upper, digits)
        both = text.number(a.concordance), text.number(a.spearman)
        rows.append([QUANTITIES[a.quantity][1], a.system, str(a.pairs), text.number(a.bias, digits), *bounds, *both])
    return rows


def curves(comparison: Comparison) -> Rows:
    """FROC score and average precision, and where the written mask lies."""
    header = ["system", "pairs", "without a map", "FROC score", "average precision"]
    rows = [[*header, "sensitivity of the mask", "its false lesions per scan"]]
    for c in comparison.curves:
        numbers = c.froc_score, c.average_precision, c.sensitivity
        rows.append([
            c.system, str(c.pairs), str(c.without), *(text.number(value) for value in numbers),
            text.number(c.false_per_scan, 2),
        ])  # fmt: skip
    return rows


def sizes(comparison: Comparison) -> Rows:
    """Recall by size class of every system."""
    rows = [["size (mm³)", "system", "found", "of", "recall", "95 % interval"]]
    for system, classes in comparison.sizes.items():
        for c in classes:
            bounds = text.interval(c.low, c.high)
            rows.append([c.size_class, system, str(c.found), str(c.reference), text.number(c.recall), bounds])
    return rows
