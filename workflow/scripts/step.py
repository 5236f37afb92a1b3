"""Run the step that has the rule's name: the adapter between Snakemake and the package."""

import sys
from pathlib import Path

# In an environment of the rule's own (--sdm conda) the package comes from the checkout.
sys.path.append(str(Path(snakemake.scriptdir).parents[1] / "src"))

from newlesions.processes import die_with_parent
from newlesions.steps.adapter import run_step

params = dict(snakemake.params.items())
if hasattr(snakemake.resources, "device"):
    # What a job runs on is no parameter of its rule: other hardware makes no result stale.
    params["limits"] = {**params["limits"], "threads": snakemake.threads, "device": snakemake.resources.device}
die_with_parent()
sys.exit(
    run_step(
        snakemake.rule,
        inputs=dict(snakemake.input.items()),
        outputs=dict(snakemake.output.items()),
        params=params,
        log=snakemake.log[0],
    )
)
