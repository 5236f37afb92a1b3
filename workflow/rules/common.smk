# What the rules share: the paths of a pair's two visits, what its row in the pairs table gives, and resources that grow
# when a job is tried again. The later a pair's step, the higher its priority: pairs are finished before others are begun.


def session_file(name):
    """`name` of the wildcards' session."""
    return f"{SESSION}/{name}"


def pair_file(name):
    """`name` of the pair that the wildcards' session follows up."""
    return f"{PAIR}/{name}"


def change_file(name):
    """`name` of the pair's change: the candidates', or the classifier's where the run has a model."""
    return pair_file(f"refined_{name}" if MODEL else name)


def visit_file(visit, name):
    """An input function: `name` of the pair's `visit` (baseline or followup)."""
    return lambda wildcards: file_of_visit(PAIRS[wildcards.subject, wildcards.session], visit, name)


def file_of_visit(row, visit, name):
    """`name` of a `visit` (baseline or followup) of the pair `row`."""
    return session_file(name).format(subject=row.subject, session=getattr(row, f"{visit}_session"))


def both_visits(files):
    """An input function, to be unpacked: files of both visits by the names that a step has for them.

    `files` has the file of a visit by what follows the visit in that name. One function for all, since each call of one
    is felt in the plan of a large cohort.
    """
    return lambda wildcards: files_of_both(PAIRS[wildcards.subject, wildcards.session], files)


def files_of_both(row, files):
    """Files of both visits of the pair `row`, as `both_visits` names them."""
    return {
        f"{visit}{what}": file_of_visit(row, visit, name)
        for visit in ("baseline", "followup")
        for what, name in files.items()
    }


def beside(of_pair=(), of_visits={}):
    """A parameter: files that jobs wrote beside the images that are a rule's inputs, by the names that a step has.

    Snakemake need not know that they are read, since they are as new as those images; each file that it knows of costs
    time in the plan. `all` asks for those that somebody deleted.
    """

    def files_beside(wildcards):
        row = PAIRS[wildcards.subject, wildcards.session]
        of_this = {name: files_of_pair([pair_file(f"{name}.json")], row)[0] for name in of_pair}
        return of_this | files_of_both(row, of_visits)

    return files_beside


def lost(row):
    """Those of the files beside images that are missing while an image of the same job is there."""
    visits = [(image, f"{name}.json") for image, name in (("flair.nii.gz", "ingest"), ("brain.nii.gz", "brain"))]
    couples = [
        [file_of_visit(row, visit, name) for name in couple] for visit in ("baseline", "followup") for couple in visits
    ]
    images = {"working": "brain", "harmonise": "brain", "candidates": "change", "refine": "refined_change"}
    couples += [
        files_of_pair([pair_file(f"{image}.nii.gz"), pair_file(f"{name}.json")], row) for name, image in images.items()
    ]
    return [facts for image, facts in couples if Path(image).exists() and not Path(facts).exists()]


def log_file(step):
    """The log of `step`; `cohort.outcome` looks for it there."""
    return str(WORK / "logs" / step / "sub-{subject}_ses-{session}.log")


def logs_of_job(job):
    """The logs of the steps of a job that has several."""
    return {step: log_file(step) for step in CHAINS[job]}


def benchmark_file(job):
    """The time and memory of a job."""
    return str(WORK / "benchmarks" / job / "sub-{subject}_ses-{session}.tsv")


def existing(path):
    """`path` as an input where there is such a file. A missing scan then fails its own step, not the whole plan."""
    return path if path and Path(path).is_file() else []


def wanted(files):
    """Those of a job's files to ask for, for all to be there: one, and those that somebody deleted.

    Snakemake runs a job for a file that is asked for and missing, or that is old. Each that is asked for costs time.
    """
    return (
        [files[0], *(path for path in files[1:] if not Path(path).exists())] if Path(files[0]).exists() else files[:1]
    )


def keep(path):
    """An image between two steps: kept for reruns and pages, or deleted after its last use."""
    return path if SETTINGS["keep_work"] else temp(path)


def growing(amount):
    """A resource that grows with each attempt, for profiles that retry."""
    return lambda wildcards, attempt: amount * attempt


def labels_of_pair(wildcards):
    """What the pair's page tells of its row: labels and days, no paths."""
    row = PAIRS[wildcards.subject, wildcards.session].row()
    return {name: row[name] for name in ("pair", "subject", "baseline_session", "followup_session", "days")}


def files_of_pair(patterns, row):
    """The files of the pair `row` that `patterns` name."""
    labels = {"subject": row.subject, "session": row.followup_session, "baseline": row.baseline_session}
    return [str(pattern).format(**labels) for pattern in patterns]


def brain_of_session(wildcards):
    """The brain mask that the pairs table gives for a session."""
    return existing(SESSIONS[wildcards.subject, wildcards.session].brain)


def references_of(wildcards):
    """The masks that a pair's results are held against, and the results; nothing for a pair without a reference."""
    row = PAIRS[wildcards.subject, wildcards.session]
    if not row.reference:
        return {"reference": []}
    results = {name: files_of_pair([rules.finalise.output[name]], row)[0] for name in ("mask", "probseg", "dseg")}
    others = [path for path in (row.gone_reference, *row.rater_masks.values()) if existing(path)]
    return {**results, "reference": existing(row.reference), "other_masks": others}


def held_against(wildcards):
    """The paths of these masks: files of the input that are missing fail their step, not the plan."""
    row = PAIRS[wildcards.subject, wildcards.session]
    names = ("pair", "reference", "gone_reference", "rater_masks")
    return {name: getattr(row, name) for name in names}
