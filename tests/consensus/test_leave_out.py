"""The worth of a consensus, with nothing taken from the subject that is scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from consensus.made import read, seen, truth
from newlesions.consensus.evidence import Evidence, verdict
from newlesions.consensus.fuse import WAYS, fuse
from newlesions.consensus.leave_out import QUICK as QUICK_MEASURES
from newlesions.consensus.leave_out import Known, leave_one_subject_out
from newlesions.consensus.weights import learn_weights, moments
from newlesions.errors import ConfigError
from newlesions.evaluate.compare.bootstrap import Bootstrap
from newlesions.evaluate.masks import label_image
from newlesions.evaluate.measures import score

NAMES = ("careful", "middling", "careless")
QUICK = Bootstrap(resamples=500)


def known(number: int, errors: Sequence[float], subject: str = "", lesion: bool = True) -> Known:
    mask = truth(number, lesion)
    maps = np.stack([seen(mask, error, 100 * number + n) for n, error in enumerate(errors)])
    return Known(f"pair-{number}", subject or f"s{number}", lambda: (maps, label_image(mask)))


def cohort(errors: Sequence[float] = (0.25, 0.3, 0.35), count: int = 8) -> list[Known]:
    return [known(number, errors, lesion=number < count - 1) for number in range(count)]


def dices(evidence: Evidence, name: str, pairs: list[Known]) -> np.ndarray:
    return np.array([evidence.scores[name][one.pair].get("Dice", np.nan) for one in pairs])


def test_a_mean_of_systems_that_err_apart_beats_the_best_of_them() -> None:
    pairs = cohort()
    found = leave_one_subject_out(NAMES, pairs, bootstrap=QUICK)
    row = found.row("mean", "Dice")
    assert row is not None and row.is_better and row.pairs == 7 and row.kind == "consensus"
    best = np.array([dices(found, found.chosen["Dice"][one.subject], pairs)[n] for n, one in enumerate(pairs)])
    gaps = dices(found, "mean", pairs) - best
    assert row.difference == pytest.approx(np.nanmean(gaps)) and row.mean - row.best == pytest.approx(row.difference)
    assert row.p == pytest.approx(2 / 2**7), "all seven pairs gain"
    assert verdict(found, "mean").startswith("in Dice it beats the best single system (")
    assert "\n" not in verdict(found, "mean")


def test_every_score_is_that_of_the_evaluation() -> None:
    pairs = cohort(count=3)
    found = leave_one_subject_out(NAMES, pairs, bootstrap=QUICK)
    assert list(found.scores) == [*NAMES, *WAYS]
    maps, reference = pairs[1].read()
    for name, mask in (("middling", maps[1] >= 0.5), ("majority", fuse(maps, "majority") >= 0.5)):
        expected = score(reference, label_image(mask, reference.affine, reference.spacing))
        assert found.scores[name]["pair-1"] == pytest.approx(expected, nan_ok=True)


def test_weights_and_the_best_single_one_know_nothing_of_the_subject() -> None:
    """Two pairs of one subject, whose reference is then turned about: nothing changes for it, all for others."""
    pairs = [*cohort(count=5), known(9, (0.1, 0.6, 0.6), subject="s0")]
    before = leave_one_subject_out(NAMES, pairs, bootstrap=QUICK)
    others = [one for one in pairs if one.subject != "s0"]
    expected = learn_weights([moments(one.read()[0], one.read()[1].labels) for one in others])
    np.testing.assert_allclose(before.weights["s0"], expected)

    def swapped(one: Known) -> Known:
        maps, reference = one.read()
        return dataclasses.replace(one, read=lambda: (maps[::-1], reference))

    after = leave_one_subject_out(
        NAMES, [swapped(one) if one.subject == "s0" else one for one in pairs], bootstrap=QUICK
    )
    assert after.weights["s0"] == before.weights["s0"] and after.weights["s1"] != before.weights["s1"]
    assert all(after.chosen[measure]["s0"] == before.chosen[measure]["s0"] for measure in before.chosen)


def test_a_system_is_not_its_own_best_by_its_own_pair() -> None:
    """The second system is best on the mean, but only by the pair that is left out."""
    pairs = [known(n, (0.2, 0.3), lesion=True) for n in range(3)] + [known(3, (2.0, 0.01))]
    found = leave_one_subject_out(("first", "second"), pairs, ("mean",), QUICK)
    means = {name: dices(found, name, pairs).mean() for name in ("first", "second")}
    assert means["second"] > means["first"] and found.chosen["Dice"]["s3"] == "first"


def test_false_lesions_count_as_fewer_is_better() -> None:
    pairs = [known(n, (0.2, 0.35), lesion=n % 2 == 0) for n in range(6)]
    found = leave_one_subject_out(("first", "second"), pairs, ("mean",), QUICK)
    row = found.row("second", "NbTestedLesions")
    assert row is not None and row.mean > row.best and row.difference == pytest.approx(row.best - row.mean)
    assert row.pairs == 3 and not row.is_better


def test_a_verdict_does_not_claim_what_is_not_shown() -> None:
    same = [known(n, (0.2, 0.2)) for n in range(4)]
    twins = [dataclasses.replace(one, read=lambda one=one: (one.read()[0][[0, 0]], one.read()[1])) for one in same]
    found = leave_one_subject_out(("a", "b"), twins, bootstrap=QUICK)
    said = verdict(found, "mean")
    assert said.count("is not shown to beat") == 2 and "difference +0.000" in said
    empty = [known(n, (0.2, 0.2), lesion=False) for n in range(3)]
    said = verdict(leave_one_subject_out(("a", "b"), empty, bootstrap=QUICK), "staple")
    assert said == "Dice is not defined for any pair; F1_score is not defined for any pair"


def test_several_processes_and_scores_that_are_known_change_nothing() -> None:
    pairs = [Known(f"pair-{n}", f"s{n}", partial(read, n, (0.25, 0.3, 0.35))) for n in range(4)]
    alone = leave_one_subject_out(NAMES, pairs, bootstrap=QUICK)
    assert leave_one_subject_out(NAMES, pairs, bootstrap=QUICK, cores=2) == alone
    own = {name: alone.scores[name] for name in NAMES}
    quick = leave_one_subject_out(NAMES, pairs, bootstrap=QUICK, scored=own, measures=QUICK_MEASURES)
    assert quick.rows == alone.rows and quick.weights == alone.weights
    assert quick.scores["careful"] == alone.scores["careful"]
    assert "HausdorffDistance" not in quick.scores["weights"]["pair-0"]


@pytest.mark.parametrize(
    ("systems", "pairs", "ways", "message"),
    [
        (("a",), cohort(count=3), WAYS, "found 1 systems"),
        (("a", "a"), cohort(count=3), WAYS, "found 'a' as the name of a system"),
        (("a", "mean"), cohort(count=3), WAYS, "found 'mean' as the name of a system"),
        (("a", "b"), cohort(count=3), ("median",), "found 'median'; expected some of mean"),
        (("a", "b"), [known(n, (0.1, 0.1), "one") for n in range(3)], WAYS, "references of 1 subjects"),
    ],
)
def test_what_tells_nothing_is_one_line(
    systems: tuple[str, ...], pairs: list[Known], ways: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        leave_one_subject_out(systems, pairs, ways, QUICK)
