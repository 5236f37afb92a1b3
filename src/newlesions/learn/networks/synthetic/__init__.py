"""Pairs of visits made on the fly from single ones, and the networks that take lesions away and put them in."""
