"""The one currency between analyses, result files and figures: an array that knows itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from qdisc.errors import PluginError

_KINDS = "iufb"


@dataclass(frozen=True)
class Variable:
    """A numeric array with named dimensions and units.

    Attributes:
        data: NumPy array, integer, unsigned, float or bool (stored as uint8), C order.
        dims: One name per axis.
        units: Unit string; "1" for a pure number.
        long_name: What the number is, in words.
        attrs: Further attributes (strings or numbers), e.g. flag_values and flag_meanings.

    Raises:
        PluginError: Axes and names do not match, or the dtype cannot be stored.
    """

    data: np.ndarray
    dims: tuple[str, ...]
    units: str = "1"
    long_name: str = ""
    attrs: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        data = np.asarray(self.data)
        if data.dtype.kind == "b":
            data = data.astype(np.uint8)
        if data.dtype == np.float16 or data.dtype.name == "bfloat16":
            data = data.astype(np.float32)
        if data.dtype.kind not in _KINDS:
            raise PluginError(
                "a variable holds whole or real numbers",
                value=str(data.dtype),
                hint="split complex numbers into (re, im), code words as integers",
            )
        dims = tuple(self.dims)
        if len(dims) != data.ndim:
            raise PluginError(
                "a variable needs one dimension name per axis",
                value=f"shape {data.shape}, dims {dims}",
            )
        if len(set(dims)) != len(dims):
            raise PluginError("dimension names must differ", value=dims)
        object.__setattr__(self, "data", data)
        object.__setattr__(self, "dims", dims)
        object.__setattr__(self, "attrs", MappingProxyType(dict(self.attrs)))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.data.shape
