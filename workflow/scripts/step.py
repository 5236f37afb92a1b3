"""Run the steps of the rule's job: the adapter between Snakemake and the package."""

import sys
from pathlib import Path

# Processes that a step spawns, as nnU-Net's, import this file again: without a rule, and not to run its job once more.
if __name__ == "__main__":
    # In an environment of the rule's own (--sdm conda) the package comes from the checkout.
    sys.path.append(str(Path(snakemake.scriptdir).parents[1] / "src"))

    from newlesions.processes import die_with_parent
    from newlesions.steps.adapter import run_step
    from newlesions.steps.chains import run_job

    params = dict(snakemake.params.items())
    # Inputs that the plan need not know of.
    inputs = dict(snakemake.input.items()) | params.pop("beside", {})
    if hasattr(snakemake.resources, "device"):
        # What a job runs on is no parameter of its rule: other hardware makes no result stale.
        params["limits"] = {**params["limits"], "threads": snakemake.threads, "device": snakemake.resources.device}
    die_with_parent()
    if step := params.pop("step", None):
        # A step that elsewhere is one of several of a job, here by itself.
        files = {"inputs": inputs, "outputs": dict(snakemake.output.items()), "params": params}
        sys.exit(run_step(step, **files, log=snakemake.log[0]))
    sys.exit(
        run_job(
            snakemake.rule,
            inputs=inputs,
            outputs=dict(snakemake.output.items()),
            params=params,
            # A job of several steps names the log of each.
            logs=dict(snakemake.log.items()) or {snakemake.rule: snakemake.log[0]},
        )
    )
