# Per cohort: the scores of the pairs that have a reference, one table and one page.
# A reference that cannot be used costs the pair its scores and nothing else: `evaluate`, a step of the job `report`,
# then writes the reason, and the table and the exit code tell it.


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
        mem_mb=growing(1000),
        runtime=growing(10),
    params:
        # The same whether the cohort was run whole or in shards.
        settings=SETTINGS | {"part": None},
    message:
        "cohort table"
    script:
        "../scripts/step.py"
