"""Read arrays and attributes out of a file that `safe_open` has walked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import h5py
import h5py.h5a as h5a
import h5py.h5t as h5t
import h5py.h5z as h5z
import numpy as np

from qdisc.dataset.places import place
from qdisc.dataset.safe_hdf5 import h5_errors
from qdisc.errors import DataError, QdiscError

CHUNK_BYTES = 64 << 20
_INFLATES_TO_LITTLE = 1 << 20  # stored bytes of a chunk that cannot inflate past 1 GiB


def read_array(
    dataset: Any,
    *,
    kinds: str = "biuf",
    ndim: int | None = None,
    start: int | None = None,
    stop: int | None = None,
    error: type[QdiscError] = DataError,
) -> np.ndarray:
    """Return a numeric dataset, or rows start..stop of it, in native byte order.

    Args:
        dataset: An h5py object; a group is refused with a message.
        kinds: NumPy kinds that are welcome.
        ndim: Number of axes wanted.
        start: First row.
        stop: Row behind the last one.
        error: Class of the errors raised.

    Raises:
        QdiscError: Not a dataset, not numbers, the wrong number of axes, or unreadable.
    """
    check_array(dataset, kinds=kinds, ndim=ndim, error=error)
    with h5_errors(dataset.file.filename, dataset.name, error):
        rows = slice(start, stop) if dataset.ndim else ()
        array = np.asarray(dataset[rows])
        return array.astype(array.dtype.newbyteorder("="), copy=False)


def row_chunks(
    dataset: Any, *, nbytes: int = CHUNK_BYTES, error: type[QdiscError] = DataError
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield (first row, rows) of about `nbytes` each, in whole HDF5 chunks."""
    check_array(dataset, error=error)
    width = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:], dtype=np.int64)))
    step = max(1, nbytes // width)
    if dataset.chunks:
        step = max(step // dataset.chunks[0], 1) * dataset.chunks[0]
    for start in range(0, dataset.shape[0], step):
        yield start, read_array(dataset, start=start, stop=start + step, error=error)


def check_array(
    dataset: Any,
    *,
    kinds: str = "biuf",
    ndim: int | None = None,
    error: type[QdiscError] = DataError,
) -> None:
    """Refuse what is not a numeric dataset, before a byte of it is read."""
    path, inner = dataset.file.filename, dataset.name
    where = place(path, inner)
    if not isinstance(dataset, h5py.Dataset):
        raise error("a dataset is wanted here", where=where, value=type(dataset).__name__)
    with h5_errors(path, inner, error):
        dtype, shape = dataset.dtype, dataset.shape
        if dtype.kind not in kinds:
            raise error("numbers are wanted here", where=where, value=str(dtype))
        if shape is None or (ndim is not None and len(shape) != ndim):
            raise error("the number of axes is wrong", where=where, value=f"shape {shape}",
                        hint=f"{ndim} axes")  # fmt: skip
        _refuse_bombs(dataset, error)


def read_attribute(
    obj: Any, name: str, default: Any = None, *, error: type[QdiscError] = DataError
) -> Any:
    """Return an attribute as plain Python or NumPy: text, tuple of texts, number or array.

    Bytes of fixed or variable length become text; an absent attribute gives `default`.
    """
    path, inner = obj.file.filename, f"{obj.name}@{name}"
    with h5_errors(path, inner, error):
        key = name.encode()
        if not h5a.exists(obj.id, key):
            return default
        code = h5a.open(obj.id, key).get_type().get_class()
        if code not in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM):
            raise error("text or numbers are wanted here", where=place(path, inner))
        value = obj.attrs[name]
        if isinstance(value, h5py.Empty):
            return "" if code == h5t.STRING else default
        if isinstance(value, str | bytes):
            return _text(value)
        if code == h5t.STRING:
            return tuple(_text(item) for item in np.ravel(value).tolist())
        return value.item() if np.ndim(value) == 0 else np.asarray(value)


def _text(value: Any) -> str:
    text = value.decode("utf-8") if isinstance(value, bytes) else str(value)
    return text.rstrip("\x00")


def _refuse_bombs(dataset: h5py.Dataset, error: type[QdiscError]) -> None:
    """Refuse compressed chunks that hold more than a chunk: HDF5 would inflate them whole."""
    plan = dataset.id.get_create_plist()
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if h5z.FILTER_DEFLATE not in filters or not hasattr(dataset.id, "chunk_iter"):
        return
    deflate = filters.index(h5z.FILTER_DEFLATE)
    holds = int(np.prod(plan.get_chunk(), dtype=np.int64)) * dataset.dtype.itemsize + 64
    large: list[tuple[int, ...]] = []

    def look(chunk: Any) -> None:
        packed = not chunk.filter_mask >> deflate & 1
        if packed and chunk.size > _INFLATES_TO_LITTLE:
            large.append(chunk.chunk_offset)

    dataset.id.chunk_iter(look)
    for offset in large:
        where = place(dataset.file.filename, str(dataset.name))
        _, raw = dataset.id.read_direct_chunk(offset)
        try:
            inflated = zlib.decompressobj().decompress(raw, holds + 1)
        except zlib.error as problem:
            raise error("a compressed chunk is damaged", where=where, value=str(problem),
                        hint="copy the file again") from problem  # fmt: skip
        if len(inflated) > holds:
            raise error(
                "a compressed chunk holds more than a chunk; this is refused",
                where=where,
                value=f"chunk at {offset}, {len(raw)} bytes stored",
            )
