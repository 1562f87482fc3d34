"""Read groups and variables out of an open, already inspected file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar, cast

import h5py
import h5py.h5a as h5a
import h5py.h5o as h5o
import h5py.h5t as h5t

from qdisc.dataset.safe_hdf5 import place
from qdisc.dataset.safe_read import read_array, read_attribute
from qdisc.errors import ResultError, nearest
from qdisc.plugin import Variable
from qdisc.results.attributes import decode
from qdisc.results.schema import RESERVED, Group

Kind = TypeVar("Kind", h5py.Group, h5py.Dataset)


def attributes(node: Any) -> dict[str, Any]:
    """All attributes but those that netCDF keeps for itself, split texts joined."""
    names = [name for name in sorted(node.attrs) if name not in RESERVED]
    return decode({name: read_attribute(node, name, error=ResultError) for name in names})


def variable(dataset: Any) -> Variable:
    """A dataset with its dimensions, units and further attributes."""
    attrs = attributes(dataset)
    dims = attrs.pop("dims", None)
    if not isinstance(dims, list) or len(dims) != dataset.ndim or len(set(dims)) != len(dims):
        raise ResultError(
            "a variable must name each of its dimensions once",
            where=f"{place(dataset.file.filename, dataset.name)}@dims",
            value=dims,
            hint="see `qdisc result validate`",
        )
    units, long_name = attrs.pop("units", "1"), attrs.pop("long_name", "")
    data = read_array(dataset, kinds="iuf", error=ResultError)
    return Variable(data, tuple(dims), str(units), str(long_name), attrs)


def find(file: h5py.File, path: str, kind: type) -> Any:
    """Return the group or dataset at a path.

    Raises:
        ResultError: There is none; the message lists what is there.
    """
    node: Any = file
    for part in path.strip("/").split("/") if path.strip("/") else ():
        if not isinstance(node, h5py.Group) or part not in node:
            known = list(node) if isinstance(node, h5py.Group) else []
            raise ResultError(
                "the result holds nothing of this name",
                where=place(file.filename, path),
                value=part,
                hint=f"{nearest(part, known)} (in {node.name})",
            )
        node = node[part]
    if not isinstance(node, kind):
        word = "a group" if kind is h5py.Group else "a variable"
        raise ResultError(f"this is not {word}", where=place(file.filename, path))
    return node


def own(node: h5py.Group, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
    """Yield the children of a kind by name, without linked scales, whose place is further up."""
    for name in sorted(node):
        child = node[name]
        if isinstance(child, kind) and not (kind is h5py.Dataset and _linked(node, name, child)):
            yield name, child


def own_names(node: h5py.Group, kind: type[Kind]) -> list[str]:
    """Names of what `own` yields."""
    return [name for name, _ in own(node, kind)]


def _linked(node: h5py.Group, name: str, child: Any) -> bool:
    """A scale is stored where it is found first on the way down; below, it is a link to it."""
    group = node
    while group.name != "/":
        group = cast("h5py.Group", group.parent)  # only groups hold anything
        if name in group and group.get(name, getclass=True) is h5py.Dataset:
            return bool(group[name] == child)
    return False


def tree(node: h5py.Group, seen: set[int] | None = None) -> Group:
    """Read everything below a group; scales linked from above are left out."""
    seen = set() if seen is None else seen
    variables, groups = {}, {}
    for name, dataset in own(node, h5py.Dataset):
        once(dataset, seen)
        variables[name] = variable(dataset)
    for name, group in own(node, h5py.Group):
        once(group, seen)
        groups[name] = tree(group, seen)
    return Group(attributes(node), variables, groups)


def once(node: Any, seen: set[int]) -> None:
    """Refuse to visit an object a second time: hard links could make a tree endless."""
    address = int(h5o.get_info(node.id).addr)
    if address in seen:
        raise ResultError(
            "an object is linked twice; this is refused",
            where=place(node.file.filename, node.name),
            hint="only the scale of a dimension may be linked into other groups",
        )
    seen.add(address)


def scales(file: h5py.File) -> dict[str, Variable]:
    """Every scale in a file, by the name of its dimension."""
    out: dict[str, Variable] = {}
    for group in walk(file):
        for name, dataset in own(group, h5py.Dataset):
            if has_scale_class(dataset) and name not in out:
                out[name] = variable(dataset)
    return out


def has_scale_class(dataset: h5py.Dataset) -> bool:
    """Say whether a dataset is a dimension scale (H5DSis_scale crashes on damaged files)."""
    key = b"CLASS"
    if not h5a.exists(dataset.id, key):
        return False
    if h5a.open(dataset.id, key).get_type().get_class() != h5t.STRING:
        return False
    return read_attribute(dataset, "CLASS", error=ResultError) == "DIMENSION_SCALE"


def attached_scales(file: h5py.File) -> dict[tuple[int, int], list[str]]:
    """Names of the scales attached to each (address of a dataset, axis).

    Read from the scales' side: what the dataset itself stores has a length that a damaged file
    can turn into gigabytes, and H5DSiterate_scales crashes on it.
    """
    out: dict[tuple[int, int], list[str]] = {}
    key = b"REFERENCE_LIST"
    for group in walk(file):
        for name, scale in own(group, h5py.Dataset):
            if not h5a.exists(scale.id, key):
                continue
            kind = h5a.open(scale.id, key).get_type()
            if kind.get_class() != h5t.COMPOUND or kind.get_nmembers() != 2:
                continue
            for reference, axis in scale.attrs[key.decode()]:
                address = int(h5o.get_info(file[reference].id).addr)
                out.setdefault((address, int(axis)), []).append(name)
    return out


def walk(file: h5py.File) -> Iterator[h5py.Group]:
    """Yield every group once, parents first, children by name."""
    seen: set[int] = set()
    stack: list[h5py.Group] = [cast("h5py.Group", file["/"])]
    while stack:
        group = stack.pop()
        once(group, seen)
        yield group
        stack.extend(reversed([child for _, child in own(group, h5py.Group)]))
