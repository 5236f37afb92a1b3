"""Filling templates. All text is escaped; a name that a template misses is an error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import jinja2

from newlesions.report.tables import coordinates, shown


def render(template: str, context: Mapping[str, object]) -> str:
    """The page that ``template`` (a file of the ``templates`` folder) gives with ``context``."""
    return _environment().get_template(template).render(context)


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("newlesions.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    environment.filters["coordinates"] = coordinates
    return environment
