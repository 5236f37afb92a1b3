"""``python -m newlesions`` is the command line."""

import sys

from newlesions.cli import main

if __name__ == "__main__":
    sys.exit(main())
