"""Compares what an analysis returns with what its spec promises, before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from qdisc.dataset.dataset import Dataset
from qdisc.errors import PluginError, nearest
from qdisc.plugin.spec import AnalysisSpec, Provides
from qdisc.plugin.variable import Variable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_WHOLE = {"i": "whole", "u": "whole", "b": "whole", "f": "real"}


class Sizes:
    """Lengths of all dimensions of a run: a name has one length in a result file."""

    def __init__(self, dataset: Dataset) -> None:
        self._known = {
            name: (size, "the dataset")
            for name, size in zip(dataset.theta_dims, dataset.theta_shape, strict=True)
        }
        self._known["site"] = (dataset.n_sites, "the dataset")

    def problem(self, variable: Variable) -> str:
        """Say which dimension has another length elsewhere; "" if none has."""
        for name, size in zip(variable.dims, variable.shape, strict=True):
            known, where = self._known.get(name, (size, ""))
            if known != size:
                return (
                    f"dimension {name!r} has length {size} here and {known} in {where}; "
                    "give it a name of its own"
                )
        return ""

    def add(self, variables: Mapping[str, Variable], where: str) -> None:
        """Take over the dimensions of stored variables."""
        for variable in variables.values():
            for name, size in zip(variable.dims, variable.shape, strict=True):
                self._known.setdefault(name, (size, where))


def checked(
    outputs: Any, spec: AnalysisSpec, theta_dims: tuple[str, ...], sizes: Sizes
) -> dict[str, Variable]:
    """Return the outputs, read-only and with their descriptions, in the order of `provides`.

    Raises:
        PluginError: A name, axis, length, type or unit differs from `provides`.
    """
    where = f"analysis {spec.name}"
    if not isinstance(outputs, Mapping):
        raise PluginError("an analysis returns a mapping from names to variables", where=where,
                          value=type(outputs).__name__)  # fmt: skip
    promised = {item.name: item for item in spec.provides}
    for name, value in outputs.items():
        if name not in promised:
            raise PluginError("an output that `provides` does not name", where=where, value=name,
                              hint=nearest(str(name), promised))  # fmt: skip
        if not isinstance(value, Variable):
            raise PluginError("an output must be a Variable", where=f"{where}/{name}",
                              value=type(value).__name__)  # fmt: skip
    out = {}
    for name, item in promised.items():
        if name in outputs:
            out[name] = _checked_one(outputs[name], item, where, theta_dims, sizes)
        elif not item.optional:
            returned = ", ".join(map(str, outputs)) or "nothing"
            raise PluginError("an output is missing", where=where, value=name,
                              hint=f"returned: {returned}")  # fmt: skip
    own = {}
    for name, variable in out.items():
        for dim, size in zip(variable.dims, variable.shape, strict=True):
            if own.setdefault(dim, size) != size:
                raise PluginError(f"dimension {dim!r} has two lengths", where=f"{where}/{name}",
                                  value=(own[dim], size))  # fmt: skip
    return out


def _checked_one(
    variable: Variable, item: Provides, where: str, theta_dims: tuple[str, ...], sizes: Sizes
) -> Variable:
    where = f"{where}/{item.name}"
    if not _NAME.match(item.name):
        raise PluginError("a variable's name holds only letters, digits and _", where=where,
                          value=item.name)  # fmt: skip
    wanted = expanded(item.dims, theta_dims)
    if variable.dims != wanted:
        raise PluginError("wrong dimensions", where=where, value=variable.dims,
                          hint=f"`provides` says {item.dims}, here {wanted}")  # fmt: skip
    kinds = (_WHOLE[variable.data.dtype.kind], _WHOLE.get(np.dtype(item.dtype).kind))
    if kinds[0] != kinds[1]:
        raise PluginError("wrong dtype", where=where, value=str(variable.data.dtype),
                          hint=f"`provides` says {item.dtype}")  # fmt: skip
    if variable.units != item.units:
        raise PluginError("wrong units", where=where, value=variable.units,
                          hint=f"`provides` says {item.units!r}")  # fmt: skip
    problem = sizes.problem(variable)
    if problem:
        raise PluginError("wrong length", where=where, value=problem)
    return replace(frozen(variable), long_name=variable.long_name or item.long_name)


def expanded(dims: tuple[str, ...], theta_dims: tuple[str, ...]) -> tuple[str, ...]:
    """Dimension names with "theta" replaced by all theta dimensions."""
    return tuple(d for dim in dims for d in (theta_dims if dim == "theta" else (dim,)))


def frozen(variable: Variable) -> Variable:
    """The variable with a read-only view of its array."""
    data = variable.data.view()
    data.flags.writeable = False
    return replace(variable, data=data)
