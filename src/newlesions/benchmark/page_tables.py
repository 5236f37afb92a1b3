"""The tables of a leaderboard's page, as text."""

from __future__ import annotations

import math
from collections.abc import Iterable

from newlesions.benchmark.standings import Entrant, Standings
from newlesions.benchmark.tables import SHOWN, clean_pairs
from newlesions.consensus.evidence import Evidence
from newlesions.evaluate.compare import text
from newlesions.evaluate.compare.catalogue import MEASURES
from newlesions.evaluate.compare.comparison import Comparison


def shown_table(standings: Standings) -> list[list[str]]:
    """The recipes in the order of the ranking, with their means."""
    found = standings.found
    titles = {one.name: one.title for one in standings.entrants}
    means = {(one.measure, one.system): one for one in found.descriptions}
    measures = [MEASURES[name] for name in SHOWN if any(key[0] == name for key in means)]
    header = ["recipe", "what it is", *(text.heading(measure) for measure in measures)]
    header += ["no-change pairs left clean", "CPU min to train", "CPU s to apply"]
    rows = [header]
    for name in standings.order:
        cells = []
        for measure in measures:
            one = means[measure.name, name]
            bounds = f" {text.interval(one.low, one.high, measure.digits)}" if math.isfinite(one.low) else ""
            cells.append(text.number(one.mean, measure.digits) + bounds)
        cost = standings.costs[name]
        last = [clean_pairs(found, name) or text.MISSING, _number(cost.train_cpu_min, 1), _number(cost.apply_cpu_s, 1)]
        rows.append([name, titles[name], *cells, *last])
    return rows


def shown_costs(standings: Standings) -> list[list[str]]:
    """What each recipe costs."""
    rows = [["recipe", "prepare a pair, CPU s", "networks", "weights", "optimiser steps", "train, CPU min",
             "train, min", "apply to a pair, CPU s", "memory, MB"]]  # fmt: skip
    for name in standings.order:
        cost = standings.costs[name]
        weights = f"{cost.parameters:,}" if cost.parameters else text.MISSING
        rows.append([
            name, _number(cost.prepare_cpu_s, 1), str(cost.networks), weights, cost.steps or text.MISSING,
            _number(cost.train_cpu_min, 1), _number(cost.train_min, 1), _number(cost.apply_cpu_s, 1),
            _number(cost.memory_mb, 0),
        ])  # fmt: skip
    return rows


def shown_consensus(evidence: Evidence) -> list[list[str]]:
    """Recipes and each consensus of them beside the best single recipe, in the measures of the verdict."""
    rows = [["", "measure", "pairs", "mean", "best single recipe", "difference", "p"]]
    for row in evidence.rows:
        measure = MEASURES[row.measure]
        bounds = f" {text.interval(row.low, row.high, measure.digits)}" if math.isfinite(row.low) else ""
        numbers = [text.number(value, measure.digits) for value in (row.mean, row.best, row.difference)]
        numbers[-1] += bounds
        rows.append([row.name, text.heading(measure), str(row.pairs), *numbers, f"{row.p:.3g}"])
    return rows


def notes(found: Comparison, entrants: Iterable[Entrant]) -> list[str]:
    """What the reader has to know, a sentence each."""
    told = [note for note in found.cohort.notes if "left out" in note or "differ between" in note]
    for one in entrants:
        if one.failed:
            pair, reason = next(iter(one.failed.items()))
            told.append(f"{one.name} could not be scored on {len(one.failed)} pairs; {pair}: {reason}")
    if len({pair.split("_")[0] for pair in found.cohort.pairs}) < len(found.cohort.pairs):
        told.append(
            "Some subjects have several pairs: intervals and rankings draw subjects, but the tests take pairs as "
            "independent, and their p-values are too small."
        )
    return told


def _number(value: float | None, digits: int) -> str:
    return text.MISSING if value is None else text.number(value, digits)
