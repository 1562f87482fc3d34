"""Strangers' words on figures: names and units from files must never reach the maths parser."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

LONGEST = 48


def plain(text: object, longest: int = LONGEST) -> str:
    r"""Make any text safe to draw: one line, no control characters, `$` not read as maths.

    Characters that matplotlib's own font lacks become "?", as they would otherwise warn on every
    drawing and leave an empty box.
    """
    line = " ".join(str(text).split())
    kept = "".join(c for c in line if not unicodedata.category(c).startswith("C"))
    if len(kept) > longest:
        kept = kept[: longest - 3] + "..."
    known = _characters()
    return "".join(c if ord(c) in known else "?" for c in kept).replace("$", r"\$")


def labelled(name: object, units: object = "1", longest: int = LONGEST) -> str:
    """Return "name (units)"; a pure number carries no bracket."""
    unit, words = str(units).strip(), plain(name, longest)
    return words if unit in ("", "1") else f"{words} ({plain(unit, 24)})"


def setting(name: object, value: float, units: object = "1") -> str:
    """Return "name = value units" as it is, for a title that still goes through `plain`."""
    unit = str(units).strip()
    return f"{name} = {value:.4g}" + ("" if unit in ("", "1") else f" {unit}")


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap())
