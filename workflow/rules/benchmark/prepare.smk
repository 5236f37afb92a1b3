# Each session and pair, prepared once for all recipes of equal settings.


rule bias:
    """Check one raw scan, bring it to a plain float image on its own grid, and correct its bias field with N4."""
    input:
        scan=lambda wildcards: existing(SESSIONS[wildcards.subject, wildcards.session].scan),
    output:
        flair=of_session("bias", "flair.nii.gz"),
        report=of_session("bias", "ingest.json"),
        field=of_session("bias", "field.nii.gz"),
        bias=of_session("bias", "bias.nii.gz"),
    log:
        ingest=log_of("ingest"),
        bias=log_of("bias"),
    benchmark:
        cost_of("bias")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        # The path replaces the input of the same name, which is left out where the file is missing.
        ingest=lambda wildcards: {
            "scan": SESSIONS[wildcards.subject, wildcards.session].scan,
            "sha256": SESSIONS[wildcards.subject, wildcards.session].sha256,
            "limits": PLAN["steps"]["bias"][wildcards.key]["params"]["ingest"],
        },
        bias=lambda wildcards: {"settings": PLAN["steps"]["bias"][wildcards.key]["params"]["bias"]},
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} bias"
    script:
        "../../scripts/step.py"


rule brain:
    """Find the brain of one scan, or take the mask that the pairs table gives."""
    input:
        lambda wildcards: existing(SESSIONS[wildcards.subject, wildcards.session].brain),
        bias=lambda wildcards: folders.session_file(
            "bias",
            keys_before("brain", wildcards.key)["bias"],
            wildcards.subject,
            wildcards.session,
            "bias.nii.gz",
        ),
        field=lambda wildcards: folders.session_file(
            "bias",
            keys_before("brain", wildcards.key)["bias"],
            wildcards.subject,
            wildcards.session,
            "field.nii.gz",
        ),
    output:
        brain=of_session("brain", "brain.nii.gz"),
        facts=of_session("brain", "brain.json"),
    log:
        log_of("brain"),
    benchmark:
        cost_of("brain")
    priority: 1
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        given=lambda wildcards: SESSIONS[wildcards.subject, wildcards.session].brain,
        settings=params_of("brain", "settings"),
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} brain"
    script:
        "../../scripts/step.py"


rule halfway:
    """Find the pair's halfway space, the same for both orders of the visits, and its way to MNI space."""
    input:
        unpack(
            lambda wildcards: visit_files(
                keys_before("halfway", wildcards.key),
                row_of(wildcards),
                {
                    "": ("bias", "bias.nii.gz"),
                    "_brain": ("brain", "brain.nii.gz"),
                    "_facts": ("brain", "brain.json"),
                    "_report": ("bias", "ingest.json"),
                },
            )
        ),
    output:
        halfway=of_session("halfway", "halfway.json"),
    log:
        log_of("halfway"),
    benchmark:
        cost_of("halfway")
    priority: 2
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2500),
        runtime=growing(30),
    params:
        pair="sub-{subject}_ses-{session}",
        aligned=lambda wildcards: row_of(wildcards).is_aligned,
        settings=params_of("halfway", "settings"),
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} halfway"
    script:
        "../../scripts/step.py"


rule resample:
    """Carry both visits onto the working grid, each in one interpolation."""
    input:
        unpack(
            lambda wildcards: visit_files(
                keys_before("resample", wildcards.key),
                row_of(wildcards),
                {"": ("bias", "bias.nii.gz"), "_brain": ("brain", "brain.nii.gz")},
            )
        ),
        unpack(
            lambda wildcards: pair_files(
                keys_before("resample", wildcards.key), row_of(wildcards), {"halfway": ("halfway", "halfway.json")}
            )
        ),
    output:
        resampled_baseline=of_session("resample", "baseline.nii.gz"),
        resampled_followup=of_session("resample", "followup.nii.gz"),
        brain=of_session("resample", "brain.nii.gz"),
        working=of_session("resample", "working.json"),
    log:
        log_of("resample"),
    benchmark:
        cost_of("resample")
    priority: 3
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        settings=params_of("resample", "settings"),
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} resample"
    script:
        "../../scripts/step.py"


rule harmonise:
    """Make the intensities of both visits comparable."""
    input:
        unpack(
            lambda wildcards: pair_files(
                keys_before("harmonise", wildcards.key),
                row_of(wildcards),
                {
                    "baseline": ("resample", "baseline.nii.gz"),
                    "followup": ("resample", "followup.nii.gz"),
                    "brain": ("resample", "brain.nii.gz"),
                },
            )
        ),
    output:
        harmonised_baseline=of_session("harmonise", "harmonised_baseline.nii.gz"),
        harmonised_followup=of_session("harmonise", "harmonised_followup.nii.gz"),
        facts=of_session("harmonise", "harmonise.json"),
    log:
        log_of("harmonise"),
    benchmark:
        cost_of("harmonise")
    priority: 3
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(45),
    params:
        # In a run the job `harmonise` also resamples; here each is a job, since recipes share the one and not the other.
        step="harmonise",
        settings=params_of("harmonise", "settings"),
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} harmonise"
    script:
        "../../scripts/step.py"


rule candidates:
    """Propose new, enlarging, gone and shrinking lesions from the difference of the two visits."""
    input:
        unpack(
            lambda wildcards: pair_files(
                keys_before("candidates", wildcards.key),
                row_of(wildcards),
                {name: SEEN_OF_PAIR[name] for name in ("baseline", "followup", "brain", "working")},
            )
        ),
    output:
        change=of_session("candidates", "change.nii.gz"),
        probability=of_session("candidates", "probability.nii.gz"),
        facts=of_session("candidates", "candidates.json"),
    log:
        log_of("candidates"),
    benchmark:
        cost_of("candidates")
    priority: 4
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(20),
    params:
        settings=params_of("candidates", "settings"),
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} candidates"
    script:
        "../../scripts/step.py"


rule case:
    """Take from a pair what networks learn from it."""
    input:
        # The masks' paths stand in the parameters too, since a missing one fails this step and not the plan.
        lambda wildcards: [path for path in masks_of(row_of(wildcards)).values() if existing(path)],
        unpack(lambda wildcards: seen_of(wildcards.key, row_of(wildcards))),
        unpack(lambda wildcards: flairs_of(wildcards.key, row_of(wildcards))),
    output:
        case_out=of_session("candidates", "case.npz"),
    log:
        log_of("case"),
    benchmark:
        cost_of("case")
    priority: 4
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(15),
    params:
        pair=lambda wildcards: row_of(wildcards).pair,
        subject=lambda wildcards: wildcards.subject,
        masks=lambda wildcards: masks_of(row_of(wildcards)),
        candidates=params_of("candidates", "settings"),
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} case"
    script:
        "../../scripts/step.py"
