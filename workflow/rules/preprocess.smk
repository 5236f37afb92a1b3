# Per session: bias field and brain. Per pair: halfway space, one interpolation, comparable intensities.

GIVES_BRAINS = any(visit.brain for visit in SESSIONS.values())


rule bias:
    """Check one raw scan, bring it to a plain float image on its own grid, and correct its bias field with N4."""
    input:
        scan=lambda wildcards: existing(SESSIONS[wildcards.subject, wildcards.session].scan),
    output:
        flair=keep(session_file("flair.nii.gz")),
        report=session_file("ingest.json"),
        # Coarse and small: the report shows it.
        field=session_file("field.nii.gz"),
        bias=keep(session_file("bias.nii.gz")),
    log:
        **logs_of_job("bias"),
    benchmark:
        benchmark_file("bias")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        # The path replaces the input of the same name, which is left out where the file is missing. A changed file has
        # another digest in the pairs table, and is checked and processed again.
        ingest=lambda wildcards: {
            "scan": SESSIONS[wildcards.subject, wildcards.session].scan,
            "sha256": SESSIONS[wildcards.subject, wildcards.session].sha256,
            "limits": SETTINGS["ingest"],
        },
        bias={"settings": SETTINGS["bias"]},
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} bias"
    script:
        "../scripts/step.py"


rule brain:
    """Find the brain of one scan, or take the mask that the pairs table gives."""
    input:
        bias=session_file("bias.nii.gz"),
        field=session_file("field.nii.gz"),
        given=brain_of_session if GIVES_BRAINS else [],
    output:
        brain=keep(session_file("brain.nii.gz")),
        facts=session_file("brain.json"),
    log:
        log_file("brain"),
    benchmark:
        benchmark_file("brain")
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        given=(lambda wildcards: SESSIONS[wildcards.subject, wildcards.session].brain) if GIVES_BRAINS else "",
        settings=SETTINGS["brain"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} brain"
    script:
        "../scripts/step.py"


rule halfway:
    """Find the pair's halfway space, the same for both orders of the visits, and its way to MNI space."""
    input:
        unpack(both_visits({"": "bias.nii.gz", "_brain": "brain.nii.gz"})),
    output:
        halfway=pair_file("halfway.json"),
    log:
        log_file("halfway"),
    benchmark:
        benchmark_file("halfway")
    priority: 2
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2500),
        runtime=growing(30),
    params:
        beside=beside(of_visits={"_facts": "brain.json", "_report": "ingest.json"}),
        pair="sub-{subject}_ses-{session}",
        aligned=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].aligned == "yes",
        settings=SETTINGS["halfway"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} halfway"
    script:
        "../scripts/step.py"


rule harmonise:
    """Carry both visits onto the working grid, each in one interpolation, and make their intensities comparable."""
    input:
        unpack(both_visits({"": "bias.nii.gz", "_brain": "brain.nii.gz"})),
        halfway=pair_file("halfway.json"),
    output:
        resampled_baseline=keep(pair_file("baseline.nii.gz")),
        resampled_followup=keep(pair_file("followup.nii.gz")),
        brain=keep(pair_file("brain.nii.gz")),
        working=pair_file("working.json"),
        harmonised_baseline=keep(pair_file("harmonised_baseline.nii.gz")),
        harmonised_followup=keep(pair_file("harmonised_followup.nii.gz")),
        facts=pair_file("harmonise.json"),
    log:
        **logs_of_job("harmonise"),
    benchmark:
        benchmark_file("harmonise")
    priority: 3
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(45),
    params:
        resample={"settings": SETTINGS["resample"]},
        harmonise={"settings": SETTINGS["harmonise"]},
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} harmonise"
    script:
        "../scripts/step.py"
