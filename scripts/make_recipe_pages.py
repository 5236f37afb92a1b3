"""Write a page for each shipped recipe, and their index, into docs/recipes.

python scripts/make_recipe_pages.py [--check]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from newlesions import house
from newlesions.images.files import write_text
from newlesions.recipes.page import make

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "recipes"
MEASURED = "measured.tsv"


def main(arguments: list[str] | None = None) -> int:
    """Write what changed and remove pages of recipes that are gone; with --check only say so. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 where a page is stale")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pages lie (docs/recipes)")
    options = parser.parse_args(arguments)
    pages = make(house.recipes(), options.folder / MEASURED)
    wanted = {options.folder / f"{name}.md": text for name, text in pages.items()}
    gone = [path for path in sorted(options.folder.glob("*.md")) if path not in wanted]
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in [*stale, *gone]:
        print(f"{path.name}: {'gone' if path in gone else 'stale' if options.check else 'written'}")
    if options.check:
        return int(bool(stale or gone))
    for path in stale:
        write_text(path, wanted[path])
    for path in gone:
        path.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
