# Runs with networks: they look at the images themselves, a bucket of pairs per job.
from newlesions.cohort.shards import buckets_in, shards_of

BUCKET_OF = buckets_in(shards_of(COHORT_PAIRS, SETTINGS["shard"]), SETTINGS["networks"]["bucket"])
NETWORK_FILES = [str(path) for path in network_files(MODEL)]
# What the networks, and what decides after them, read of a pair.
SEEN = {
    "baseline": pair_file("harmonised_baseline.nii.gz"),
    "followup": pair_file("harmonised_followup.nii.gz"),
    "brain": pair_file("brain.nii.gz"),
    "change": pair_file("change.nii.gz"),
    "working": pair_file("working.json"),
}
REPORTS = {f"{visit}_report": visit_file(visit, "ingest.json") for visit in ("baseline", "followup")}
PROBABILITIES = {"rise": pair_file("network_rise.nii.gz"), "fall": pair_file("network_fall.nii.gz")}


wildcard_constraints:
    bucket=r"(?:[0-9]+-of-[0-9]+_)?[0-9]+-of-[0-9]+",


def files_seen(row):
    """The files of a pair that networks read, by the names that the step has for them."""
    seen = {name: files_of_pair([pattern], row)[0] for name, pattern in SEEN.items()}
    reports = {f"{visit}_report": file_of_visit(row, visit, "ingest.json") for visit in ("baseline", "followup")}
    return seen | reports


def files_made(row):
    """The maps that `network` writes beside its report, for each pair that it could be applied to."""
    return {name: files_of_pair([pattern], row)[0] for name, pattern in PROBABILITIES.items()}


def bucket_of(wildcards):
    """The report about the pair's bucket."""
    return WORK / "buckets" / f"{BUCKET_OF[PAIRS[wildcards.subject, wildcards.session].pair]}.json"


def rows_of(wildcards):
    """The pairs of a bucket, without those that failed before."""
    return [row for row in LEFT if BUCKET_OF[row.pair] == wildcards.bucket]


rule network:
    """Apply the networks to a bucket of pairs, in both directions of time; they are loaded once."""
    input:
        lambda wildcards: [path for row in rows_of(wildcards) for path in files_seen(row).values()],
        # Their digests below tell whether they changed; a copy of the same files is no other model.
        model_files=ancient(NETWORK_FILES),
    output:
        report=WORK / "buckets" / "{bucket}.json",
    log:
        WORK / "logs" / "network" / "{bucket}.log",
    benchmark:
        WORK / "benchmarks" / "network" / "{bucket}.tsv"
    priority: 5
    conda:
        CONDA
    threads: SETTINGS["networks"]["threads"]
    resources:
        mem_mb=growing(8000),
        runtime=growing(240),
        gpu=SETTINGS["networks"]["gpus"],
        device=SETTINGS["networks"]["device"],
    params:
        pairs=lambda wildcards: [
            {"pair": row.pair, "subject": row.subject, **files_seen(row), **files_made(row)}
            for row in rows_of(wildcards)
        ],
        limits={},
        digests=digests(MODEL),
        candidates=SETTINGS["candidates"],
    message:
        "bucket-{wildcards.bucket} network"
    script:
        "../scripts/step.py"
