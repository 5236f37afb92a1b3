"""The measures of animaSegPerfAnalyzer the plain way, for masks: whole volumes, dense tables, distance maps."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

FACES = ndimage.generate_binary_structure(3, 1)


def plain_score(reference, prediction, spacing, min_volume=3.0, alpha=0.10, beta=0.70, gamma=0.65):
    """All measures of two masks, by name; the reference must hold a voxel, and so must the prediction."""
    volume = spacing[0] * spacing[1] * spacing[2]
    tp, fp = (reference & prediction).sum(), (~reference & prediction).sum()
    fn, tn = (reference & ~prediction).sum(), (~reference & ~prediction).sum()
    jaccard = tp / (tp + fp + fn)
    found = {
        "Jaccard": jaccard,
        "Dice": 2 * tp / (2 * tp + fp + fn),
        "Sensitivity": tp / (tp + fn),
        "Specificity": tn / (tn + fp),
        "PPV": tp / (tp + fp),
        "NPV": tn / (tn + fn),
        "RelativeVolumeError": 100 * (fp - fn) / (tp + fn),
    }
    found |= _surface(reference, prediction, spacing)
    least = math.floor(min_volume / volume) + 1
    table = _table(_lesions(reference, least), _lesions(prediction, least))
    lesions, predicted = table.shape[0] - 1, table.shape[1] - 1
    both = lesions and predicted
    precision = _detected(table.T, alpha, beta, gamma) / predicted if both else 0.0
    sensitivity = (_detected(table, alpha, beta, gamma) if both else 0) / lesions if lesions else math.nan
    found["PPVL"], found["SensL"] = precision, sensitivity
    positive = precision + sensitivity > 0
    found["F1_score"] = 2 * precision * sensitivity / (precision + sensitivity) if positive else 0.0
    return {name: float(value) for name, value in found.items()}


def _lesions(mask, least):
    """Components over faces, by falling size, then by first voxel with x running fastest."""
    labels = ndimage.label(mask.T, FACES)[0].T
    flat = labels.ravel(order="F")
    names = [name for name in dict.fromkeys(flat[flat > 0].tolist()) if (flat == name).sum() >= least]
    names.sort(key=lambda name: -(flat == name).sum())
    ordered = np.zeros_like(labels)
    for number, name in enumerate(names, start=1):
        ordered[labels == name] = number
    return ordered


def _table(rows, columns):
    table = np.zeros((rows.max() + 1, columns.max() + 1), int)
    np.add.at(table, (rows, columns), 1)
    return table


def _detected(table, alpha, beta, gamma):
    covered, sizes = table[:, 1:].sum(axis=1), table.sum(axis=0)
    count = 0
    for row in range(1, len(table)):
        if not covered[row] / table[row].sum() > alpha:
            continue
        weight, passes = 0.0, True
        for column in sorted(range(1, table.shape[1]), key=lambda column: -table[row, column]):
            if not weight < gamma:
                break
            if table[0, column] / sizes[column] > beta:
                passes = False
                break
            weight += table[row, column] / covered[row]
        count += passes
    return count


def _surface(reference, prediction, spacing):
    def contour(mask):
        return mask & ~ndimage.binary_erosion(mask, FACES, border_value=1)

    def to(mask):
        return ndimage.distance_transform_edt(~mask, sampling=spacing)

    def in_order(values, mask):
        return values.ravel(order="F")[mask.ravel(order="F")]

    ours, theirs = contour(prediction), contour(reference)
    there, here = in_order(to(theirs), ours), in_order(to(ours), theirs)
    running = [np.minimum.accumulate(values) for values in (here, there)]
    return {
        "HausdorffDistance": max(to(reference)[prediction].max(), to(prediction)[reference].max()),
        "ContourMeanDistance": max(there.mean(), here.mean()),
        "SurfaceDistance": np.concatenate(running).mean(),
    }
