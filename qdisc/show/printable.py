"""Strangers' words on a terminal: no control characters, so that no file can move the cursor."""

from __future__ import annotations

import unicodedata


def printable(text: object) -> str:
    """Replace control and unassigned characters of a text by "?"; line breaks stay."""
    return "".join(
        c if c == "\n" or unicodedata.category(c)[0] != "C" else " " if c == "\t" else "?"
        for c in str(text)
    )
