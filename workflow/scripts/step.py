"""Run the step that has the rule's name: the adapter between Snakemake and the package."""

import sys
from pathlib import Path

# In an environment of the rule's own (--sdm conda) the package comes from the checkout.
sys.path.append(str(Path(snakemake.scriptdir).parents[1] / "src"))

from newlesions.processes import die_with_parent
from newlesions.steps.adapter import run_step

die_with_parent()
sys.exit(
    run_step(
        snakemake.rule,
        inputs=dict(snakemake.input.items()),
        outputs=dict(snakemake.output.items()),
        params=dict(snakemake.params.items()),
        log=snakemake.log[0],
    )
)
