"""``newlesions diff``."""

import argparse


def command(args: argparse.Namespace) -> int:
    """Later."""
    raise NotImplementedError
