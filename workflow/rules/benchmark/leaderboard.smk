# All recipes side by side.
IS_FUSED = any(entry["kind"] == folders.CONSENSUS for entry in PLAN["entries"].values())


rule leaderboard:
    """Compare the recipes over the pairs that all of them have, and write the tables and the page."""
    input:
        scores=[folders.scores_file(entry["recipe"], entry["fold"]) for entry in PLAN["entries"].values()],
    output:
        **folders.leaderboard_files(IS_FUSED),
    log:
        folders.log_file("leaderboard", "leaderboard"),
    benchmark:
        folders.cost_file("leaderboard", "leaderboard")
    priority: 10
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        plan=folders.PLAN,
        about=config["about"],
        bootstrap=config["bootstrap"],
        pictures=config["pictures"],
    message:
        "cohort leaderboard"
    script:
        "../../scripts/step.py"
