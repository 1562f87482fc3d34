"""Loader of text tables: bit strings, one per line, or columns (CSV, TSV, blanks).

    0110                 h,s0,s1,s2,s3           h (MHz);bits;count
    0100                 0.5,0,1,1,0             0.5;0110;12

Lines that begin with # are metadata. Bit strings need `site_order`; numbered columns do not.
"""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.json_file import peek
from qdisc_formats.report import Report
from qdisc_formats.settings import number
from qdisc_formats.table import BIT_STRINGS, TableConfig, from_table
from qdisc_formats.table_file import read_text, split_lines

_MOST_COMMENTS = 100
_LINE = re.compile(rb"[01]{2,}\Z")


class CsvConfig(TableConfig):
    """Options of the loader of text tables.

    Attributes:
        header: Whether the first line names the columns; default when it holds a word.
    """

    header: bool | None = None


class CsvLoader:
    """Reads bit strings and tables of text."""

    spec = LoaderSpec(
        name="csv",
        summary="text tables (CSV, TSV, blanks) and bit strings, one snapshot per line",
        version="1.0.0",
        data_kinds=("discrete", "continuous"),
        site_order="column i of the sites is site i; bit strings: as `site_order` says",
    )
    Config = CsvConfig

    def guess(self, path: Path) -> bool:
        """True for text whose first lines are bit strings, or rows of at least two numbers."""
        seen = peek(Path(path), 4096)
        if not seen or b"\0" in seen or seen.lstrip()[:1] in (b"{", b"["):
            return False
        try:
            text = seen.decode("utf-8-sig")
        except UnicodeDecodeError:
            return False
        lines = [line.strip() for line in text.splitlines()]
        rows = [line for line in lines if line and not line.startswith("#")][:3]
        return len(rows) > 0 and all(_is_row(row) for row in rows[1:] or rows)

    def load(self, path: Path, config: CsvConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Not a table, a line that is no row, columns that are not plain.
        """
        path = Path(path)
        text = read_text(path)
        strings = {config.samples} if isinstance(config.samples, str) else set()
        columns, header = read_columns(text, str(path), config.header, strings)
        report = Report()
        comments = [line for line in text.splitlines() if line.lstrip().startswith("#")]
        if comments:
            report.metadata["comments"] = comments[:_MOST_COMMENTS]
        return from_table(columns, header, config, report)


loader = CsvLoader()


def read_columns(
    text: str, where: str, header: bool | None, strings: Container[str] = ()
) -> tuple[dict[str, np.ndarray], bool]:
    """Columns of a text table by name (c0, c1, ... without a header), and whether it has one.

    Args:
        text: The table.
        where: Name of the file, for messages.
        header: Whether the first line names the columns; None decides by its words.
        strings: Columns that stay text.

    Raises:
        DataError: As `split_lines`; lines of different lengths; a field that is no number in a
            column of numbers, with line and column.
    """
    rows = split_lines(text, where)
    if header is None:
        header = any(number(field) is None for field in rows[0][1]) and len(rows) > 1
    names = rows[0][1] if header else [f"c{i}" for i in range(len(rows[0][1]))]
    body = rows[1:] if header else rows
    if not body:
        raise DataError("the table has no rows", where=where, value=names)
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError("two columns have one name", where=f"{where}, line {rows[0][0]}",
                        value=twice)  # fmt: skip
    for n, row in body:
        if len(row) != len(names):
            raise DataError("the line has another number of fields than the first one",
                            where=f"{where}, line {n}", value=f"{len(row)} fields",
                            hint=f"{len(names)} fields")  # fmt: skip
    lines = [n for n, _ in body]
    columns = zip(*(row for _, row in body), strict=True)
    return {
        name: np.array(fields) if name in strings or name.lower() in BIT_STRINGS
        else _column(fields, lines, f"{where}, column {name!r}")
        for name, fields in zip(names, columns, strict=True)
    }, header  # fmt: skip


def _column(fields: tuple[str, ...], lines: list[int], where: str) -> np.ndarray:
    """Numbers, or text when the column holds bit strings or words."""
    strings = all(len(f) == len(fields[0]) > 1 and set(f) <= {"0", "1"} for f in fields)
    if strings and len(fields[0]) > 1:  # "10" is a string of bits here, not the number ten
        return np.array(fields)
    try:
        return np.array(fields, dtype=np.float64)
    except ValueError:
        pass
    words = [number(field) is None for field in fields]
    if all(words):
        return np.array(fields)
    first = words.index(True)
    if sum(words) * 2 < len(words):
        raise DataError("a field is no number, as others in its column are", value=fields[first],
                        where=f"{where}, line {lines[first]}")  # fmt: skip
    return np.array(fields)


def _is_row(line: str) -> bool:
    fields = [field.strip() for field in re.split(r"[,;\t]", line)]
    fields = line.split() if len(fields) == 1 else fields
    if len(fields) == 1:
        return _LINE.match(fields[0].encode()) is not None
    numbers = sum(number(field) is not None for field in fields)
    return numbers >= 2 and numbers >= len(fields) - 2
