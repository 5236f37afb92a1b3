"""What is said about the quality of a pair, and from which number on: one rule per row of `RULES`.

The limits are rules of thumb. They choose which pairs a person looks at first; they change no result. Each has its
reason beside it, and docs/reports.md shows the same table. `newlesions.report.measures` says where the numbers come
from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from newlesions.report.measures import measures_of

Severity = Literal["fine", "look", "bad"]
SEVERITIES: tuple[Severity, ...] = ("fine", "look", "bad")
HEADLINE: dict[Severity, str] = {
    "fine": "The scans match well",
    "look": "Please look at what is flagged",
    "bad": "Do not rely on this pair before looking at what is flagged",
}


@dataclass(frozen=True)
class Rule:
    """When one number is worth a look, and when it is bad.

    Attributes
    ----------
    key
        Short name, as in the column ``flags`` of group_quality.tsv and in the filter of the cohort's page.
    name
        What is judged, for people.
    part
        The part of the quality section that shows it: registration, brain, bias, intensities, noise or inputs.
    measure
        The number's name in `measures_of`.
    worse
        Whether the number is worse ``above`` or ``below`` its limits.
    look, bad
        The limits, in the unit of the measure: the limit itself is still on the better side. None: there is no such
        limit.
    value
        How the number is written; a format string over all measures of the pair.
    says
        What fine, look and bad mean, in this order; format strings too.
    reason
        Why the limits lie where they lie.
    unit
        The unit of the measure.
    percent
        Whether the measure is a share that people read in percent.
    """

    key: str
    name: str
    part: str
    measure: str
    worse: Literal["above", "below"]
    look: float
    bad: float | None
    value: str
    says: tuple[str, str, str]
    reason: str
    unit: str = ""
    percent: bool = False

    def severity(self, value: float) -> Severity:
        """What the limits say of ``value``."""
        sign = 1 if self.worse == "above" else -1
        if self.bad is not None and sign * value > sign * self.bad:
            return "bad"
        return "look" if sign * value > sign * self.look else "fine"


@dataclass(frozen=True)
class Flag:
    """What a rule says of one pair."""

    rule: Rule
    value: str
    severity: Severity
    sentence: str


RULES: tuple[Rule, ...] = (
    Rule(
        "movement", "Movement between the visits", "registration",
        "moved_mm", "above", 60, None,
        "{moved_mm:.0f} mm, {rotated_deg:.0f}°",
        (
            "Follow-up moved {moved_words}; registration took that out.",
            "Follow-up moved {moved_words}: further than people lie apart in one scanner. Check that both scans are of "
            "this head, and the checkerboard.",
            "",
        ),
        "Registration starts from where the brains lie, so movement by itself does no harm. Beyond 6 cm a header is "
        "usually wrong, or the field of view was planned differently.",
        "mm",
    ),
    Rule(
        "rotation", "Turn between the visits", "registration",
        "rotated_deg", "above", 25, None,
        "{rotated_deg:.0f}°",
        (
            "The head turned by {rotated_deg:.0f}°; both scans were interpolated by half of it.",
            "The head turned by {rotated_deg:.0f}°: slices cut lesions differently at the two visits.",
            "",
        ),
        "Half the turn falls on each scan. Up to 12° each, slices of the two visits still cut a lesion alike.",
        "°",
    ),
    Rule(
        "residual", "Registration, there and back", "registration",
        "inverse_consistency_mm", "above", 0.5, 1.0,
        "{inverse_consistency_mm:.2f} mm",
        (
            "Halfway registration leaves {inverse_consistency_mm:.1f} mm: either way gives the same answer.",
            "Registering the other way differs by {inverse_consistency_mm:.1f} mm: look at the checkerboard.",
            "Registration did not settle ({inverse_consistency_mm:.1f} mm between both ways): edges may pass for "
            "lesions.",
        ),
        "Half a voxel of a 1 mm scan already draws a rim along bright edges; a whole voxel draws lesions.",
        "mm",
    ),
    Rule(
        "similarity", "Similarity of the aligned scans", "registration",
        "registration_correlation", "below", 0.85, 0.70,
        "{registration_correlation:.3f}",
        (
            "Both scans show the same anatomy in the same place.",
            "The scans differ more than usual: look at the checkerboard.",
            "The scans do not match: misaligned, or not the same person.",
        ),
        "Scans of one head, even of two scanners and with thick slices, reach 0.88 and more once they are aligned, "
        "those of two heads 0.4 at most (docs/preprocessing.md).",
    ),
    Rule(
        "brain_overlap", "Overlap of the brain masks (Dice)", "brain",
        "brain_overlap", "below", 0.95, 0.90,
        "{brain_overlap:.3f}",
        (
            "The two brain masks agree.",
            "The brain masks differ: look at their outlines.",
            "The brain masks disagree: one of them is wrong, or a scan is cut off.",
        ),
        "0.95 is a layer of 2 mm all around the brain that is in one mask only, 0.90 one of 4 to 5 mm.",
    ),
    Rule(
        "brain_volume", "Brain volume", "brain",
        "brain_change_percent", "above", 3, 8,
        "{brain_baseline_ml:.0f} and {brain_followup_ml:.0f} ml",
        (
            "Both brains have the same size.",
            "The brain volumes differ by {brain_change_percent:.1f} %, more than disease explains.",
            "The brain volumes differ by {brain_change_percent:.1f} %: one of the masks is wrong.",
        ),
        "Brains with multiple sclerosis shrink by about half a percent in a year; masks repeat to 1 to 2 percent.",
        "% of change",
    ),
    Rule(
        "cut_off", "Brain at the border of the image", "brain",
        "brain_cut_cm2", "above", 15, 60,
        "{brain_cut_cm2:.0f} cm²",
        (
            "The field of view holds the brain.",
            "The field of view cuts {brain_cut_cm2:.0f} cm² of brain: nothing is found beyond it.",
            "The field of view cuts through the brain ({brain_cut_cm2:.0f} cm²): a part was never seen.",
        ),
        "A section through the brain stem has about 10 cm², and cutting there is common. 60 cm² is a third of a "
        "section through the middle of the brain.",
        "cm²",
    ),
    Rule(
        "bias_field", "Bias field", "bias",
        "inu_range", "above", 0.5, 1.0,
        "{inu_range_percent:.0f} %",
        (
            "Coil shading varies by {inu_range_percent:.0f} % across the brain and was taken out.",
            "Coil shading varies by {inu_range_percent:.0f} % across the brain: look whether tissue is even now.",
            "Coil shading varies by {inu_range_percent:.0f} %: darker parts of the brain are mostly noise.",
        ),
        "Scans of 1.5 and 3 T vary by 7 to 25 %. Where the field halves, so does the signal against the noise.",
        percent=True,
    ),
    Rule(
        "bias_left", "Shading that differs between the visits", "bias",
        "differential_bias_sd", "above", 0.10, 0.20,
        "{differential_bias_percent:.1f} %",
        (
            "Shading differs by {differential_bias_percent:.1f} % between the visits and was taken out.",
            "Shading differs by {differential_bias_percent:.0f} % between the visits: broad clouds may be left in the "
            "difference.",
            "Shading differs by {differential_bias_percent:.0f} % between the visits: the bias fields did not fit.",
        ),
        "1 to 4 % are left after N4 in the pairs that were looked at. New lesions are 15 to 60 % brighter than before.",
        percent=True,
    ),
    Rule(
        "intensities", "Intensities after harmonisation", "intensities",
        "histogram_overlap", "below", 0.93, 0.85,
        "{histogram_overlap_percent:.0f} % shared",
        (
            "The histograms of both visits lie on each other.",
            "The histograms differ: contrast changed between the visits, so that small changes need a look.",
            "The histograms do not match: another sequence, or a contrast agent.",
        ),
        "Harmonised visits share 98 % and more, whatever their scanners. A lesion load of 30 ml moves 2 %.",
        percent=True,
    ),
    Rule(
        "snr", "Signal to noise of the noisier scan", "noise",
        "snr", "below", 15, 8,
        "{snr:.0f}",
        (
            "Lesions stand out from the noise of both scans.",
            "One scan is noisy: faint lesions can be missed.",
            "One scan is mostly noise: do not expect it to show faint lesions.",
        ),
        "A lesion 20 % brighter than white matter is 3 standard deviations of noise at 15, and 1.6 at 8.",
    ),
    Rule(
        "noise", "Noise of the difference", "noise",
        "noise_percent", "above", 8, 12,
        "{noise_percent:.1f} %",
        (
            "Small lesions stand out from it.",
            "Higher than usual: faint lesions can be missed or invented.",
            "Very high: faint lesions cannot be told from noise.",
        ),
        "2 to 7 % in the pairs that were looked at, the higher with thick slices. At 12 %, a lesion 20 % brighter than "
        "before is below two standard deviations.",
        "%",
    ),
    Rule(
        "thickness", "Slice thickness", "noise",
        "slice_mm", "above", 5, None,
        "{slice_baseline_mm:.1f} and {slice_followup_mm:.1f} mm",
        (
            "{slice_words}",
            "Thick slices: lesions thinner than a slice can be missed.",
            "",
        ),
        "MAGNIMS, CMSC and NAIMS (2021) ask for 3 mm at most. Up to 5 mm was usual in trials, and new lesions, of 3 mm "
        "and more, still fill half a slice.",
        "mm",
    ),
    Rule(
        "slices_differ", "Slices that differ between the visits", "noise",
        "slice_ratio", "above", 1.5, None,
        "{slice_ratio:.1f} to 1",
        (
            "Both visits have slices of like thickness.",
            "The visits differ in slice thickness: edges of bright structures may look changed.",
            "",
        ),
        "The thicker scan blurs edges that the other keeps; above 1.5, the blur shows along ventricles.",
    ),
    Rule(
        "inputs", "What the input checks said", "inputs",
        "warning_count", "above", 0, None,
        "{warning_words}",
        ("Nothing.", "{warnings}", ""),
        "The checks refuse what cannot be used; what they only remark on is for a person to judge.",
    ),
)  # fmt: skip


def flags_of(row: Mapping[str, object]) -> list[Flag]:
    """Judge a pair.

    Parameters
    ----------
    row
        Its summary, or its row of group_quality.tsv: values as text or numbers. What is empty or absent is not judged.

    Returns
    -------
    list
        What each rule that has its number says, in the order of `RULES`.
    """
    numbers, words = measures_of(row)
    return [_judged(rule, numbers, words) for rule in RULES if rule.measure in numbers]


def overall(flags: Sequence[Flag]) -> Severity:
    """The worst severity among ``flags``; fine if there is none."""
    return max((flag.severity for flag in flags), key=SEVERITIES.index, default="fine")


def raised(flags: Sequence[Flag]) -> list[Flag]:
    """Those that are not fine, bad ones first, otherwise in their order."""
    return sorted((flag for flag in flags if flag.severity != "fine"), key=lambda flag: flag.severity != "bad")


def _judged(rule: Rule, numbers: Mapping[str, float], words: Mapping[str, str]) -> Flag:
    severity = rule.severity(numbers[rule.measure])
    text = {**words, **numbers}
    sentence = rule.says[SEVERITIES.index(severity)].format_map(text)
    return Flag(rule, rule.value.format_map(text).replace(" ", "\N{NO-BREAK SPACE}"), severity, sentence)
