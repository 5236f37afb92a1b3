"""newlesions: new multiple-sclerosis lesions between two FLAIR scans, for whole cohorts."""

__version__ = "0.1.0"
