"""Runs on a SLURM cluster: the site's file, the jobs that a killed run leaves, and the profile made of both."""
