"""Text tables (CSV, TSV, blanks) read column by column, with the line in every message."""

from __future__ import annotations

import csv
from pathlib import Path

from qdisc.errors import DataError

MAX_BYTES = 1 << 30


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        DataError: Not there, too large, not UTF-8, or with NUL bytes (a binary file).
    """
    where = str(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(
                "the file is larger than text is read here", where=where, value=f"{size} bytes",
                hint="split it into a folder of files",
            )  # fmt: skip
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError("the file cannot be read", where=where,
                        value=error.strerror or str(error)) from error  # fmt: skip
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8 text", where=f"{where}, byte {error.start}",
                        value=str(error.reason)) from error  # fmt: skip
    if "\0" in text:
        raise DataError("the file holds NUL bytes: it is no text", where=where)
    return text


def delimiter_of(line: str) -> str | None:
    """Tab, semicolon or comma, whichever is in the line; None for blanks."""
    return next((sign for sign in "\t;," if sign in line), None)


def split_lines(text: str, where: str) -> list[tuple[int, list[str]]]:
    """Fields of every line that holds some, with its number; lines that begin with # are left out.

    Raises:
        DataError: A quotation mark that is never closed, or a field without end.
    """
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1)
             if line.strip() and not line.lstrip().startswith("#")]  # fmt: skip
    if not lines:
        raise DataError("the file holds no line of data", where=where)
    sign = delimiter_of(lines[0][1])
    if sign is None:
        return [(n, line.split()) for n, line in lines]
    reader = csv.reader((line for _, line in lines), delimiter=sign, strict=True)
    out = []
    for n, _ in lines:
        try:
            out.append((n, [field.strip() for field in next(reader)]))
        except (csv.Error, StopIteration) as error:
            raise DataError("the line is no row of a table", where=f"{where}, line {n}",
                            value=str(error) or "an open quotation mark") from error  # fmt: skip
    return out


def read_table(path: Path) -> dict[str, list[str]]:
    """Columns by the names in the first line.

    Raises:
        DataError: As `read_text`; a name twice, or a line with another number of fields.
    """
    (first, header), *rows = split_lines(read_text(path), str(path))
    if len(set(header)) != len(header) or not all(header):
        raise DataError("each column needs a name of its own", value=header,
                        where=f"{path}, line {first}")  # fmt: skip
    if not rows:
        raise DataError("the table has no rows", where=str(path), value=header)
    for n, row in rows:
        if len(row) != len(header):
            raise DataError("the line has another number of fields than the first one",
                            where=f"{path}, line {n}", value=f"{len(row)} fields",
                            hint=f"{len(header)} fields: {', '.join(header[:8])}")  # fmt: skip
    return {name: [row[i] for _, row in rows] for i, name in enumerate(header)}
