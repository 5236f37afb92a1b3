"""Pictures as text inside a page."""

from __future__ import annotations

import base64
import io

from newlesions.report.figures import Picture


def data_uri(picture: Picture, quality: int = 85) -> str:
    """``picture``, uint8 of shape (rows, columns) or (rows, columns, 3), as a WebP data URI.

    Equal pictures give equal text with one version of Pillow: the format stores no clock and no name.
    """
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
