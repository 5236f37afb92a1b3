# Every network and every set of classifiers once, whichever recipes and folds they serve.


def candidates_settings(key):
    """The settings of the candidates of a preparation."""
    return PLAN["steps"]["candidates"][key]["params"]["settings"]


rule pace:
    """Measure how long an optimiser step of a stage takes, from which minutes become steps."""
    input:
        cases=lambda wildcards: [
            case_of(PLAN["paces"][wildcards.key]["candidates"], pair) for pair in PLAN["paces"][wildcards.key]["cases"]
        ],
    output:
        # What was measured holds: the same steps then follow from it, in this run and in later ones.
        pace_out=folders.pace_file("{key}"),
    log:
        folders.log_file("pace", "{key}"),
    benchmark:
        folders.cost_file("pace", "{key}")
    priority: 5
    conda:
        CONDA
    threads: HARDWARE["threads"]
    resources:
        mem_mb=growing(12000),
        runtime=growing(60),
        gpu=HARDWARE["gpus"],
        device=HARDWARE["device"],
    params:
        recipe=lambda wildcards: PLAN["paces"][wildcards.key]["recipe"],
        stages=lambda wildcards: PLAN["paces"][wildcards.key]["stages"],
        raters=lambda wildcards: PLAN["paces"][wildcards.key]["raters"],
        limits=lambda wildcards: PLAN["paces"][wildcards.key]["limits"],
        recorded=lambda wildcards: PLAN["paces"][wildcards.key]["recorded"],
    message:
        "{wildcards.key} pace"
    script:
        "../../scripts/step.py"


rule fit_network:
    """Train one network of one stage, without the subjects that are held out, and those of its fold."""
    input:
        cases=lambda wildcards: [
            case_of(PLAN["networks"][wildcards.key]["candidates"], pair)
            for pair in PLAN["networks"][wildcards.key]["cases"]
        ],
        validation=lambda wildcards: [
            case_of(PLAN["networks"][wildcards.key]["candidates"], pair)
            for pair in PLAN["networks"][wildcards.key]["validation"]
        ],
        earlier=lambda wildcards: PLAN["networks"][wildcards.key]["earlier"],
        # Kept as it was measured, however new: another order of jobs is no other budget.
        pace=lambda wildcards: ancient(PLAN["networks"][wildcards.key]["pace"] or []),
    output:
        member_folder=directory(folders.network_folder("{key}")),
    log:
        folders.log_file("fit_network", "{key}"),
    benchmark:
        folders.cost_file("fit_network", "{key}")
    priority: 6
    conda:
        CONDA
    threads: HARDWARE["threads"]
    resources:
        mem_mb=growing(12000),
        runtime=growing(2880),
        gpu=HARDWARE["gpus"],
        device=HARDWARE["device"],
    params:
        recipe=lambda wildcards: PLAN["networks"][wildcards.key]["recipe"],
        stage=lambda wildcards: PLAN["networks"][wildcards.key]["stage"],
        stages=lambda wildcards: PLAN["networks"][wildcards.key]["stages"],
        members=lambda wildcards: PLAN["networks"][wildcards.key]["members"],
        seed=lambda wildcards: PLAN["networks"][wildcards.key]["seed"],
        rater=lambda wildcards: PLAN["networks"][wildcards.key]["rater"],
        limits=lambda wildcards: PLAN["networks"][wildcards.key]["limits"],
        seconds=lambda wildcards: PLAN["networks"][wildcards.key]["seconds"],
    message:
        "{params.recipe}:{params.stage}:{wildcards.key} fit_network"
    script:
        "../../scripts/step.py"


