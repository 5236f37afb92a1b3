# Each recipe on the pairs of the subjects that it has not seen. A pair that fails here fails alone, in its row.


def held_out_of(wildcards):
    """The pairs that a fold holds out."""
    return [PAIRS[pair] for pair in entry_of(wildcards)["pairs"]]


def model_of(wildcards):
    """What says that the model of a recipe in a fold is whole; nothing for a recipe without one."""
    folder = folders.model_folder(wildcards.recipe, wildcards.fold)
    return f"{folder}/{DESCRIPTION}" if entry_of(wildcards)["kind"] else []


def maps_of(wildcards, row):
    """What networks say of a held-out pair."""
    return {
        which: folders.probability_file(wildcards.recipe, wildcards.fold, row.pair, which) for which in ("rise", "fall")
    }


rule network:
    """Apply the networks to the pairs that a fold holds out, in both directions of time; they are loaded once."""
    input:
        lambda wildcards: [
            path for row in held_out_of(wildcards) for path in seen_of(entry_of(wildcards)["candidates"], row).values()
        ],
        # The step gets its path as `beside` has it.
        model_of,
    output:
        report=folders.bucket_file("{recipe}", "{fold}"),
    log:
        folders.log_file("network", "{recipe}", "fold-{fold}"),
    benchmark:
        folders.cost_file("network", "{recipe}", "fold-{fold}")
    priority: 8
    conda:
        CONDA
    threads: HARDWARE["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
        gpu=HARDWARE["gpus"],
        device=HARDWARE["device"],
    params:
        # Beside classifiers, the networks' own description lies in a folder below.
        beside=lambda wildcards: {
            "model_files": [
                f"{folders.model_folder(wildcards.recipe, wildcards.fold)}/"
                f"{NETWORK + '/' if entry_of(wildcards)['kind'] == BOTH else ''}{DESCRIPTION}"
            ]
        },
        pairs=lambda wildcards: [
            {
                "pair": row.pair,
                "subject": row.subject,
                **seen_of(entry_of(wildcards)["candidates"], row),
                **maps_of(wildcards, row),
            }
            for row in held_out_of(wildcards)
        ],
        limits={},
        candidates=lambda wildcards: candidates_settings(entry_of(wildcards)["candidates"]),
    message:
        "{wildcards.recipe}:fold-{wildcards.fold} network"
    script:
        "../../scripts/step.py"


def files_to_score(wildcards, row):
    """What the last step reads of a pair."""
    key = entry_of(wildcards)["candidates"]
    keys = keys_before("candidates", key)
    files = seen_of(key, row) | {"flair": flairs_of(key, row)["flair"]}
    return files | pair_files(keys, row, {"probability": ("candidates", "probability.nii.gz")})


rule fold_scores:
    """Decide which lesions of the held-out pairs are new, on the follow-ups' own grids, and score them."""
    input:
        lambda wildcards: [path for row in held_out_of(wildcards) for path in files_to_score(wildcards, row).values()],
        # The masks' paths stand in the parameters too, since one that is wrong costs its pair alone.
        lambda wildcards: [path for row in held_out_of(wildcards) for path in row.references if existing(path)],
        model=model_of,
        bucket=lambda wildcards: (
            folders.bucket_file(wildcards.recipe, wildcards.fold)
            if entry_of(wildcards)["kind"] in (NETWORKS, BOTH)
            else []
        ),
    output:
        results=directory(folders.results_folder("{recipe}", "{fold}")),
        scores=folders.scores_file("{recipe}", "{fold}"),
        judged=folders.judged_file("{recipe}", "{fold}"),
    log:
        folders.log_file("fold_scores", "{recipe}", "fold-{fold}"),
    benchmark:
        folders.cost_file("fold_scores", "{recipe}", "fold-{fold}")
    priority: 9
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(120),
    params:
        kind=lambda wildcards: entry_of(wildcards)["kind"],
        pairs=lambda wildcards: [
            {
                **{name: getattr(row, name) for name in ("pair", "reference", "gone_reference", "rater_masks")},
                "files": files_to_score(wildcards, row),
                "maps": maps_of(wildcards, row) if entry_of(wildcards)["kind"] in (NETWORKS, BOTH) else {},
                **{
                    what: folders.result_file(wildcards.recipe, wildcards.fold, row.pair, what)
                    for what in ("mask", "probseg", "dseg")
                },
            }
            for row in held_out_of(wildcards)
        ],
        candidates=lambda wildcards: candidates_settings(entry_of(wildcards)["candidates"]),
    message:
        "{wildcards.recipe}:fold-{wildcards.fold} fold_scores"
    script:
        "../../scripts/step.py"
