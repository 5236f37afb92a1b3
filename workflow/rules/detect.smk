# Per pair: what changed, and the files that say so. A rule's outputs carry the same wildcards; hence the files whose
# names tell the baseline come from `finalise`, and those that tell the follow-up alone from `report`.


# Seen alone, the follow-up's own transform could also be that of a pair with itself.
ruleorder: report > finalise


# SAMSEG, where the run asks for it, takes hours.
WITH_SAMSEG = SETTINGS["candidates"]["tissue"] == "samseg"


rule candidates:
    """Propose new, enlarging, gone and shrinking lesions from the difference of the two visits."""
    input:
        baseline=pair_file("harmonised_baseline.nii.gz"),
        followup=pair_file("harmonised_followup.nii.gz"),
        brain=pair_file("brain.nii.gz"),
    output:
        change=keep(pair_file("change.nii.gz")),
        probability=keep(pair_file("probability.nii.gz")),
        facts=pair_file("candidates.json"),
    log:
        log_file("candidates"),
    benchmark:
        benchmark_file("candidates")
    priority: 4
    conda:
        CONDA
    threads: 4 if WITH_SAMSEG else 1
    resources:
        mem_mb=growing(12000 if WITH_SAMSEG else 3000),
        runtime=growing(240 if WITH_SAMSEG else 20),
    params:
        **({"threads": 4} if WITH_SAMSEG else {}),
        beside=beside(["working"]),
        settings=SETTINGS["candidates"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} candidates"
    script:
        "../scripts/step.py"


rule finalise:
    """Write the change since the baseline on the follow-up's own grid and in halfway space."""
    input:
        change=change_file("change.nii.gz"),
        probability=change_file("probability.nii.gz"),
        baseline=pair_file("harmonised_baseline.nii.gz"),
        flair=session_file("flair.nii.gz"),
        baseline_flair=session_file("flair.nii.gz").replace("{session}", "{baseline}"),
    output:
        mask=f"{ANAT}_space-orig_label-lesion_desc-newSince{{baseline}}_mask.nii.gz",
        mask_sidecar=f"{ANAT}_space-orig_label-lesion_desc-newSince{{baseline}}_mask.json",
        probseg=f"{ANAT}_space-orig_label-lesion_desc-newSince{{baseline}}_probseg.nii.gz",
        probseg_sidecar=f"{ANAT}_space-orig_label-lesion_desc-newSince{{baseline}}_probseg.json",
        dseg=f"{ANAT}_space-orig_label-lesion_desc-changeSince{{baseline}}_dseg.nii.gz",
        dseg_sidecar=f"{ANAT}_space-orig_label-lesion_desc-changeSince{{baseline}}_dseg.json",
        dseg_labels=f"{ANAT}_space-orig_label-lesion_desc-changeSince{{baseline}}_dseg.tsv",
        halfway_mask=f"{ANAT}_space-halfway_label-lesion_desc-newSince{{baseline}}_mask.nii.gz",
        halfway_mask_sidecar=f"{ANAT}_space-halfway_label-lesion_desc-newSince{{baseline}}_mask.json",
        preproc=f"{SESSION_ANAT}/sub-{{subject}}_ses-{{baseline}}_space-halfway{{session}}_desc-preproc_FLAIR.nii.gz",
        preproc_sidecar=f"{SESSION_ANAT}/sub-{{subject}}_ses-{{baseline}}_space-halfway{{session}}_desc-preproc_FLAIR.json",
        xfm=f"{ANAT}_from-{{baseline}}_to-halfway_mode-image_xfm.mat",
    log:
        str(WORK / "logs" / "finalise" / "sub-{subject}_ses-{session}_since-{baseline}.log"),
    benchmark:
        str(WORK / "benchmarks" / "finalise" / "sub-{subject}_ses-{session}_since-{baseline}.tsv")
    priority: 6
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        beside=beside(["halfway", "working", "candidates"]),
        settings=SETTINGS["finalise"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} finalise"
    script:
        "../scripts/step.py"