rule network_seen:
    """What networks that have not seen its subject make of a training pair, in both directions."""
    input:
        case=lambda wildcards: case_of(PLAN["seen"][wildcards.key]["candidates"], row_of(wildcards).pair),
        networks=lambda wildcards: PLAN["seen"][wildcards.key]["networks"],
    output:
        rise=folders.learned_file("seen", "{key}", "{subject}", "{session}", "rise.nii.gz"),
        fall=folders.learned_file("seen", "{key}", "{subject}", "{session}", "fall.nii.gz"),
    log:
        log_of("network_seen"),
    benchmark:
        cost_of("network_seen")
    priority: 6
    conda:
        CONDA
    threads: HARDWARE["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(60),
        gpu=HARDWARE["gpus"],
        device=HARDWARE["device"],
    params:
        recipe=lambda wildcards: PLAN["seen"][wildcards.key]["recipe"],
        stages=lambda wildcards: PLAN["seen"][wildcards.key]["stages"],
        members=lambda wildcards: PLAN["seen"][wildcards.key]["members"],
        limits=lambda wildcards: PLAN["seen"][wildcards.key]["limits"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} network_seen"
    script:
        "../../scripts/step.py"


def sampled_of(wildcards):
    """What classifiers learn from of a pair."""
    job, row = PLAN["samples"][wildcards.key], row_of(wildcards)
    files = seen_of(job["candidates"], row) | {"flair": flairs_of(job["candidates"], row)["flair"]}
    if job["seen"]:
        names = {"rise": "rise.nii.gz", "fall": "fall.nii.gz"}
        files |= {
            what: folders.learned_file("seen", job["seen"], row.subject, row.followup_session, name)
            for what, name in names.items()
        }
    return files


rule sample:
    """Take from a pair with a reference what a classifier learns from."""
    input:
        unpack(sampled_of),
        reference=lambda wildcards: existing(row_of(wildcards).reference),
    output:
        samples=folders.learned_file("samples", "{key}", "{subject}", "{session}", "samples.npz"),
    log:
        log_of("sample"),
    benchmark:
        cost_of("sample")
    priority: 6
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        # The path replaces the input of the same name, which is left out where the file is missing.
        reference=lambda wildcards: row_of(wildcards).reference,
        pair=lambda wildcards: row_of(wildcards).pair,
        subject=lambda wildcards: wildcards.subject,
        candidates=lambda wildcards: candidates_settings(PLAN["samples"][wildcards.key]["candidates"]),
        settings=lambda wildcards: PLAN["samples"][wildcards.key]["settings"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} sample"
    script:
        "../../scripts/step.py"


def samples_of(wildcards):
    """The samples of the pairs that a set of classifiers learns from."""
    job = PLAN["trees"][wildcards.key]
    rows = [PAIRS[pair] for pair in job["pairs"]]
    return [
        folders.learned_file("samples", job["samples"], row.subject, row.followup_session, "samples.npz")
        for row in rows
    ]


rule fit:
    """Train classifiers without the subjects that are held out."""
    input:
        samples=samples_of,
    output:
        model_folder=directory(folders.trees_folder("{key}")),
    log:
        folders.log_file("fit", "{key}"),
    benchmark:
        folders.cost_file("fit", "{key}")
    priority: 6
    conda:
        CONDA
    # One for each model, whatever the machine has: folds are trained side by side, and a sum has one order.
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(240),
    params:
        recipe=lambda wildcards: PLAN["trees"][wildcards.key]["recipe"],
        settings=lambda wildcards: PLAN["trees"][wildcards.key]["settings"],
    message:
        "{params.recipe}:{wildcards.key} fit"
    script:
        "../../scripts/step.py"


rule fold_model:
    """Put what a recipe learned without a fold's subjects into one folder."""
    input:
        networks=lambda wildcards: [row["folder"] for rows in entry_of(wildcards)["members"].values() for row in rows],
        trees=lambda wildcards: (
            folders.trees_folder(entry_of(wildcards)["trees"]) if entry_of(wildcards)["trees"] else []
        ),
    output:
        # Written last: with it the model is whole.
        model_out=f"{folders.model_folder('{recipe}', '{fold}')}/{DESCRIPTION}",
        recipe_out=f"{folders.model_folder('{recipe}', '{fold}')}/{RECIPE}",
    log:
        folders.log_file("fold_model", "{recipe}", "fold-{fold}"),
    benchmark:
        folders.cost_file("fold_model", "{recipe}", "fold-{fold}")
    priority: 7
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        recipe=lambda wildcards: folders.recipe_file(wildcards.recipe),
        stages=lambda wildcards: entry_of(wildcards)["stages"],
        members=lambda wildcards: entry_of(wildcards)["members"],
        limits=lambda wildcards: entry_of(wildcards).get("limits", {}),
        learned=lambda wildcards: entry_of(wildcards)["learned"],
    message:
        "{wildcards.recipe}:fold-{wildcards.fold} fold_model"
    script:
        "../../scripts/step.py"
