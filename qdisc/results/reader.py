"""Read a result file lazily: what is asked for, when it is asked for, without following links."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import h5py
import msgspec
import numpy as np

from qdisc.dataset.safe_hdf5 import h5_errors, safe_open
from qdisc.errors import ResultError
from qdisc.plugin import DataSpec, Variable
from qdisc.results import tree as _tree
from qdisc.results.schema import SCHEMA, Group

T = TypeVar("T")


@dataclass(frozen=True)
class GroupView:
    """What is in a group, without its numbers.

    Attributes:
        path: Where it is.
        attrs: Its attributes.
        variables: Names of its variables.
        groups: Names of its child groups.
    """

    path: str
    attrs: dict[str, Any]
    variables: tuple[str, ...]
    groups: tuple[str, ...]


class ResultFile:
    """A result file; it is open only while something is read from it.

    Attributes:
        path: The file.
        attrs: Attributes of the root.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._inspected: tuple[int, ...] | None = None
        with self._open() as file:
            self.attrs = _tree.attributes(file)
            check_kind(self.attrs, self.path)

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        """Open, and walk the whole file first unless this very file was walked before."""
        if self._inspected is not None and self._inspected == self._stamp():
            with h5_errors(self.path, "/", ResultError), h5py.File(self.path, "r") as file:
                yield file
            return
        with safe_open(self.path, error=ResultError, allow_strings=False) as file:
            self._inspected = self._stamp()
            yield file

    def _stamp(self) -> tuple[int, ...] | None:
        if not self.path.exists():
            return None
        stat = self.path.stat()
        return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)

    # -- any group, any variable ---------------------------------------------------------------

    def group(self, path: str) -> GroupView:
        """Attributes and names in a group.

        Raises:
            ResultError: There is no such group; the nearest name is given.
        """
        with self._open() as file:
            node = _tree.find(file, path, h5py.Group)
            variables = tuple(_tree.own_names(node, h5py.Dataset))
            groups = tuple(_tree.own_names(node, h5py.Group))
            return GroupView(path, _tree.attributes(node), variables, groups)

    def variable(self, path: str) -> Variable:
        """A variable with its numbers, e.g. `/analyses/latent_map/mu`.

        Raises:
            ResultError: There is no such variable; the nearest name is given.
        """
        with self._open() as file:
            return _tree.variable(_tree.find(file, path, h5py.Dataset))

    def attributes(self, path: str) -> dict[str, Any]:
        """Attributes of a group or variable, without its numbers.

        Raises:
            ResultError: There is nothing at this path; the nearest name is given.
        """
        with self._open() as file:
            kind = h5py.Group if isinstance(file.get(path), h5py.Group) else h5py.Dataset
            return _tree.attributes(_tree.find(file, path, kind))

    def scales(self) -> dict[str, Variable]:
        """Scale of every dimension in the file."""
        with self._open() as file:
            return _tree.scales(file)

    def tree(self) -> Group:
        """Everything, read into memory."""
        with self._open() as file:
            return _tree.tree(file)

    def has(self, path: str) -> bool:
        """Say whether a group or variable is in the file."""
        with self._open() as file:
            return path.strip("/") in file if path.strip("/") else True

    def _attribute(self, path: str, name: str, kind: type[T]) -> T:
        """An attribute that every result has.

        Raises:
            ResultError: It is missing, or of another kind.
        """
        value = self.group(path).attrs.get(name)
        if not isinstance(value, kind):
            raise ResultError(
                "an attribute is missing or of the wrong kind", where=f"{self.path}: {path}@{name}",
                value=value, hint="see `qdisc result validate`",
            )  # fmt: skip
        return value

    # -- the sweep -----------------------------------------------------------------------------

    @property
    def theta_names(self) -> tuple[str, ...]:
        """Names of the settings, in order."""
        return tuple(self._attribute("/dataset", "theta_names", list))

    @property
    def theta_dims(self) -> tuple[str, ...]:
        """Dimensions of a map over the settings: ("theta_<name>", ...), or ("point",)."""
        return self.variable("/dataset/n_snapshots").dims

    def theta(self, name: str) -> Variable:
        """A setting: the axis of a grid, or its value at each scattered point."""
        return self.variable(f"/theta_{name.removeprefix('theta_')}")

    def points(self) -> np.ndarray:
        """Settings of all points in the order of a flattened map, float64 (points, k)."""
        columns = [self.theta(name).data for name in self.theta_names]
        shape = self.variable("/dataset/n_snapshots").shape
        grid = self.theta_dims != ("point",)
        if grid and columns and tuple(c.size for c in columns) == shape:
            columns = [c.reshape(-1) for c in np.meshgrid(*columns, indexing="ij")]
        elif grid or any(c.shape != shape for c in columns):
            raise ResultError(
                "the settings do not fit the sweep", where=f"{self.path}: /dataset/n_snapshots",
                value=f"shape {shape}, settings of {[c.size for c in columns]}",
                hint="see `qdisc result validate`",
            )  # fmt: skip
        return np.stack(columns, axis=1).astype(np.float64)

    # -- what was found ------------------------------------------------------------------------

    @property
    def observables(self) -> tuple[str, ...]:
        """Names of the observables."""
        return self.group("/observables").groups if self.has("/observables") else ()

    @property
    def analyses(self) -> tuple[str, ...]:
        """Names of the analyses, whatever became of them."""
        return self.group("/analyses").groups if self.has("/analyses") else ()

    def status(self, name: str) -> str:
        """ok, skipped or failed, of an analysis or else an observable."""
        folder = "observables" if name in self.observables else "analyses"
        folder = "analyses" if name in self.analyses else folder
        return str(self.group(f"/{folder}/{name}").attrs.get("status", "ok"))

    def params(self) -> dict[str, Any]:
        """Parameters of the model as nested dicts of arrays, as flax wants them."""
        with self._open() as file:
            return _nested(_tree.tree(_tree.find(file, "/model/params", h5py.Group)))

    @property
    def data_spec(self) -> DataSpec:
        """Description of the data that the model was built for."""
        text = self._attribute("/model", "data_spec", str)
        try:
            return msgspec.json.decode(text, type=DataSpec)
        except msgspec.MsgspecError as error:
            raise ResultError(
                "the description of the data is damaged", where=f"{self.path}: /model@data_spec",
                value=str(error),
            ) from error  # fmt: skip

    @property
    def config_toml(self) -> str:
        """The complete recipe, as TOML."""
        return self._attribute("/provenance", "config.toml", str)

    @property
    def seed(self) -> int:
        """The one seed of the run."""
        return self._attribute("/provenance", "seed", int)

    def examples(self) -> Variable:
        """A few snapshots of each setting, (theta..., example, column), as codes."""
        return self.variable("/dataset/examples")

    def to_xarray(self) -> Any:
        """Everything as an `xarray.DataTree`.

        Raises:
            ResultError: xarray is not installed.
        """
        from qdisc.results.as_xarray import data_tree

        return data_tree(self.tree(), self.path)

    def __repr__(self) -> str:
        return f"ResultFile({str(self.path)!r}, analyses={', '.join(self.analyses) or 'none'})"


