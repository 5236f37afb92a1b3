# Per session: bias field and brain. Per pair: halfway space, one interpolation, comparable intensities.


rule bias:
    """Correct the bias field of one scan with N4."""
    input:
        flair=session_file("flair.nii.gz"),
    output:
        bias=keep(session_file("bias.nii.gz")),
    log:
        log_file("bias"),
    benchmark:
        benchmark_file("bias")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(20),
    params:
        settings=SETTINGS["bias"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} bias"
    script:
        "../scripts/step.py"


rule brain:
    """Find the brain of one scan, or take the mask that the pairs table gives."""
    input:
        bias=session_file("bias.nii.gz"),
        given=lambda wildcards: existing(SESSIONS[wildcards.subject, wildcards.session].brain),
    output:
        brain=keep(session_file("brain.nii.gz")),
        facts=session_file("brain.json"),
    log:
        log_file("brain"),
    benchmark:
        benchmark_file("brain")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        given=lambda wildcards: SESSIONS[wildcards.subject, wildcards.session].brain,
        settings=SETTINGS["brain"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} brain"
    script:
        "../scripts/step.py"


rule halfway:
    """Find the pair's halfway space, the same for both orders of the visits, and its way to MNI space."""
    input:
        baseline=visit_file("baseline", "bias.nii.gz"),
        followup=visit_file("followup", "bias.nii.gz"),
        baseline_brain=visit_file("baseline", "brain.nii.gz"),
        followup_brain=visit_file("followup", "brain.nii.gz"),
        baseline_facts=visit_file("baseline", "brain.json"),
        followup_facts=visit_file("followup", "brain.json"),
        baseline_report=visit_file("baseline", "ingest.json"),
        followup_report=visit_file("followup", "ingest.json"),
    output:
        halfway=pair_file("halfway.json"),
    log:
        log_file("halfway"),
    benchmark:
        benchmark_file("halfway")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2500),
        runtime=growing(30),
    params:
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
        aligned=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].aligned == "yes",
        settings=SETTINGS["halfway"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} halfway"
    script:
        "../scripts/step.py"


rule resample:
    """Carry both visits onto the working grid in halfway or MNI space, each in one interpolation."""
    input:
        baseline=visit_file("baseline", "bias.nii.gz"),
        followup=visit_file("followup", "bias.nii.gz"),
        baseline_brain=visit_file("baseline", "brain.nii.gz"),
        followup_brain=visit_file("followup", "brain.nii.gz"),
        halfway=pair_file("halfway.json"),
    output:
        resampled_baseline=keep(pair_file("baseline.nii.gz")),
        resampled_followup=keep(pair_file("followup.nii.gz")),
        brain=keep(pair_file("brain.nii.gz")),
        working=pair_file("working.json"),
    log:
        log_file("resample"),
    benchmark:
        benchmark_file("resample")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        settings=SETTINGS["resample"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} resample"
    script:
        "../scripts/step.py"


rule harmonise:
    """Make the intensities of the two visits comparable: differential bias, denoising, normalisation."""
    input:
        baseline=pair_file("baseline.nii.gz"),
        followup=pair_file("followup.nii.gz"),
        brain=pair_file("brain.nii.gz"),
    output:
        harmonised_baseline=keep(pair_file("harmonised_baseline.nii.gz")),
        harmonised_followup=keep(pair_file("harmonised_followup.nii.gz")),
        facts=pair_file("harmonise.json"),
    log:
        log_file("harmonise"),
    benchmark:
        benchmark_file("harmonise")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        settings=SETTINGS["harmonise"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} harmonise"
    script:
        "../scripts/step.py"
