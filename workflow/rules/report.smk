# What people read of a pair: its lesions, its scores and its page.


rule report:
    """Describe the follow-up and each changed lesion, score the pair where it has a reference, and write its page."""
    input:
        unpack(references_of),
        change=change_file("change.nii.gz"),
        probability=change_file("probability.nii.gz"),
        baseline=pair_file("harmonised_baseline.nii.gz"),
        followup=pair_file("harmonised_followup.nii.gz"),
        brain=pair_file("brain.nii.gz"),
        flair=session_file("flair.nii.gz"),
        followup_brain=session_file("brain.nii.gz"),
    output:
        lesions=f"{ANAT}_desc-lesions_table.tsv",
        lesions_sidecar=f"{ANAT}_desc-lesions_table.json",
        brain_mask=f"{ANAT}_space-orig_desc-brain_mask.nii.gz",
        brain_mask_sidecar=f"{ANAT}_space-orig_desc-brain_mask.json",
        preproc=f"{ANAT}_space-halfway_desc-preproc_FLAIR.nii.gz",
        preproc_sidecar=f"{ANAT}_space-halfway_desc-preproc_FLAIR.json",
        xfm=f"{ANAT}_from-{{session}}_to-halfway_mode-image_xfm.mat",
        mni_xfm=f"{ANAT}_from-halfway_to-MNI152NLin2009aSym_mode-image_xfm.mat",
        summary=pair_file("summary.json"),
        # Those of a pair without a reference are empty.
        scores=pair_file("scores.json"),
        out_html=report(
            str(OUT / "sub-{subject}" / "sub-{subject}_ses-{session}.html"),
            category="Pairs",
            caption="../report/pair.rst",
        ),
    log:
        **logs_of_job("report"),
    benchmark:
        benchmark_file("report")
    priority: 7
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(30),
    params:
        beside=beside(
            ("halfway", "working", "harmonise", "candidates", *(["refine"] if MODEL else [])),
            {"_brain_facts": "brain.json", "_report": "ingest.json", "_field": "field.nii.gz"},
        ),
        lesions={"settings": SETTINGS["finalise"]},
        evaluate=held_against,
        report=lambda wildcards: {
            "pair": labels_of_pair(wildcards),
            "settings": {section: SETTINGS[section] for section in (*STEP_SECTIONS, "report")},
        },
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} report"
    script:
        "../scripts/step.py"
