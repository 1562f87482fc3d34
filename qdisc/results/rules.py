"""Rules about one attribute and one variable."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any, TypeAlias

import h5py
import h5py.h5o as h5o
import h5py.h5z as h5z
import numpy as np

from qdisc.dataset.safe_read import read_attribute
from qdisc.errors import ResultError
from qdisc.results import tree
from qdisc.results.attributes import MAX_TEXT, decode
from qdisc.results.findings import Finding
from qdisc.results.schema import DTYPES, RESERVED

Sizes: TypeAlias = dict[str, tuple[int, str]]
Attached: TypeAlias = dict[tuple[int, int], list[str]]
_FILTERS = (h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE)


def check_attributes(node: Any, path: str) -> Generator[Finding, None, dict[str, Any]]:
    """Yield findings about all attributes of an object; return those that can be read."""
    out: dict[str, Any] = {}
    for name in sorted(node.attrs):
        if name in RESERVED:
            continue
        where = f"{path}@{name}"
        try:
            value = read_attribute(node, name, error=ResultError)
        except ResultError as error:
            yield Finding("QD010", "ERROR", where, error.what, "text or numbers")
            continue
        out[name] = value
        texts = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        longest = max((len(text.encode("utf-8", "replace")) for text in texts), default=0)
        if longest >= MAX_TEXT:
            message = f"a text of {longest} bytes"
            yield Finding("QD009", "ERROR", where, message, f"fewer than {MAX_TEXT}; split it")
    return decode(out)


def check_variable(
    dataset: h5py.Dataset, path: str, sizes: Sizes, attached: Attached
) -> Iterator[Finding]:
    """Yield findings about one dataset.

    Args:
        dataset: It.
        path: Its path.
        sizes: Size of every dimension met so far, and where; filled here.
        attached: The scales of each axis, from `tree.attached_scales`.
    """
    attrs = yield from check_attributes(dataset, path)
    if dataset.dtype.kind in "OSUV" and _is_text(dataset.dtype):
        yield Finding("QD011", "ERROR", path, "text in a dataset",
                      "use attributes, or whole numbers with flag_meanings")  # fmt: skip
        return
    enum = h5py.check_enum_dtype(dataset.dtype) is not None
    if enum or dataset.dtype.name not in DTYPES or dataset.shape is None:
        name = "an enumeration" if enum else str(dataset.dtype)
        yield Finding("QD016", "ERROR", path, f"numbers stored as {name}", _dtype_hint(name))
    for name, code in (("units", "QD012"), ("long_name", "QD013")):
        if not isinstance(attrs.get(name), str) or not attrs[name]:
            hint = 'add units="1"' if name == "units" else 'add long_name="..."'
            yield Finding(code, "ERROR", path, f"no {name}", hint)
    plan = dataset.id.get_create_plist()
    codes = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if set(codes) - set(_FILTERS):
        yield Finding("QD017", "ERROR", path, f"filters {codes}", "gzip and shuffle only")
    yield from _flags(path, attrs)
    yield from _dims(dataset, path, attrs.get("dims"), sizes, attached)


def _is_text(dtype: np.dtype) -> bool:
    return dtype.kind in "SU" or h5py.check_string_dtype(dtype) is not None


def _dtype_hint(name: str) -> str:
    if name.startswith("complex"):
        return "store real and imaginary part along a last axis of length 2"
    return "int8-64, uint8-64, float32 or float64; truth values as uint8"


def _flags(path: str, attrs: dict[str, Any]) -> Iterator[Finding]:
    if "flag_values" not in attrs and "flag_meanings" not in attrs:
        return
    values, words = np.atleast_1d(attrs.get("flag_values", ())), attrs.get("flag_meanings", "")
    if not isinstance(words, str) or len(words.split()) != values.size:
        message = "flag_values and flag_meanings do not fit"
        yield Finding("QD023", "ERROR", path, message, "one word per value, with blanks between")


def _dims(
    dataset: h5py.Dataset, path: str, dims: Any, sizes: Sizes, attached: Attached
) -> Iterator[Finding]:
    if not isinstance(dims, list):
        yield Finding("QD014", "ERROR", path, "no dims", "add one name per axis, in C order")
        return
    if len(dims) != dataset.ndim or len(set(dims)) != len(dims):
        message = f"dims {dims} on an array of shape {dataset.shape}"
        yield Finding("QD014", "ERROR", path, message, "one different name per axis")
        return
    own = dims == [path.rpartition("/")[2]]
    if own and not tree.has_scale_class(dataset):
        yield Finding("QD018", "ERROR", path, "named like its dimension, but not its scale",
                      "make it a dimension scale")  # fmt: skip
    for dim, size in zip(dims, dataset.shape, strict=True):
        known, where = sizes.setdefault(dim, (size, path))
        if size != known:
            message = f"dimension {dim} has {size} entries here and {known} in {where}"
            yield Finding("QD015", "ERROR", path, message, "use different names")
    if not own:
        yield from _attached(dataset, path, dims, attached)


def _attached(
    dataset: h5py.Dataset, path: str, dims: list[str], attached: Attached
) -> Iterator[Finding]:
    address = int(h5o.get_info(dataset.id).addr)
    for axis, dim in enumerate(dims):
        names = attached.get((address, axis), [])
        if names != [dim] or "DIMENSION_LIST" not in dataset.attrs:
            message = f"axis {axis} has the scales {names}, not {dim}"
            yield Finding("QD018", "ERROR", path, message, f"attach the scale {dim} to it")
