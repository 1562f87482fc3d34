"""Check every rule of the result format; never raise, whatever the file is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import h5py

from qdisc.dataset.safe_hdf5 import safe_open
from qdisc.errors import ResultError
from qdisc.results import tree
from qdisc.results.findings import Finding
from qdisc.results.reader import parse_schema
from qdisc.results.rules import Attached, Sizes, check_attributes, check_variable
from qdisc.results.rules_file import check_maps, check_nxdata, check_theta
from qdisc.results.schema import NAME, SCHEMA, STATUSES, join

__all__ = ["Finding", "validate"]

_ROOT_TEXTS = (("Conventions", ""), ("title", ""), ("NX_class", "NXroot"), ("default", ""))
_GROUPS = (
    ("dataset", "ERROR"),
    ("provenance", "ERROR"),
    ("model", "INFO"),
    ("training", "INFO"),
    ("observables", "WARNING"),
    ("analyses", "WARNING"),
)


def validate(path: str | os.PathLike[str]) -> list[Finding]:
    """Return the broken rules of a result file, by path; [] for a perfect one.

    A file that is missing, foreign, truncated or damaged gives one ERROR.
    """
    try:
        with safe_open(path, error=ResultError) as file:
            found = list(_file(file))
    except ResultError as error:
        return [_unreadable(error, os.fspath(path))]
    return sorted(found, key=lambda finding: (finding.path, finding.code))


def _unreadable(error: ResultError, path: str) -> Finding:
    """One finding for what the reading refuses, at its place in the file."""
    where = error.where or ""
    inner = where.removeprefix(f"{path}: ") if where.startswith(f"{path}: /") else "/"
    refused = "refused" in error.what
    return Finding("QD007" if refused else "QD001", "ERROR", inner, error.what, error.hint or "")


def _file(file: h5py.File) -> Iterator[Finding]:
    stop = list(_root(file))
    yield from stop
    if any(finding.code in ("QD002", "QD003") for finding in stop):
        return  # the rules below are those of another format
    readable = True
    sizes: Sizes = {}
    attached = tree.attached_scales(file)
    for group in tree.walk(file):
        for finding in _group(group, sizes, attached):
            readable = readable and finding.severity != "ERROR"
            yield finding
    if readable:  # these rules read numbers, and need names and dimensions that hold
        yield from check_theta(file)
        yield from check_maps(file)


def _root(file: h5py.File) -> Iterator[Finding]:
    attrs = tree.attributes(file)
    if attrs.get("qdisc_type") != "result":
        kind = attrs.get("qdisc_type")
        hint = "this is a dataset: `qdisc run` analyses it" if kind == "dataset" else ""
        message = f"not a qdisc result (qdisc_type is {kind!r})"
        yield Finding("QD002", "ERROR", "/", message, hint or 'a result has qdisc_type="result"')
        return
    try:
        version = parse_schema(attrs.get("qdisc_schema"), "/")
    except ResultError as error:
        yield Finding("QD003", "ERROR", "/", error.what, f'add qdisc_schema="{SCHEMA}"')
        return
    known = parse_schema(SCHEMA, "/")
    if version[0] != known[0]:
        message = f"schema {attrs['qdisc_schema']}, this qdisc knows {SCHEMA}"
        hint = f"install a qdisc version that knows schema {version[0]}.x"
        yield Finding("QD003", "ERROR", "/", message, hint)
        return
    if version[1] > known[1]:
        message = f"schema {attrs['qdisc_schema']} is newer than {SCHEMA}"
        yield Finding("QD003", "WARNING", "/", message, "what is new in it is not checked")
    for name, wanted in _ROOT_TEXTS:
        value = attrs.get(name)
        if not isinstance(value, str) or not value or (wanted and value != wanted):
            yield Finding("QD004", "ERROR", "/", f"no {name}", f'add {name}="{wanted or "..."}"')
    default = attrs.get("default")
    if isinstance(default, str) and default and default not in file:
        yield Finding("QD004", "ERROR", "/", f"default={default!r} does not exist")
    for name, severity in _GROUPS:
        if not isinstance(file.get(name), h5py.Group):
            yield Finding("QD005", severity, join("/", name), "the group is missing")  # type: ignore[arg-type]


def _group(group: h5py.Group, sizes: Sizes, attached: Attached) -> Iterator[Finding]:
    path = str(group.name)
    attrs = yield from check_attributes(group, path)
    if not isinstance(attrs.get("qdisc_type"), str):
        yield Finding("QD006", "ERROR", path, "no qdisc_type", 'add e.g. qdisc_type="group"')
    for name in cast("Iterator[str]", iter(group)):  # safe_open lets no other names through
        if not NAME.match(name):
            yield Finding("QD008", "ERROR", join(path, name), "a name some readers cannot use",
                          "letters, digits and _ . + -")  # fmt: skip
    for name, dataset in tree.own(group, h5py.Dataset):
        yield from check_variable(dataset, join(path, name), sizes, attached)
    yield from check_nxdata(group, path, attrs)
    yield from _status(path, attrs)


def _status(path: str, attrs: dict[str, Any]) -> Iterator[Finding]:
    parts = path.split("/")
    if len(parts) != 3 or parts[1] not in ("analyses", "observables"):
        return
    if attrs.get("status") not in STATUSES:
        message = f"status is {attrs.get('status')!r}"
        yield Finding("QD022", "ERROR", path, message, f"one of {', '.join(STATUSES)}")
    elif attrs["status"] != "ok" and not attrs.get("message"):
        yield Finding("QD022", "WARNING", path, f"{attrs['status']}, but no message says why")
