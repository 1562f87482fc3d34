"""Open a stranger's HDF5 file: look at everything, follow nothing, allocate only what is stored.

An HDF5 file can point at other files (external links, external storage, virtual datasets), can
declare terabytes in two kilobytes, and can run any filter that is installed. `safe_open` walks the
whole file before anything is read and refuses all of that, naming the place; of a file that holds
more than is wanted, it can walk the wanted paths `only`, part by part. Limits are stated in
`Limits`; `safe_read` (`read_array`, `row_chunks`, `read_attribute`) reads what passed.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import h5py
import h5py.h5a as h5a
import h5py.h5d as h5d
import h5py.h5o as h5o
import h5py.h5z as h5z
import numpy as np

from qdisc.dataset.global_heap import broken_heap
from qdisc.dataset.places import h5_errors, place
from qdisc.dataset.safe_types import type_problem
from qdisc.dataset.text_length import longest_text
from qdisc.errors import DataError, QdiscError

_ALLOWED_FILTERS = {
    h5z.FILTER_DEFLATE: "gzip",
    h5z.FILTER_SHUFFLE: "shuffle",
    h5z.FILTER_FLETCHER32: "fletcher32",
}
_SCALE_ATTRIBUTES = ("DIMENSION_LIST", "REFERENCE_LIST")  # references that netCDF-4 needs


@dataclass(frozen=True)
class Limits:
    """What a file may hold before anything in it is read.

    Attributes:
        max_ratio: A dataset may declare at most this many times the bytes it stores; gzip cannot
            do better than 1032, so a larger ratio means memory asked for without data.
        free_bytes: Datasets up to this size may ignore the ratio (not yet written, or constant).
        max_bytes: All datasets together may declare this much, or `max_ratio` times the file.
        max_objects: Links in the file.
        max_attributes: Attributes of one object.
        max_attribute_bytes: Size of one attribute.
    """

    max_ratio: int = 1100
    free_bytes: int = 16 << 20
    max_bytes: int = 4 << 30
    max_objects: int = 100_000
    max_attributes: int = 1000
    max_attribute_bytes: int = 1 << 20


@contextmanager
def safe_open(
    path: str | os.PathLike[str],
    *,
    error: type[QdiscError] = DataError,
    limits: Limits | None = None,
    allow_strings: bool = True,
    only: Sequence[str] | None = None,
) -> Iterator[h5py.File]:
    """Open a file read-only after walking all of it, or the paths that will be read.

    Args:
        path: A file; links in the file system are followed, links in the file are not.
        error: Class of the errors raised (DataError, ResultError).
        limits: Other limits than the stated ones.
        allow_strings: Whether datasets of variable-length strings may be there.
        only: The paths that will be read, and no others: what else the file holds is not looked
            at, so that a link or a filter elsewhere does no harm. The whole file by default.

    Raises:
        QdiscError: Of class `error`: missing, not a regular file, not HDF5, truncated, damaged,
            or holding anything that is refused; the message names the file and the place in it.
            Errors that HDF5 raises inside the `with` block are converted in the same way.
    """
    path = Path(path)
    _check_file(path, error)
    with h5_errors(path, "/", error):
        try:
            file = h5py.File(path, "r")
        except OSError as problem:
            raise _not_opened(path, problem, error) from problem
        with file:
            _check_text(file, path, error)
            with path.open("rb") as raw, _view(raw) as view:
                walk = _Walk(path, view, error, limits or Limits(), allow_strings)
                walk.run(file) if only is None else walk.run_only(file, only)
            yield file


def _check_file(path: Path, error: type[QdiscError]) -> None:
    where = place(path)
    if not path.exists():
        raise error("there is no such file", where=where, hint="check the path")
    if path.is_dir():
        raise error("this is a folder, not a file", where=where, hint="name one file in it")
    if not path.is_file():
        raise error("this is not a regular file", where=where)
    if path.stat().st_size == 0:
        raise error("the file is empty", where=where, value="0 bytes")
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as problem:
        raise error("the file cannot be read", where=where, value=problem.strerror) from problem
    if not h5py.is_hdf5(path):
        raise error("this is not an HDF5 file", where=where, value=head)


def _not_opened(path: Path, problem: OSError, error: type[QdiscError]) -> QdiscError:
    text, where = str(problem), place(path)
    if "truncated" in text:
        return error("the file is truncated", where=where, value=text, hint="copy it again")
    if "lock file" in text or "already open" in text:
        return error(
            "the file is locked: another program has it open, or the file system cannot lock",
            where=where,
            value=text,
            hint="close the other program; on a network file system set "
            "HDF5_USE_FILE_LOCKING=FALSE",
        )
    return error("HDF5 cannot open the file", where=where, value=text, hint="copy it again")


def _check_text(file: h5py.File, path: Path, error: type[QdiscError]) -> None:
    sizes = file.id.get_create_plist().get_sizes()
    if sizes != (8, 8):
        raise error(
            "the file counts its bytes in an unusual width", where=place(path, "/"), value=sizes
        )
    heap = broken_heap(path)
    if heap is not None:
        raise error(
            "the file is damaged: the place where HDF5 keeps text is inconsistent",
            where=place(path, f"byte {heap}"),
            hint="copy the file again, or write it anew",
        )


def _view(raw: BinaryIO) -> mmap.mmap:
    return mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)


class _Walk:
    """One pass over all links, objects and attributes of a file; raises at the first refusal."""

    def __init__(
        self,
        path: Path,
        view: mmap.mmap,
        error: type[QdiscError],
        limits: Limits,
        allow_strings: bool,
    ) -> None:
        self.path, self.view, self.error, self.limits = path, view, error, limits
        self.allow_strings = allow_strings
        self.size = path.stat().st_size
        self.links, self.declared = 0, 0

    def run(self, root: h5py.Group) -> None:
        self.base = root.file.userblock_size
        seen = {h5o.get_info(root.id).addr}
        self._attributes(root, "/")
        stack: list[tuple[h5py.Group, str]] = [(root, "")]
        while stack:  # no recursion: a stranger decides how deep the groups are
            group, prefix = stack.pop()
            for name in group:
                inner = f"{prefix}/{name}"
                self.links += 1
                if self.links > self.limits.max_objects:
                    self._refuse(f"more than {self.limits.max_objects} objects", inner)
                child = self._child(group, name, inner)
                address = h5o.get_info(child.id).addr
                if address in seen:  # hard links may form circles
                    continue
                seen.add(address)
                self._attributes(child, inner)
                if isinstance(child, h5py.Dataset):
                    self._dataset(child, inner)
                elif isinstance(child, h5py.Group):
                    stack.append((child, inner))

    def run_only(self, root: h5py.Group, paths: Sequence[str]) -> None:
        """Walk each part of each path; one that is not there is an error."""
        self.base = root.file.userblock_size
        for path in paths:
            node, inner = root, ""
            for part in path.strip("/").split("/"):
                there = isinstance(node, h5py.Group) and node.get(part, getlink=True) is not None
                if not there:
                    names = ", ".join(map(str, list(node)[:20])) if node is root else ""
                    raise self.error(
                        "there is nothing at this path of the file", where=place(self.path, path),
                        value=part, hint=f"the file holds {names}" if names else None,
                    )  # fmt: skip
                inner = f"{inner}/{part}"
                node = self._child(node, part, inner)
                self._attributes(node, inner, types=False)  # whoever reads one looks at its type
            if isinstance(node, h5py.Dataset):
                self._dataset(node, inner)

    def _child(self, group: h5py.Group, name: Any, inner: str) -> Any:
        # h5py gives names that are not UTF-8 as bytes, and fails when asked for one
        with h5_errors(self.path, inner, self.error):
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                self._refuse("a link to another file", inner, link.filename)
            if not isinstance(link, h5py.HardLink):
                self._refuse("a soft link", inner, getattr(link, "path", None))
            return group[name]

    def _dataset(self, dataset: h5py.Dataset, inner: str) -> None:
        with h5_errors(self.path, inner, self.error):
            problem = type_problem(dataset.id.get_type(), self.allow_strings)
            if problem:
                self._refuse(f"a dataset of {problem}", inner)
            plan = dataset.id.get_create_plist()
            if plan.get_layout() == h5d.VIRTUAL:
                self._refuse("a virtual dataset", inner)
            if plan.get_external_count():
                self._refuse("external storage", inner, plan.get_external(0)[0])
            self._filters(plan, inner)
            item = dataset.id.get_type().get_size()
            declared = _product(dataset.id.shape or ()) * item
            stored = min(dataset.id.get_storage_size(), self.size)
            chunk = _product(plan.get_chunk()) * item if plan.get_layout() == h5d.CHUNKED else 0
            self._size(max(declared, chunk), stored, inner)
            self.declared += declared
            most = max(self.limits.max_bytes, self.limits.max_ratio * self.size)
            if self.declared > most:
                self._refuse(
                    "more data than the file can hold", inner, f"{self.declared} bytes so far"
                )

    def _filters(self, plan: Any, inner: str) -> None:
        codes = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
        for code in codes:
            if code not in _ALLOWED_FILTERS:
                self._refuse(f"filter number {code}", inner, hint="store it with gzip")
        if len(set(codes)) != len(codes):
            self._refuse("a filter applied twice", inner, codes)

    def _size(self, declared: int, stored: int, inner: str) -> None:
        limits = self.limits
        if declared > limits.free_bytes and declared > limits.max_ratio * stored:
            self._refuse(
                "a dataset that declares far more than it stores",
                inner,
                f"{declared} bytes declared, {stored} bytes stored",
            )

    def _attributes(self, obj: Any, inner: str, types: bool = True) -> None:
        with h5_errors(self.path, inner, self.error):
            count = h5a.get_num_attrs(obj.id)
            if count > self.limits.max_attributes:
                self._refuse("too many attributes", inner, count)
            text = longest_text(self.view, h5o.get_info(obj.id).addr, self.base) if count else 0
            if text > self.limits.max_attribute_bytes:
                self._refuse("a text attribute that is too long", inner, f"{text} bytes declared")
            for index in range(count):
                attribute = h5a.open(obj.id, index=index)
                name = attribute.name.decode("utf-8", "backslashreplace")
                points = attribute.get_space().get_simple_extent_npoints()
                size = points * attribute.get_type().get_size()
                if size > self.limits.max_attribute_bytes:
                    self._refuse("an attribute that is too large", f"{inner}@{name}", size)
                problem = type_problem(attribute.get_type(), True)
                if types and problem and name not in _SCALE_ATTRIBUTES:
                    self._refuse(f"an attribute of {problem}", f"{inner}@{name}")

    def _refuse(
        self, what: str, inner: str, value: object = None, hint: str | None = None
    ) -> NoReturn:
        options = {} if value is None else {"value": value}
        raise self.error(
            f"the file holds {what}; this is refused",
            where=place(self.path, inner),
            hint=hint or "write plain datasets into one file",
            **options,
        )


def _product(shape: tuple[int, ...]) -> int:
    return int(np.prod([int(n) for n in shape], dtype=object)) if shape else 1
