# Recipes with networks, in training: what networks learn from each pair, and one network for each stage, fold and seed.
from newlesions.recipes.members import members_of
from newlesions.networks.stages import RESTORE
from newlesions.recipes.stages import applied, before, learns_unlabelled, stages_of

STAGES = {stage.name: stage for stage in stages_of(RECIPE)}
# Subjects of the second table are in no fold: they train every network, and none is validated or scored on them.
EXTRA = set(SETTINGS["extra"])
SUBJECTS = [row.subject for row in SCORED if row.pair not in EXTRA]
# Pairs without a reference, which train the stages that need none.
UNLABELLED = [row for row in PAIRS.values() if not row.reference] if learns_unlabelled(RECIPE) else []
# Raters whose masks every pair has.
RATERS = sorted(set.intersection(*(set(row.rater_masks) for row in SCORED))) if SCORED else []
MEMBERS = {name: members_of(stage, SUBJECTS, SETTINGS["train"]["seed"], RATERS) for name, stage in STAGES.items()}
NETWORKS = WORK / "networks"
# As steps get them.
STAGES_PLAIN = {name: stage.plain() for name, stage in STAGES.items()}
MEMBERS_PLAIN = {
    name: [
        {"folder": str(NETWORKS / name / str(member.number)), "left_out": list(member.left_out)} for member in members
    ]
    for name, members in MEMBERS.items()
}
# Stages that a pair goes through; the others serve training alone.
APPLIED = [stage.name for stage in applied(STAGES.values())]
# What bears on the result; the job adds its device and its threads.
TRAINING_LIMITS = {name: SETTINGS["networks"][name] for name in ("width", "patch", "steps", "tensorboard")}


wildcard_constraints:
    stage=r"[a-z][a-z0-9_]*",
    member=r"[0-9]+",


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


def cases_with(keep, stage):
    """The cases that `stage` may learn from, of the subjects that `keep` says yes to."""
    rows = SCORED + UNLABELLED if STAGES[stage].task == RESTORE else SCORED
    return [str(case_file(OUT, row)) for row in rows if keep(row.subject)]


def folders_of(stages):
    """The networks of `stages`, as inputs."""
    return [row["folder"] for name in stages for row in MEMBERS_PLAIN[name]]


def names_before(name):
    """The stages that `name` needs, and those that they need, in order."""
    return [stage.name for stage in before(STAGES[name], STAGES.values())]


def member_of(wildcards):
    """The network that the wildcards name."""
    return MEMBERS[wildcards.stage][int(wildcards.member)]


rule case:
    """Take from a pair what networks learn from it."""
    input:
        # The masks' paths stand in the parameters too, since a missing one fails this step and not the plan.
        lambda wildcards: [
            path for path in masks_of(PAIRS[wildcards.subject, wildcards.session]).values() if existing(path)
        ],
        baseline=pair_file("harmonised_baseline.nii.gz"),
        followup=pair_file("harmonised_followup.nii.gz"),
        brain=pair_file("brain.nii.gz"),
        change=pair_file("change.nii.gz"),
        working=pair_file("working.json"),
        baseline_report=visit_file("baseline", "ingest.json"),
        followup_report=visit_file("followup", "ingest.json"),
        flair=session_file("flair.nii.gz"),
        baseline_flair=visit_file("baseline", "flair.nii.gz"),
    output:
        case_out=pair_file("case.npz"),
    log:
        log_file("case"),
    benchmark:
        benchmark_file("case")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(15),
    params:
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
        subject=lambda wildcards: wildcards.subject,
        masks=lambda wildcards: masks_of(PAIRS[wildcards.subject, wildcards.session]),
        candidates=SETTINGS["candidates"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} case"
    script:
        "../scripts/step.py"


rule cases:
    """The cases of every pair that is learned from."""
    input:
        [str(case_file(OUT, row)) for row in SCORED + UNLABELLED],


rule fit_network:
    """Train one network of one stage, without the subjects of its fold."""
    input:
        cases=lambda wildcards: cases_with(
            lambda subject: subject not in member_of(wildcards).left_out, wildcards.stage
        ),
        validation=lambda wildcards: cases_with(
            lambda subject: subject in member_of(wildcards).left_out, wildcards.stage
        ),
        earlier=lambda wildcards: folders_of(names_before(wildcards.stage)),
    output:
        member_folder=directory(NETWORKS / "{stage}" / "{member}"),
    log:
        WORK / "logs" / "fit_network" / "{stage}-{member}.log",
    benchmark:
        WORK / "benchmarks" / "fit_network" / "{stage}-{member}.tsv"
    conda:
        CONDA
    threads: SETTINGS["networks"]["threads"]
    resources:
        mem_mb=growing(12000),
        runtime=growing(2880),
        gpu=SETTINGS["networks"]["gpus"],
        device=SETTINGS["networks"]["device"],
    params:
        recipe=RECIPE["id"],
        stage=lambda wildcards: wildcards.stage,
        stages=lambda wildcards: {
            name: STAGES_PLAIN[name] for name in (*names_before(wildcards.stage), wildcards.stage)
        },
        members=lambda wildcards: {name: MEMBERS_PLAIN[name] for name in names_before(wildcards.stage)},
        seed=lambda wildcards: member_of(wildcards).seed,
        rater=lambda wildcards: member_of(wildcards).rater,
        limits=TRAINING_LIMITS,
    message:
        "{wildcards.stage}-{wildcards.member} fit_network"
    script:
        "../scripts/step.py"


rule network_seen:
    """What networks that have not seen its subject make of a pair, in both directions."""
    input:
        case=pair_file("case.npz"),
        networks=folders_of(APPLIED),
    output:
        rise=pair_file("network_rise.nii.gz"),
        fall=pair_file("network_fall.nii.gz"),
    log:
        log_file("network_seen"),
    benchmark:
        benchmark_file("network_seen")
    conda:
        CONDA
    threads: SETTINGS["networks"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=SETTINGS["networks"]["gpus"],
        device=SETTINGS["networks"]["device"],
    params:
        recipe=RECIPE["id"],
        stages={name: STAGES_PLAIN[name] for name in APPLIED},
        members={name: MEMBERS_PLAIN[name] for name in APPLIED},
        limits=TRAINING_LIMITS,
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} network_seen"
    script:
        "../scripts/step.py"
