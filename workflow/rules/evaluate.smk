# Pairs with a reference: scores of each, and of the cohort. A reference that cannot be used costs the pair its scores
# and nothing else: `evaluate` then writes the reason, and the cohort's table and the exit code tell it.


rule evaluate:
    """Hold the pair's new and gone lesions against its references."""
    input:
        reference=lambda wildcards: existing(PAIRS[wildcards.subject, wildcards.session].reference),
        gone_reference=lambda wildcards: existing(PAIRS[wildcards.subject, wildcards.session].gone_reference),
        rater_masks=lambda wildcards: [
            path for path in PAIRS[wildcards.subject, wildcards.session].rater_masks.values() if existing(path)
        ],
        mask=result_of_pair(rules.finalise.output.mask),
        probseg=result_of_pair(rules.finalise.output.probseg),
        dseg=result_of_pair(rules.finalise.output.dseg),
        brain_mask=rules.lesions.output.brain_mask,
        preproc=rules.lesions.output.preproc,
        halfway=pair_file("halfway.json"),
    output:
        scores=pair_file("scores.json"),
    log:
        log_file("evaluate"),
    benchmark:
        benchmark_file("evaluate")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        # The paths replace the inputs of the same names, which are left out where a file is missing.
        reference=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].reference,
        gone_reference=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].gone_reference,
        rater_masks=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].rater_masks,
        pair=lambda wildcards: PAIRS[wildcards.subject, wildcards.session].pair,
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} evaluate"
    script:
        "../scripts/step.py"


rule scores:
    """Gather the scores of all pairs: tables, and curves over the probability maps."""
    input:
        pairs=config["pairs"],
        results=[scores_file(OUT, row) for row in LEFT if row.reference],
    output:
        **score_files(OUT),
    log:
        WORK / "logs" / "scores" / "cohort.log",
    benchmark:
        WORK / "benchmarks" / "scores" / "cohort.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(20),
    message:
        "cohort scores"
    script:
        "../scripts/step.py"
