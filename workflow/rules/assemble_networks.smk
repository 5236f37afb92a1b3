# Training of networks alone: the scores of each pair by those that have not seen its subject, and all as one model.


rule network_held_out:
    """Score, on one pair, the networks that have not seen its subject."""
    input:
        case=pair_file("case.npz"),
        networks=folders_of(APPLIED),
    output:
        row=pair_file("held_out.json"),
    log:
        log_file("network_held_out"),
    benchmark:
        benchmark_file("network_held_out")
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
        candidates=SETTINGS["candidates"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} network_held_out"
    script:
        "../scripts/step.py"


rule assemble_networks:
    """Put all networks, their recipe, their held-out scores and their card into one folder."""
    input:
        pairs=config["pairs"],
        held_out=[str(case_file(OUT, row).with_name("held_out.json")) for row in SCORED if row.pair not in EXTRA],
        networks=folders_of(APPLIED),
        masks=[path for row in SCORED for path in masks_of(row).values() if existing(path)],
    output:
        **model_files(OUT),
    log:
        WORK / "logs" / "assemble_networks" / "model.log",
    benchmark:
        WORK / "benchmarks" / "assemble_networks" / "model.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        stages={name: STAGES_PLAIN[name] for name in APPLIED},
        members={name: MEMBERS_PLAIN[name] for name in APPLIED},
        extra=sorted(EXTRA),
        unlabelled=[row.pair for row in UNLABELLED],
        settings={
            **{name: SETTINGS[name] for name in ("recipe", "train", *STEP_SECTIONS)},
            "networks": TRAINING_LIMITS,
        },
    message:
        "model assemble_networks"
    script:
        "../scripts/step.py"
