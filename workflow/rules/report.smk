# What people read: a page per pair, and one table and page for the cohort.


rule report:
    """Write the page of one pair: pictures of each lesion, of the brain masks and of the registration."""
    input:
        baseline=pair_file("harmonised_baseline.nii.gz"),
        followup=pair_file("harmonised_followup.nii.gz"),
        change=change_file("change.nii.gz"),
        probability=change_file("probability.nii.gz"),
        brain=pair_file("brain.nii.gz"),
        halfway=pair_file("halfway.json"),
        working=pair_file("working.json"),
        harmonise=pair_file("harmonise.json"),
        candidates=pair_file("candidates.json"),
        refine=pair_file("refine.json") if MODEL else [],
        lesions=rules.lesions.output.lesions,
        summary=pair_file("summary.json"),
        baseline_ingest=visit_file("baseline", "ingest.json"),
        followup_ingest=visit_file("followup", "ingest.json"),
        scores=lambda wildcards: scores_of(PAIRS[wildcards.subject, wildcards.session]),
        reference=lambda wildcards: existing(PAIRS[wildcards.subject, wildcards.session].reference),
    output:
        out_html=report(
            str(OUT / "sub-{subject}" / "sub-{subject}_ses-{session}.html"),
            category="Pairs",
            caption="../report/pair.rst",
        ),
    log:
        log_file("report"),
    benchmark:
        benchmark_file("report")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(15),
    params:
        pair=labels_of_pair,
        settings={section: SETTINGS[section] for section in (*STEP_SECTIONS, "report")},
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} report"
    script:
        "../scripts/step.py"


rule table:
    """Write the cohort's table and page, and what the results folder says about itself."""
    input:
        pairs=config["pairs"],
        summaries=[summary_file(OUT, row) for row in LEFT],
        pages=[page_file(OUT, row) for row in LEFT],
        # The page and the printed table show them.
        scores=[str(path) for path in score_files(OUT).values()] if SCORED else [],
    output:
        **{
            name: report(path, category="Cohort", caption="../report/table.rst") if name == "table" else path
            for name, path in cohort_files(OUT).items()
        },
    log:
        WORK / "logs" / "table" / "cohort.log",
    benchmark:
        WORK / "benchmarks" / "table" / "cohort.tsv"
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(10),
    params:
        settings=SETTINGS,
    message:
        "cohort table"
    script:
        "../scripts/step.py"
