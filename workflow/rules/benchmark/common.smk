# What the rules of a benchmark share: the paths of what is prepared, and resources that grow when a job is tried again.


def of_session(step, name):
    """The pattern of `name` of a session or pair, as `step` makes it."""
    return folders.session_file(step, "{key}", "{subject}", "{session}", name)


def log_of(step):
    """The log of a step of a session or pair."""
    return folders.log_file(step, "{key}", "sub-{subject}_ses-{session}")


def cost_of(step):
    """The time and memory of a job of a session or pair."""
    return folders.cost_file(step, "{key}", "sub-{subject}_ses-{session}")


def keys_before(step, key):
    """The keys of a step and of all before it, by step."""
    names = list(PLAN["steps"])
    found = {}
    for name in reversed(names[: names.index(step) + 1]):
        found[name] = key
        key = PLAN["steps"][name][key]["before"]
    return found


def params_of(step, name):
    """A parameter: an entry of what the plan tells a job of `step`."""
    return lambda wildcards: PLAN["steps"][step][wildcards.key]["params"][name]


def row_of(wildcards):
    """The pair that the wildcards' session follows up."""
    return ROWS[wildcards.subject, wildcards.session]


def visit_files(keys, row, files):
    """Files of both visits of a pair by the names that a step has: `files` has (step, name) by what follows the visit."""
    return {
        f"{visit}{what}": folders.session_file(step, keys[step], row.subject, getattr(row, f"{visit}_session"), name)
        for visit in ("baseline", "followup")
        for what, (step, name) in files.items()
    }


def pair_files(keys, row, files):
    """Files of a pair by the names that a step has: `files` has (step, name) by these."""
    return {
        what: folders.session_file(step, keys[step], row.subject, row.followup_session, name)
        for what, (step, name) in files.items()
    }


# What networks and classifiers see of a pair.
SEEN_OF_PAIR = {
    "baseline": ("harmonise", "harmonised_baseline.nii.gz"),
    "followup": ("harmonise", "harmonised_followup.nii.gz"),
    "brain": ("resample", "brain.nii.gz"),
    "change": ("candidates", "change.nii.gz"),
    "working": ("resample", "working.json"),
}


def seen_of(candidates, row):
    """These files of a pair that was prepared up to the key `candidates`."""
    keys = keys_before("candidates", candidates)
    return pair_files(keys, row, SEEN_OF_PAIR) | visit_files(keys, row, {"_report": ("bias", "ingest.json")})


def flairs_of(candidates, row):
    """The ingested scans of a pair, whose grids are its own."""
    found = visit_files(keys_before("candidates", candidates), row, {"_flair": ("bias", "flair.nii.gz")})
    return {"flair": found["followup_flair"], "baseline_flair": found["baseline_flair"]}


def case_of(candidates, pair):
    """What networks learn from a pair."""
    row = PAIRS[pair]
    return folders.session_file("candidates", candidates, row.subject, row.followup_session, "case.npz")


def existing(path):
    """`path` as an input where there is such a file. A missing scan then fails its own step, not the whole plan."""
    return path if path and Path(path).is_file() else []


def growing(amount):
    """A resource that grows with each attempt, for profiles that retry."""
    return lambda wildcards, attempt: amount * attempt


def masks_of(row):
    """The paths of what is known about a pair, by the names that a case has."""
    masks = {
        "new": row.reference,
        "gone": row.gone_reference,
        "baseline_lesions": row.baseline_lesions,
        "followup_lesions": row.followup_lesions,
        **{f"rater_{name}": path for name, path in row.rater_masks.items()},
    }
    return {name: path for name, path in masks.items() if path}


def entry_of(wildcards):
    """What the plan tells of a recipe in a fold."""
    return PLAN["entries"][f"{wildcards.recipe}/{wildcards.fold}"]
