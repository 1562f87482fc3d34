"""The tree that is written and read: groups of attributes, variables and groups."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from qdisc.errors import ResultError
from qdisc.plugin import Variable

SCHEMA = "1.0"
CONVENTIONS = "CF-1.11, qdisc-1.0"
STATUSES = (
    "ok", "skipped", "failed", "disabled", "ambiguous", "broken", "invalid", "incompatible",
)  # fmt: skip
DTYPES = (
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float32", "float64",
)  # fmt: skip
RESERVED = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "_Netcdf4Dimid")
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*\Z")
_ROOT_SCALES = ("point", "latent", "site", "epoch", "term")


@dataclass(frozen=True, eq=False)
class Group:
    """A group of the result file; compare two with `qdisc.results.diff`.

    Attributes:
        attrs: Text, numbers, lists of text or small numeric arrays.
        variables: Arrays with dimensions; one named like its only dimension is that dimension's
            scale.
        groups: Child groups.

    Raises:
        ResultError: A name that not every reader understands, or one used twice.
    """

    attrs: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in ("attrs", "variables", "groups"):
            for name in getattr(self, kind):
                check_name(name, kind)
            object.__setattr__(self, kind, MappingProxyType(dict(getattr(self, kind))))
        both = sorted(self.variables.keys() & self.groups.keys())
        if both:
            raise ResultError("a variable and a group have one name", value=both)

    def walk(self, path: str = "/") -> Iterator[tuple[str, Group]]:
        """Yield (path, group), parents first, children by name."""
        yield path, self
        for name in sorted(self.groups):
            yield from self.groups[name].walk(join(path, name))

    def with_group(self, path: str, group: Group) -> Group:
        """Return a copy with a group at `path`, replacing the one that is there.

        Raises:
            ResultError: The parent group does not exist, or the path is the root.
        """
        head, _, rest = path.strip("/").partition("/")
        if not head:
            raise ResultError("the root cannot be replaced", where=path, value=path)
        if not rest:
            return replace(self, groups={**self.groups, head: group})
        if head not in self.groups:
            raise ResultError(
                "there is no such group", where=path, value=head,
                hint=f"groups here: {', '.join(sorted(self.groups)) or 'none'}",
            )  # fmt: skip
        child = self.groups[head].with_group(rest, group)
        return replace(self, groups={**self.groups, head: child})


def check_name(name: object, kind: str) -> None:
    """Refuse a name that Julia, MATLAB or netCDF readers would stumble over."""
    if not isinstance(name, str) or not NAME.match(name) or name in RESERVED:
        raise ResultError(
            "not a name that every reader understands",
            where=kind,
            value=name,
            hint="letters, digits and _ . + - ; not starting with . + -",
        )


def is_scale(name: str, variable: Variable) -> bool:
    """Say whether a variable is the scale of its own dimension."""
    return variable.dims == (name,)


def at_root(dim: str) -> bool:
    """Say whether a dimension belongs to the whole file, so that its scale is in the root."""
    return dim in _ROOT_SCALES or dim.startswith("theta_")


def join(path: str, name: str) -> str:
    """Path of a child."""
    return f"{path.rstrip('/')}/{name}"


def parent(path: str) -> str:
    """Path of the parent; the root is its own."""
    return path.rpartition("/")[0] or "/"


def category(words: Sequence[str], dim: str, long_name: str) -> Variable:
    """Scale of a dimension of words: whole numbers with `flag_values` and `flag_meanings`."""
    values = np.arange(len(words), dtype=np.int32)
    meanings = " ".join(re.sub(r"\s+", "_", word) for word in words)
    attrs = {"flag_values": values, "flag_meanings": meanings}
    return Variable(values, (dim,), long_name=long_name, attrs=attrs)
