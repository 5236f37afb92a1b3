"""The numbers that the rules of `newlesions.report.flags` judge, from what the steps measured of a pair."""

from __future__ import annotations

from collections.abc import Mapping

from newlesions.report.tables import number, without_folders

_AXES = (("moved_x_mm", "x"), ("moved_y_mm", "y"), ("moved_z_mm", "z"))


def measures_of(row: Mapping[str, object]) -> tuple[dict[str, float], dict[str, str]]:
    """All numbers of a pair's summary and those that follow from them, and words that need more than one number.

    A number whose sources are empty or absent is left out, and so are the words about it.
    """
    numbers = {name: value for name, text in row.items() if (value := number(text)) is not None}
    words: dict[str, str] = {}
    if all(name in numbers for name, _ in _AXES) and "rotated_deg" in numbers:
        numbers["moved_mm"] = sum(numbers[name] ** 2 for name, _ in _AXES) ** 0.5
        words["moved_words"] = _movement(numbers)
    baseline, followup = numbers.get("brain_baseline_ml"), numbers.get("brain_followup_ml")
    if baseline and followup:
        numbers["brain_change_percent"] = 100 * abs(followup / baseline - 1)
    for name, one, worst in (
        ("brain_cut_cm2", "brain_cut_{}_cm2", max),
        ("snr", "snr_{}", min),
        ("inu_range", "inu_range_{}", max),
        ("slice_mm", "slice_{}_mm", max),
    ):
        both = [numbers.get(one.format(visit)) for visit in ("baseline", "followup")]
        known = [value for value in both if value is not None]
        if len(known) == 2:
            numbers[name] = worst(known)
    for name, source in (
        ("inu_range", "inu_range"),
        ("differential_bias", "differential_bias_sd"),
        ("histogram_overlap", "histogram_overlap"),
    ):
        if source in numbers:
            numbers[f"{name}_percent"] = 100 * numbers[source]
    if "slice_mm" in numbers:
        thinner = min(numbers["slice_baseline_mm"], numbers["slice_followup_mm"])
        numbers["slice_ratio"] = numbers["slice_mm"] / thinner
        words["slice_words"] = _slices(numbers["slice_mm"])
    if "warnings" in row:
        remarks = [part for part in str(row["warnings"] or "").split("; ") if part]
        numbers["warning_count"] = len(remarks)
        words["warning_words"] = f"{len(remarks)} {'remark' if len(remarks) == 1 else 'remarks'}"
        words["warnings"] = without_folders("; ".join(remarks))
    return numbers, words


def _movement(numbers: Mapping[str, float]) -> str:
    """``14 mm, mostly in z, and turned by 3°``."""
    ways = {axis: abs(numbers[name]) for name, axis in _AXES}
    axis = max(ways, key=lambda name: ways[name])
    moved, turned = numbers["moved_mm"], numbers["rotated_deg"]
    if moved < 0.5 and turned < 0.5:
        return "by less than half a millimetre"
    where = f"{ways[axis]:.0f} mm in {axis}"
    more = f" ({moved:.0f} mm in all)" if moved - ways[axis] >= 1 else ""
    return f"{where}{more} and turned by {turned:.0f}°"


def _slices(thickest: float) -> str:
    if thickest <= 2:
        return "Thin slices: small lesions can be seen."
    if thickest <= 3:
        return "Slices as thin as guidelines ask for."
    return "Thicker than the 3 mm that guidelines ask for: the smallest lesions can be missed."
