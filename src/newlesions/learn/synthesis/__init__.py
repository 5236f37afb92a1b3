"""Synthetic lesions in real scans: insertion, removal, and pairs of visits made from them."""
