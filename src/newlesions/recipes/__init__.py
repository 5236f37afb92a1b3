"""Recipes with networks: their stages in order, their members, checking them, showing them. No heavy import on top."""
