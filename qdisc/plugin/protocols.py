"""The four shapes a plugin can have (contract 1.0).

Protocols only: a plugin need not inherit from anything. Parameter names are part of the
contract and are checked when the plugin is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from qdisc.plugin.dataspec import DataSpec
from qdisc.plugin.spec import AnalysisSpec, LoaderSpec, ModelSpec, ObservableSpec
from qdisc.plugin.variable import Variable

if TYPE_CHECKING:
    import numpy as np

    from qdisc._typing import Key


class Loader(Protocol):
    """Reads a file into a `qdisc.Dataset`."""

    spec: LoaderSpec
    Config: type

    def guess(self, path: Path) -> bool:
        """Say whether this file is one of ours, from its content, cheaply and safely."""
        ...

    def load(self, path: Path, config: Any) -> Any:
        """Return the Dataset, or raise DataError naming the file and the place."""
        ...


class Model(Protocol):
    """Builds a flax module with `apply(variables, batch, key) -> (mean, logvar, z, cp)`."""

    spec: ModelSpec
    Config: type

    def build(self, data_spec: DataSpec, config: Any) -> Any:
        """Return the module for this kind of data."""
        ...


class Observable(Protocol):
    """One pure function of snapshots."""

    spec: ObservableSpec

    def __call__(self, snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
        """Return values[sample, ...] of snapshots[sample, site] (physical values)."""
        ...


class Analysis(Protocol):
    """Turns a trained model and its data into variables over theta."""

    spec: AnalysisSpec
    Config: type

    def run(self, ctx: Any, config: Any, *, key: Key) -> Mapping[str, Variable]:
        """Return every variable that the spec provides."""
        ...


METHODS: dict[str, dict[str, tuple[str, ...]]] = {
    "loader": {"guess": ("path",), "load": ("path", "config")},
    "model": {"build": ("data_spec", "config")},
    "observable": {"__call__": ("snapshots", "data_spec")},
    "analysis": {"run": ("ctx", "config", "key")},
}
SPECS: dict[str, type] = {
    "loader": LoaderSpec,
    "model": ModelSpec,
    "observable": ObservableSpec,
    "analysis": AnalysisSpec,
}
