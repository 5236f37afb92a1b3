"""Benchmarks: what is to be computed so that any recipes can be compared on any cohort, each thing once."""
