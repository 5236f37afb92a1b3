# The workflow lies in workflow/Snakefile; this file lets a bare `snakemake` in the project's root find it. An included
# workflow brings no default target of its own, so it is named here.
include: "workflow/Snakefile"


rule default:
    """The results of every pair of the pairs table, and the cohort's table and page."""
    default_target: True
    input:
        rules.all.input.cohort,
        rules.all.input.pairs,
