# Recipes fused: what all say of the pairs that none of them has seen. A pair that one of them lacks fails alone.
FUSED = folders.consensus_name("{how}")


def fused_of(how, fold):
    """What the plan tells of a consensus in a fold."""
    return PLAN["entries"][f"{folders.consensus_name(how)}/{fold}"]


def member_results(wildcards):
    """The results of the recipes that are fused."""
    return [folders.results_folder(name, wildcards.fold) for name in fused_of(wildcards.how, wildcards.fold)["of"]]


def member_files(wildcards, pair, what):
    """A result of a pair by each of these recipes."""
    return [
        folders.result_file(name, wildcards.fold, pair, what) for name in fused_of(wildcards.how, wildcards.fold)["of"]
    ]


def other_folds(wildcards):
    """What weights are learned from: the pairs of the other folds."""
    if wildcards.how != "weights":
        return []
    folds = {entry["fold"] for entry in PLAN["entries"].values()} - {wildcards.fold}
    return [folders.moments_file(wildcards.how, fold) for fold in sorted(folds, key=int)]


rule moments:
    """Gather what weights are learned from, of the pairs that a fold holds out."""
    input:
        members=member_results,
    output:
        moments_out=folders.moments_file("{how}", "{fold}"),
    log:
        folders.log_file("moments", FUSED, "fold-{fold}"),
    benchmark:
        folders.cost_file("moments", FUSED, "fold-{fold}")
    priority: 9
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        pairs=lambda wildcards: [
            {"pair": pair, "reference": PAIRS[pair].reference, "maps": member_files(wildcards, pair, "probseg")}
            for pair in fused_of(wildcards.how, wildcards.fold)["pairs"]
        ],
    message:
        "consensus-{wildcards.how}:fold-{wildcards.fold} moments"
    script:
        "../../scripts/step.py"


rule fold_consensus:
    """Fuse what recipes say of the held-out pairs, on the follow-ups' own grids, and score it."""
    input:
        members=member_results,
        moments=other_folds,
    output:
        results=directory(folders.results_folder(FUSED, "{fold}")),
        scores=folders.scores_file(FUSED, "{fold}"),
        judged=folders.judged_file(FUSED, "{fold}"),
    log:
        folders.log_file("fold_consensus", FUSED, "fold-{fold}"),
    benchmark:
        folders.cost_file("fold_consensus", FUSED, "fold-{fold}")
    priority: 9
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        how=lambda wildcards: wildcards.how,
        pairs=lambda wildcards: [
            {
                **{
                    name: getattr(PAIRS[pair], name) for name in ("pair", "reference", "gone_reference", "rater_masks")
                },
                "maps": member_files(wildcards, pair, "probseg"),
                "changes": member_files(wildcards, pair, "dseg"),
                **{
                    what: folders.result_file(folders.consensus_name(wildcards.how), wildcards.fold, pair, what)
                    for what in ("mask", "probseg", "dseg")
                },
            }
            for pair in fused_of(wildcards.how, wildcards.fold)["pairs"]
        ],
    message:
        "consensus-{wildcards.how}:fold-{wildcards.fold} fold_consensus"
    script:
        "../../scripts/step.py"
