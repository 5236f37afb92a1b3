# What `newlesions run` asks quick plans for: how many jobs of each name there are.
import logging

from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent


class JobCounts(logging.Handler):
    """Tells how many jobs there are: `snakemake -n -q`, the quickest plan, gathers that and then keeps it to itself."""

    def emit(self, record):
        if getattr(record, "event", None) == LogEvent.RUN_INFO:
            print(record.getMessage(), flush=True)


if workflow.output_settings.quiet == {Quietness.RULES, Quietness.PROGRESS}:
    logger.addHandler(JobCounts())
