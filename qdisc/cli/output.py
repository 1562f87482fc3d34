"""Printing: results to stdout, messages to stderr, tables that fit a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from qdisc.show.printable import printable


def say(text: object = "") -> None:
    """Print a line of a result to stdout."""
    print(_encodable(printable(text), sys.stdout))


def warn(text: object) -> None:
    """Print a message to stderr."""
    print(_encodable(printable(text), sys.stderr), file=sys.stderr)


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Align cells in columns, two spaces apart."""
    cells = [list(header), *([str(cell) for cell in row] for row in rows)]
    wide = [max(len(row[n]) for row in cells) for n in range(len(header))]
    lines = ("  ".join(c.ljust(w) for c, w in zip(row, wide, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _encodable(text: str, stream: object) -> str:
    """A terminal that knows only ASCII gets "?", not an exception."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)
