# Training: what a classifier learns from each pair with a reference, a model for each set of subjects that is left out,
# its scores on their pairs, and the model of all pairs.
from newlesions.learn.boosting.folds import outer_folds

FOLDS = WORK / "folds"
# Left out in turn, by subject; the last model leaves nobody out.
LEFT_OUT = {
    f"{number:03}": set(subjects)
    for number, subjects in enumerate(
        outer_folds([row.subject for row in SCORED], SETTINGS["train"]["folds"], SETTINGS["train"]["seed"]), start=1
    )
}
FOLD_OF = {subject: fold for fold, subjects in LEFT_OUT.items() for subject in subjects}
FINAL = "all"

# What a classifier sees of a pair, and what is right.
OF_PAIR = {
    "baseline": pair_file("harmonised_baseline.nii.gz"),
    "followup": pair_file("harmonised_followup.nii.gz"),
    "brain": pair_file("brain.nii.gz"),
    "change": pair_file("change.nii.gz"),
    "working": pair_file("working.json"),
    "baseline_report": visit_file("baseline", "ingest.json"),
    "followup_report": visit_file("followup", "ingest.json"),
    "flair": session_file("flair.nii.gz"),
    "reference": lambda wildcards: existing(PAIRS[wildcards.subject, wildcards.session].reference),
}
if TRAINS_NETWORKS:
    OF_PAIR |= {"rise": pair_file("network_rise.nii.gz"), "fall": pair_file("network_fall.nii.gz")}


wildcard_constraints:
    fold=r"[a-z0-9]+",


def samples_with(subjects):
    """The samples of the pairs of `subjects`."""
    return [str(samples_file(OUT, row)) for row in SCORED if row.subject in subjects]


def samples_of_fold(wildcards):
    """What the fold's model learns from: the pairs of everybody who is not left out."""
    return samples_with({row.subject for row in SCORED} - LEFT_OUT.get(wildcards.fold, set()))


rule sample:
    """Take from a pair with a reference what a classifier learns from."""
    input:
        **OF_PAIR,
    output:
        samples=pair_file("samples.npz"),
    log:
        log_file("sample"),
    benchmark:
        benchmark_file("sample")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        # The path replaces the input of the same name, which is left out where the file is missing.
        reference=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].reference,
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
        subject=lambda wildcards: wildcards.subject,
        candidates=SETTINGS["candidates"],
        # Not those of the trees: other trees need no other samples.
        settings={name: SETTINGS["train"][name] for name in ("features", "region", "negatives", "seed")},
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} sample"
    script:
        "../scripts/step.py"


rule samples:
    """The samples of every pair with a reference."""
    input:
        [str(samples_file(OUT, row)) for row in SCORED],


rule fit:
    """Train a model without the subjects that its fold leaves out."""
    input:
        samples=samples_of_fold,
    output:
        model_folder=directory(FOLDS / "{fold}" / "model"),
    log:
        WORK / "logs" / "fit" / "fold-{fold}.log",
    benchmark:
        WORK / "benchmarks" / "fit" / "fold-{fold}.tsv"
    conda:
        CONDA
    # One for each model, whatever the machine has: folds are trained side by side, and a sum has one order.
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        recipe=RECIPE["id"],
        settings=SETTINGS["train"],
    message:
        "fold-{wildcards.fold} fit"
    script:
        "../scripts/step.py"


rule held_out:
    """Score, on one pair, the model that has not seen its subject."""
    input:
        **OF_PAIR,
        model_folder=lambda wildcards: FOLDS / FOLD_OF[wildcards.subject] / "model",
    output:
        row=pair_file("held_out.json"),
    log:
        log_file("held_out"),
    benchmark:
        benchmark_file("held_out")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        reference=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].reference,
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
        subject=lambda wildcards: wildcards.subject,
        candidates=SETTINGS["candidates"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} held_out"
    script:
        "../scripts/step.py"


rule assemble:
    """Put the model of all pairs, its recipe, its held-out scores and its card into one folder."""
    input:
        pairs=config["pairs"],
        model_folder=FOLDS / FINAL / "model",
        held_out=[str(samples_file(OUT, row).with_name("held_out.json")) for row in SCORED],
        references=[row.reference for row in SCORED if existing(row.reference)],
        networks=folders_of(APPLIED) if TRAINS_NETWORKS else [],
    output:
        **model_files(OUT),
    log:
        WORK / "logs" / "assemble" / "model.log",
    benchmark:
        WORK / "benchmarks" / "assemble" / "model.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        settings=SETTINGS,
        stages={name: STAGES_PLAIN[name] for name in APPLIED} if TRAINS_NETWORKS else {},
        members={name: MEMBERS_PLAIN[name] for name in APPLIED} if TRAINS_NETWORKS else {},
    message:
        "model assemble"
    script:
        "../scripts/step.py"
