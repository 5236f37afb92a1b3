# Per session: is the scan usable?


rule ingest:
    """Check one raw scan and bring it to a plain float image on its own grid."""
    input:
        scan=lambda wildcards: existing(SESSIONS[wildcards.subject, wildcards.session].scan),
    output:
        flair_out=keep(session_file("flair.nii.gz")),
        report_out=session_file("ingest.json"),
    log:
        log_file("ingest"),
    benchmark:
        benchmark_file("ingest")
    conda:
        CONDA
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=growing(10),
    params:
        # The path replaces the input of the same name, which is left out where the file is missing.
        scan=lambda wildcards: SESSIONS[wildcards.subject, wildcards.session].scan,
        # A changed file has another digest in the pairs table, and is checked and processed again.
        sha256=lambda wildcards: SESSIONS[wildcards.subject, wildcards.session].sha256,
        limits=SETTINGS["ingest"],
    message:
        "sub-{wildcards.subject}_ses-{wildcards.session} ingest"
    script:
        "../scripts/step.py"
