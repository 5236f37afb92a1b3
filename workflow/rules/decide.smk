# Runs with a model made of networks alone: which lesions changed.


rule decide:
    """Decide which lesions of a pair changed, from what its networks say."""
    input:
        **SEEN,
        **REPORTS,
        bucket=bucket_of,
        model_files=ancient(MODEL_FILES),
    output:
        refined_change=keep(pair_file("refined_change.nii.gz")),
        refined_probability=keep(pair_file("refined_probability.nii.gz")),
        facts=pair_file("refine.json"),
    log:
        log_file("decide"),
    benchmark:
        benchmark_file("decide")
    priority: 5
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(15),
    params:
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
        rise=lambda wildcards: files_made(PAIRS[wildcards.subject, wildcards.session])["rise"],
        fall=lambda wildcards: files_made(PAIRS[wildcards.subject, wildcards.session])["fall"],
        digests=digests(MODEL),
        candidates=SETTINGS["candidates"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} decide"
    script:
        "../scripts/step.py"
