"""Volumes, grids, transforms, and their files. This room imports no other room."""
