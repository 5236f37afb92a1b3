"""Where the folder of a benchmark holds what. Paths are relative to it: the workflow works there.

Names may be wildcards in braces, as the workflow's rules have them.
"""

from __future__ import annotations

WORK = "work"
PLAN = f"{WORK}/plan.json"
LEADERBOARD = "leaderboard"
PAGE = "index.html"
CONSENSUS = "consensus"
"""The kind of what fuses recipes; its names begin so, and no recipe's does."""


def consensus_name(how: str) -> str:
    """What recipes fused in a way are called among the recipes."""
    return f"{CONSENSUS}-{how}"


def session_file(step: str, key: str, subject: str, session: str, name: str) -> str:
    """``name`` of a session, or of the pair that it follows up, as ``step`` with the settings ``key`` makes it."""
    return f"{WORK}/prepared/{step}-{key}/sub-{subject}/ses-{session}/{name}"


def learned_file(what: str, key: str, subject: str, session: str, name: str) -> str:
    """``name`` of a pair as ``what`` (samples, seen) makes it."""
    return f"{WORK}/{what}/{key}/sub-{subject}/ses-{session}/{name}"


def pace_file(key: str) -> str:
    """How long an optimiser step of a stage takes."""
    return f"{WORK}/paces/{key}.json"


def network_folder(key: str) -> str:
    """A trained network."""
    return f"{WORK}/networks/{key}"


def trees_folder(key: str) -> str:
    """Trained classifiers."""
    return f"{WORK}/trees/{key}"


def recipe_file(recipe: str) -> str:
    """The recipe as it is benchmarked."""
    return f"recipes/{recipe}/recipe.yaml"


def fold_folder(recipe: str, fold: str) -> str:
    """Everything that belongs to a recipe trained without one fold's subjects."""
    return f"recipes/{recipe}/fold-{fold}"


def model_folder(recipe: str, fold: str) -> str:
    """Its model, which knows no subject of the fold."""
    return f"{fold_folder(recipe, fold)}/model"


def results_folder(recipe: str, fold: str) -> str:
    """What the model finds in the fold's pairs."""
    return f"{fold_folder(recipe, fold)}/results"


def scores_file(recipe: str, fold: str) -> str:
    """How good that is, JSON."""
    return f"{fold_folder(recipe, fold)}/scores.json"


def judged_file(recipe: str, fold: str) -> str:
    """How long it took to find the lesions of each pair, JSON."""
    return f"{WORK}/applied/{recipe}/fold-{fold}/judged.json"


def bucket_file(recipe: str, fold: str) -> str:
    """The report of the networks on the fold's pairs."""
    return f"{WORK}/applied/{recipe}/fold-{fold}/networks.json"


def probability_file(recipe: str, fold: str, pair: str, which: str) -> str:
    """What networks say of a pair of the fold: ``which`` is rise or fall."""
    return f"{WORK}/applied/{recipe}/fold-{fold}/{pair}_{which}.nii.gz"


def moments_file(how: str, fold: str) -> str:
    """What a consensus learns its weights from, of the pairs that a fold holds out."""
    return f"{WORK}/moments/{how}/fold-{fold}.json"


def result_file(recipe: str, fold: str, pair: str, what: str) -> str:
    """A result of a pair on the follow-up's own grid: ``what`` is mask, probseg or dseg."""
    return f"{results_folder(recipe, fold)}/{pair}_space-orig_label-lesion_{what}.nii.gz"


def log_file(job: str, *names: str) -> str:
    """The log of a job's step."""
    return f"{WORK}/logs/{'/'.join([job, *names[:-1]])}/{names[-1]}.log"


def cost_file(job: str, *names: str) -> str:
    """The time and memory of a job, as the workflow measures them."""
    return f"{WORK}/benchmarks/{'/'.join([job, *names[:-1]])}/{names[-1]}.tsv"


def leaderboard_files(fused: bool = False) -> dict[str, str]:
    """The tables and the page of a leaderboard, by the names that the step `leaderboard` gives them; ``fused``: with
    the table of what a consensus is worth."""
    names = {
        "page": PAGE, "table": "leaderboard.tsv", "comparison_table": "comparison.tsv", "tests": "tests.tsv",
        "ranking": "ranking.tsv", "costs": "costs.tsv", "paces": "paces.tsv", "lesions": "lesions.tsv",
        "reported": "reported.tsv",
    }  # fmt: skip
    if fused:
        names["consensus"] = "consensus.tsv"
    return {name: f"{LEADERBOARD}/{file}" for name, file in names.items()}
