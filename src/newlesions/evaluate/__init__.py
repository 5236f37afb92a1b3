"""Scores of masks against references: the challenge's own measures, additions, raters, curves, and cohort statistics."""
