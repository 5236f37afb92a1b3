# How Snakemake's own process goes about a large plan.
import gc

# A plan is many objects that all stay: looking among them for garbage takes a share of the time that grows with it.
gc.disable()


onstart:
    gc.freeze()
    gc.enable()
    # Snakemake (9.27) wakes its scheduler a second after each pass, and each ended job starts one more such chain: after
    # hundreds of jobs it does little else, by hundreds of threads. Without the limit of submissions a second that asks for
    # this, it sleeps until a job ends. A limit that the user sets (--max-jobs-per-timespan) stays.
    limiter = workflow.scheduler.job_rate_limiter
    if limiter is not None and (limiter.max_jobs, limiter.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None
