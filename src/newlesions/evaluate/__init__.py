"""Scores of masks against references: the challenge's measures, additions, raters, curves, and cohort statistics."""
