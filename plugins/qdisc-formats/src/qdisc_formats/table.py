"""Snapshots in a table: which columns are sites, which are theta, which count.

One row is one snapshot (or, with a column of counts, one configuration). The sites are a column of
bit strings, a column of lists, or one column each. What the header does not make plain, the recipe
says; columns that take no part are reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from qdisc import Dataset
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.theta import unique_points
from qdisc.errors import ConfigError, DataError, nearest

from qdisc_formats.bits import in_order, said_order, strings_to_rows
from qdisc_formats.codes import Coded, as_codes
from qdisc_formats.options import BitConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import axis_name, number

_COUNTS = ("count", "counts")
BIT_STRINGS = ("bits", "bitstring", "bitstrings", "configuration", "outcome", "snapshot", "state")
_IGNORED = ("", "id", "index", "repetition", "run", "sample", "seed", "shot")
_SITE = re.compile(r"(.*?)[_\[(]?(\d+)[\])]?\Z")


class TableConfig(BitConfig):
    """Options of loaders of tables. `theta` takes one number per axis here.

    Attributes:
        samples: The column of bit strings or lists, or the columns of the sites in their order.
        counts: The column that says how often a row was seen.
        theta_names: The columns that are theta; default all other columns of numbers that vary.
        data_type: discrete or continuous; default discrete when all numbers are whole.
        values: Whether whole numbers are "codes" or "physical" values (spins -1, +1); default
            physical when one is below 0.
    """

    samples: str | tuple[str, ...] | None = None
    counts: str | None = None
    data_type: Literal["discrete", "continuous"] | None = None
    values: Literal["codes", "physical"] | None = None


Column = np.ndarray  # numbers (rows,), text (rows,), or numbers (rows, sites)


def from_table(
    columns: Mapping[str, Column], header: bool, config: TableConfig, report: Report
) -> Dataset:
    """The Dataset of a table.

    Args:
        columns: By name: numbers, text, or lists as (rows, n) numbers.
        header: Whether the file names its columns; else they are c0, c1, ...
        config: What the recipe says.
        report: Where the choices are noted.

    Raises:
        DataError: A column that is not there, columns of sites that are not plain, values that
            are no codes or no settings.
        ConfigError: `theta` with more than one number per axis.
    """
    sites = _site_columns(columns, header, config)
    coded, order = _coded(columns, sites, config)
    columns = {name: column if name in sites else _as_numbers(column)
               for name, column in columns.items()}  # fmt: skip
    left = [name for name in columns if name not in sites]
    counts = _count_column(left, config)
    weight = None if counts is None else _whole(columns[counts], counts)
    if counts is not None:
        report.note(f"column {counts!r} says how often a row was seen")
    names = [name for name in left if name != counts]
    axes, values, known = _theta(columns, names, config, report, coded.rows.shape[0])
    unused = [name for name in names if name not in axes]
    if unused:
        words = ", ".join(repr(name) for name in unused[:12])
        report.note(f"columns that take no part: {words}" + (" ..." if len(unused) > 12 else ""))
    points, point = unique_points(values)
    report.read = coded.rows.shape[0] if weight is None else int(weight.sum())
    short = [axis_name(axis)[0] for axis in axes]
    options: dict[str, Any] = {
        "data_type": coded.data_type, "local_states": coded.local_states, "theta_names": short,
        "theta_units": config.units(short, known), "periodic": config.periodic,
        "name": config.name or "", "source": report.source() | {"bit_order": order},
    }  # fmt: skip
    if weight is None:
        return Dataset.from_points(coded.rows, point, points, **options)
    rows, index = np.unique(coded.rows, axis=0, return_inverse=True)
    matrix = CountMatrix.from_pairs(point, index.reshape(-1), weight, points.shape[0], len(rows))
    return Dataset.from_configurations(rows, matrix, points, **options)


def _site_columns(
    columns: Mapping[str, Column], header: bool, config: TableConfig
) -> tuple[str, ...]:
    """Names of the columns that hold the sites, in their order."""
    if config.samples is not None:
        named = (config.samples,) if isinstance(config.samples, str) else config.samples
        for name in named:
            _there(name, columns, "samples")
        return named
    said = {*(config.theta_names or ()), config.counts}
    free = [name for name in columns if name not in said]
    wide = [name for name in free if columns[name].ndim == 2]
    texts = [name for name in free if columns[name].dtype.kind in "UO" and columns[name].ndim == 1]
    called = [name for name in texts if name.lower() in BIT_STRINGS] if header else texts
    if len(wide) + len(called) == 1:
        return (*wide, *called)
    if wide or (texts and not header):
        return _ask(columns, "several columns hold text or lists")
    if not header:
        flat = np.concatenate([columns[name] for name in free]) if free else np.zeros(0)
        if flat.size and set(np.unique(flat).tolist()) <= {-1.0, 0.0, 1.0}:
            return tuple(free)
        return _ask(columns, "without a header, nothing says which columns are sites")
    return _numbered(columns, free)


def _numbered(columns: Mapping[str, Column], free: Sequence[str]) -> tuple[str, ...]:
    """Columns s0, s1, ...: one name, counted from 0 or 1 in the order of the file."""
    groups: dict[str, list[tuple[int, str]]] = {}
    for name in free:
        match = _SITE.match(name)
        if match and columns[name].dtype.kind in "biuf":
            groups.setdefault(match[1], []).append((int(match[2]), name))
    many = [group for group in groups.values() if len(group) > 1]
    if len(many) != 1:
        return _ask(columns, "nothing says which columns are sites")
    numbers = [number for number, _ in many[0]]
    if numbers not in (list(range(len(numbers))), list(range(1, len(numbers) + 1))):
        return _ask(columns, "the columns of the sites are not in the order of their numbers")
    return tuple(name for _, name in many[0])


def _ask(columns: Mapping[str, Column], what: str) -> tuple[str, ...]:
    names = list(columns)
    shown = ", ".join(f'"{name}"' for name in names[:6]) + (", ..." if len(names) > 6 else "")
    raise DataError(
        what, where="columns", value=names[:20],
        hint=f'samples = [{shown}] names the columns of the sites, samples = "..." a column of bit '
        "strings; theta_names = [...] those of theta",
    )  # fmt: skip


def _coded(
    columns: Mapping[str, Column], sites: tuple[str, ...], config: TableConfig
) -> tuple[Coded, str]:
    """Codes, and in words which site is where."""
    options: dict[str, Any] = {
        "data_type": config.data_type, "local_states": config.local_states, "values": config.values,
    }  # fmt: skip
    first = columns[sites[0]]
    if len(sites) == 1 and first.ndim == 1 and first.dtype.kind in "UO":
        rows = strings_to_rows([str(text) for text in first], f"column {sites[0]!r}")
        rows = in_order(rows, config.site_order, f"column {sites[0]!r}")
        order = said_order(config.site_order, f"column {sites[0]!r}")
        options["values"] = config.values or "codes"  # a character counts the levels
        return as_codes(rows, f"column {sites[0]!r}", **options), order.get("bit_order", "one site")
    if len(sites) == 1 and first.ndim == 2:
        return as_codes(first, f"column {sites[0]!r}", **options), (
            f"entry i of the lists in column {sites[0]!r} is site i"
        )
    for name in sites:
        if columns[name].dtype.kind not in "biuf" or columns[name].ndim != 1:
            raise DataError("a column of a site holds numbers", where=f"column {name!r}",
                            value=_example(columns[name]))  # fmt: skip
    table = np.stack([columns[name] for name in sites], axis=1)
    shown = ", ".join(sites[:3]) + (" ..." if len(sites) > 3 else "")
    return as_codes(table, "sites", **options), f"columns {shown} are sites 0, 1, ..."


def _count_column(names: Sequence[str], config: TableConfig) -> str | None:
    if config.counts is not None:
        return _there(config.counts, names, "counts")
    found = [name for name in names if name.lower() in _COUNTS]
    return found[0] if len(found) == 1 and found[0] not in (config.theta_names or ()) else None


def _whole(column: Column, name: str) -> np.ndarray:
    if column.dtype.kind not in "biuf":
        raise DataError("counts are whole numbers", where=f"column {name!r}",
                        value=_example(column))  # fmt: skip
    bad = ~((column >= 0) & (column <= 2**53) & (column == np.floor(column)))
    if bad.any():
        row = int(np.argmax(bad))
        raise DataError("a count is a whole number >= 0", where=f"column {name!r}, row {row}",
                        value=column[row].item())  # fmt: skip
    return column.astype(np.int64)


def _theta(
    columns: Mapping[str, Column],
    names: list[str],
    config: TableConfig,
    report: Report,
    rows: int,
) -> tuple[list[str], np.ndarray, dict[str, str]]:
    """Columns that are theta, their values (rows, k) and the units in their names."""
    if isinstance(config.theta, str):
        raise ConfigError("the settings are columns of the table itself", where="data.theta",
                          value=config.theta, hint="theta_names = [...]")  # fmt: skip
    fixed = dict(config.theta or {})
    if config.theta_names is not None:
        axes = [_there(name, columns, "theta_names") for name in config.theta_names]
    elif fixed:
        axes = []
    else:
        axes = [name for name in names if name.lower() not in _IGNORED and _varies(columns[name])]
    constant = {
        name: columns[name][0].item() for name in names
        if name not in axes and name.lower() not in _IGNORED and columns[name].dtype.kind in "biuf"
        and columns[name].ndim == 1 and columns[name].size and not _varies(columns[name])
    }  # fmt: skip
    if constant:
        report.metadata["constant"] = constant
    parts = []
    for name in axes:
        column = columns[name]
        if column.dtype.kind not in "biuf" or column.ndim != 1 or not np.isfinite(column).all():
            raise DataError("a setting is a finite number", where=f"column {name!r}",
                            value=_example(column))  # fmt: skip
        parts.append(column.astype(np.float64))
    for name, value in fixed.items():
        if not isinstance(value, int | float):
            raise ConfigError("one number per axis; what varies is a column", value=value,
                              where=f"data.theta.{name}", hint="theta_names = [...]")  # fmt: skip
        parts.append(np.full(rows, float(value)))
    axes = [*axes, *fixed]
    if not axes:
        report.note("theta: nothing varies, so that there is one setting (axis `setting` = 0)")
        return ["setting"], np.zeros((rows, 1)), {}
    report.note(f"theta: {', '.join(axes)}")
    known = {name: unit for name, unit in map(axis_name, axes) if unit}
    return axes, np.stack(parts, axis=1), known


def _as_numbers(column: Column) -> Column:
    """A column of numbers that are written as text, as numbers ("10" need not be bits)."""
    if column.dtype.kind not in "UO" or column.ndim != 1:
        return column
    texts, index = np.unique(column.astype(str), return_inverse=True)
    numbers = [number(text) for text in texts.tolist()]
    return column if None in numbers else np.array(numbers, np.float64)[index.reshape(-1)]


def _varies(column: Column) -> bool:
    return column.ndim == 1 and column.dtype.kind in "biuf" and np.unique(column).size > 1


def _there(name: str, names: Any, key: str) -> str:
    if name not in names:
        raise DataError("the table has no such column", where=f"data.{key}", value=name,
                          hint=nearest(name, names))  # fmt: skip
    return name


def _example(column: Column) -> Any:
    """The first entry that is no finite number."""
    for value in column.reshape(-1)[:100_000].tolist():
        if number(value) is None:
            return value
    return str(column.dtype)
