"""Cohort statistics: systems described, compared pair by pair and ranked, from their tables of scores."""
