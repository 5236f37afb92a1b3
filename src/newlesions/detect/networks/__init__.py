"""Applying trained networks: windows, views, members, stages, and what is decided from their probability."""
