# Runs with a model made of trees: the candidates, judged.


rule refine:
    """Judge the candidates by a trained classifier: runs with a model only."""
    input:
        baseline=pair_file("harmonised_baseline.nii.gz"),
        followup=pair_file("harmonised_followup.nii.gz"),
        brain=pair_file("brain.nii.gz"),
        change=pair_file("change.nii.gz"),
        working=pair_file("working.json"),
        baseline_report=visit_file("baseline", "ingest.json"),
        followup_report=visit_file("followup", "ingest.json"),
        bucket=bucket_of if MODEL_KIND == BOTH else [],
        # Their digests below tell whether they changed; a copy of the same files is no other model.
        model_files=ancient(MODEL_FILES),
    output:
        refined_change=keep(pair_file("refined_change.nii.gz")),
        refined_probability=keep(pair_file("refined_probability.nii.gz")),
        facts=pair_file("refine.json"),
    log:
        log_file("refine"),
    benchmark:
        benchmark_file("refine")
    priority: 5
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(20),
    params:
        digests=digests(MODEL) if MODEL else {},
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
        # The bucket's job writes them beside its report.
        rise=lambda wildcards: (
            files_made(PAIRS[wildcards.subject, wildcards.session])["rise"] if MODEL_KIND == BOTH else None
        ),
        fall=lambda wildcards: (
            files_made(PAIRS[wildcards.subject, wildcards.session])["fall"] if MODEL_KIND == BOTH else None
        ),
        candidates=SETTINGS["candidates"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} refine"
    script:
        "../scripts/step.py"