def open_result_file(path: str | os.PathLike[str]) -> ResultFile:
    """Open a result file.

    Raises:
        ResultError: Not a result file (a dataset says so), damaged, or of a newer major schema.

    Warns:
        UserWarning: The schema's minor version is newer than this qdisc.
    """
    return ResultFile(path)


def read_tree(path: str | os.PathLike[str]) -> Group:
    """Read a whole result file into memory."""
    return ResultFile(path).tree()


def check_kind(attrs: dict[str, Any], path: Path) -> None:
    """Refuse what is not a result, and results of a newer major schema."""
    kind, version = attrs.get("qdisc_type"), attrs.get("qdisc_schema")
    if kind == "dataset":
        raise ResultError(
            "this file is a dataset, not a result", where=str(path), value="qdisc_type='dataset'",
            hint=f"analyse it with `qdisc run {path.name}`",
        )  # fmt: skip
    if kind != "result":
        raise ResultError(
            "this HDF5 file is not a qdisc result", where=f"{path}@qdisc_type", value=kind,
            hint="a result is written by `qdisc run` or qdisc.discover",
        )  # fmt: skip
    major, minor = parse_schema(version, str(path))
    known_major, known_minor = parse_schema(SCHEMA, "")
    if major > known_major:
        raise ResultError(
            f"this result has schema {version}, which is newer than this qdisc reads",
            where=str(path),
            value=f"schema {version}, this qdisc reads {known_major}.x",
            hint=f"install a qdisc version that reads schema {major}.x: pip install -U qdisc",
        )
    if major == known_major and minor > known_minor:
        warnings.warn(
            f"{path}: schema {version} is newer than {SCHEMA}, which this qdisc knows; "
            "what is new in it is ignored",
            UserWarning,
            stacklevel=4,
        )


def parse_schema(version: object, where: str) -> tuple[int, int]:
    """Return (major, minor) of a schema version "major.minor"."""
    parts = version.split(".") if isinstance(version, str) else []
    if len(parts) != 2 or not all(p.isascii() and p.isdigit() and len(p) < 6 for p in parts):
        raise ResultError(
            "the schema version is missing or not of the form 'major.minor'",
            where=f"{where}@qdisc_schema", value=version,
        )  # fmt: skip
    return int(parts[0]), int(parts[1])


def _nested(group: Group) -> dict[str, Any]:
    out: dict[str, Any] = {name: _nested(child) for name, child in sorted(group.groups.items())}
    for name, variable in sorted(group.variables.items()):
        if variable.dims != (name,):  # a scale is not a parameter
            out[name] = variable.data
    return out
