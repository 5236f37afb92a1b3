"""Consensus: what several systems say of the same pairs, fused, and whether that is better than the best of them."""
