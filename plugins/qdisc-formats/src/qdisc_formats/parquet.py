"""Loader of Parquet tables (needs pyarrow: `pip install 'qdisc-formats[parquet]'`).

The columns are those of a text table: bit strings, lists of one length, or one column per site;
theta and counts beside them. Only the columns that take part are read when the recipe names them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.json_file import peek
from qdisc_formats.report import Report
from qdisc_formats.table import TableConfig, from_table

MAX_VALUES = 1 << 28  # numbers of a table that are read: 2 GiB as float64
_MOST_COLUMNS = 5000
_OF_LIBRARIES = (b"ARROW:schema", b"pandas")


class ParquetLoader:
    """Reads Parquet tables."""

    spec = LoaderSpec(
        name="parquet",
        summary="Parquet tables (needs pyarrow): bit strings, lists, or one column per site",
        version="1.0.0",
        data_kinds=("discrete", "continuous"),
        site_order="column or list entry i is site i; bit strings: as `site_order` says",
    )
    Config = TableConfig

    def guess(self, path: Path) -> bool:
        """True for files that begin and end with Parquet's mark."""
        seen = peek(Path(path), 64)
        return seen[:4] == b"PAR1" and seen[-4:] == b"PAR1"

    def load(self, path: Path, config: TableConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: pyarrow is not installed; damaged, too large, columns that are not plain.
        """
        path, report = Path(path), Report()
        return from_table(read_parquet(path, config, report), True, config, report)


loader = ParquetLoader()


def read_parquet(path: Path, config: TableConfig, report: Report) -> dict[str, np.ndarray]:
    """Columns by name; all of them unless the recipe names samples and theta.

    What the schema says besides, apart from notes of libraries to themselves, is kept in the
    report's metadata.

    Raises:
        DataError: As `ParquetLoader.load`.
    """
    where = str(path)
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise DataError(
            "Parquet files are read through pyarrow, which is not installed", where=where,
            hint="pip install 'qdisc-formats[parquet]'",
        ) from error  # fmt: skip
    try:
        with parquet.ParquetFile(path) as file:
            names = _wanted(list(file.schema_arrow.names), config)
            _bounded(file.metadata, names, where)
            said = (file.metadata.metadata or {}).items()
            report.metadata |= {_text(k): _text(v) for k, v in said if k not in _OF_LIBRARIES}
            table = file.read(columns=names, use_threads=False)
            values = sum(table.column(name).nbytes for name in names)
            if values > 8 * MAX_VALUES:
                raise DataError("the table is larger than is read", where=where,
                                value=f"{values} bytes")  # fmt: skip
            return {name: _column(table.column(name), name, where) for name in names}
    except DataError:
        raise
    except Exception as error:  # pyarrow has a class of errors for every way to be damaged
        raise DataError("the file is damaged, or is no Parquet table", where=where,
                        value=f"{type(error).__name__}: {error}"[:200],
                        hint="copy it again") from error  # fmt: skip


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _wanted(names: list[str], config: TableConfig) -> list[str]:
    """The named columns, if samples and theta are named; else all."""
    if config.samples is None or config.theta_names is None:
        return names
    samples = (config.samples,) if isinstance(config.samples, str) else config.samples
    named = [*samples, *config.theta_names, *([config.counts] if config.counts else [])]
    return [name for name in names if name in named]


def _bounded(metadata: Any, names: list[str], where: str) -> None:
    rows = metadata.num_rows
    if len(names) > _MOST_COLUMNS or rows < 1 or rows * len(names) > MAX_VALUES:
        raise DataError(
            "the table is empty" if rows < 1 else "the table is larger than is read", where=where,
            value=f"{rows} rows, {len(names)} columns",
            hint="samples = ... and theta_names = ... read only these columns",
        )  # fmt: skip
    size = sum(metadata.row_group(g).total_byte_size for g in range(metadata.num_row_groups))
    if size > 8 * MAX_VALUES:
        raise DataError("the table is larger than is read", where=where, value=f"{size} bytes")


def _column(column: Any, name: str, where: str) -> np.ndarray:
    """Numbers (rows,), text (rows,), or lists of one length (rows, n)."""
    import pyarrow as arrow
    import pyarrow.compute as compute

    kind, place = column.type, f"{where}, column {name!r}"
    if column.null_count:
        raise DataError("a column has gaps", where=place, value=f"{column.null_count} nulls")
    if arrow.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    listed = arrow.types.is_list(kind) or arrow.types.is_large_list(kind)
    if listed or arrow.types.is_fixed_size_list(kind):
        flat = compute.list_flatten(column)
        lengths = np.unique(compute.list_value_length(column).to_numpy())
        if lengths.size != 1 or flat.null_count:
            raise DataError("lists of one length, without gaps, are wanted", where=place,
                            value=f"lengths {lengths[:5].tolist()}")  # fmt: skip
        return _column(flat, name, where).reshape(len(column), -1)
    if arrow.types.is_string(kind) or arrow.types.is_large_string(kind):
        return np.array(column.to_pylist())
    if (
        arrow.types.is_boolean(kind)
        or arrow.types.is_integer(kind)
        or arrow.types.is_floating(kind)
    ):
        return np.asarray(column.to_numpy())
    return np.array([str(kind)] * len(column))  # words that nobody reads as numbers
