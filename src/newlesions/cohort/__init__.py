"""Discovering pairs of scans (BIDS, MSSEG-2 folders, a table), freezing them, and checking each scan."""
