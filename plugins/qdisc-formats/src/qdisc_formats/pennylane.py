"""Loader of PennyLane's classical shadows: `bits` and `recipes` in .npz or HDF5.

    bits (T, wires) 0 for the eigenvalue +1, 1 for -1;  recipes (T, wires) 0, 1, 2 for X, Y, Z

Column i is wire i of the measurement. An archive with bits (jobs, T, wires) is a sweep; an HDF5
file (`qml.data.Dataset` or any other) is one job per group that holds both arrays, with the numbers
beside them, in attributes or as datasets, as metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from qdisc import Dataset
from qdisc.dataset.loaders.npz_file import npz_names, read_npz
from qdisc.dataset.safe_hdf5 import safe_open
from qdisc.dataset.safe_read import read_array, read_attribute
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job
from qdisc_formats.sweep import Taken, sweep

_FIRST_BASIS = 2  # qdisc's codes 2, 3, 4 are X, Y, Z
_MOST_GROUPS = 10_000


class ShadowConfig(SweepConfig):
    """Options of the loader of shadows.

    Attributes:
        bits: Name of the array of outcomes (in HDF5, of the dataset in each group).
        recipes: Name of the array of bases.
    """

    bits: str = "bits"
    recipes: str = "recipes"


class PennylaneLoader:
    """Reads classical shadows as PennyLane measures them."""

    spec = LoaderSpec(
        name="pennylane",
        summary="PennyLane classical shadows: bits and recipes in .npz or HDF5",
        version="1.0.0",
        data_kinds=("shadow",),
        site_order="column i is wire i of the measurement",
    )
    Config = ShadowConfig

    def guess(self, path: Path) -> bool:
        """True for archives and HDF5 files (one group deep) that hold `bits` and `recipes`.

        Raises:
            DataError: It is HDF5, but damaged or refused.
        """
        path, both = Path(path), {"bits", "recipes"}
        names = npz_names(path) if path.is_file() else None
        if names is not None:
            return both <= set(names)
        if not path.is_file() or not h5py.is_hdf5(path):
            return False
        with safe_open(path) as file:
            return any(both <= set(group) for group in _groups(file, depth=1))

    def load(self, path: Path, config: ShadowConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, arrays that are missing or are no shadow.
        """
        path = Path(path)
        if npz_names(path) is not None:
            return _sweep(_from_npz(path, config), config, path.parent)
        with safe_open(path) as file:
            return _sweep(_from_hdf5(file, config), config, path.parent)


loader = PennylaneLoader()


def from_pennylane(shadows: Any, **options: Any) -> Dataset:
    """A Dataset from live shadows of PennyLane, which is not imported.

    Args:
        shadows: A `ClassicalShadow` (`.bits`, `.recipes`), a pair (bits, recipes) as
            `qml.classical_shadow` returns it, or a list of either: one job each.
        **options: Keys of `ShadowConfig`, e.g. `theta={"J": [0.1, 0.2]}`.

    Raises:
        DataError: Something that is no shadow, or several without settings.
        ConfigError: An unknown option.
    """
    from qdisc.config import convert

    config = convert(options, ShadowConfig, "from_pennylane")
    one = hasattr(shadows, "bits") or (
        isinstance(shadows, tuple | np.ndarray) and len(shadows) == 2 and np.ndim(shadows[0]) == 2
    )
    found = []
    for n, shadow in enumerate([shadows] if one else shadows):
        label = f"shadow {n}"
        if hasattr(shadow, "bits") and hasattr(shadow, "recipes"):
            shadow = (shadow.bits, shadow.recipes)
        if not isinstance(shadow, tuple | list | np.ndarray) or len(shadow) != 2:
            raise DataError("this is no shadow", where=label, value=type(shadow).__name__,
                            hint="an object with .bits and .recipes, or a pair")  # fmt: skip
        bits, recipes = (np.asarray(array) for array in shadow)
        found.append((Job(label, label), bits, recipes))
    return _sweep(found, config, Path())


Found = tuple[Job, np.ndarray, np.ndarray]


def shadow_rows(bits: np.ndarray, recipes: np.ndarray, where: str) -> np.ndarray:
    """Rows [b_1, o_1, b_2, o_2, ...]: b = recipe + 2, o = 1 - bit (1 for the eigenvalue +1).

    Raises:
        DataError: Different shapes, or a value that is no bit or no recipe, with shot and wire.
    """
    if bits.shape != recipes.shape or bits.ndim != 2 or 0 in bits.shape:
        raise DataError("bits and recipes have one shape (shots, wires)", where=where,
                        value=f"{bits.shape} and {recipes.shape}")  # fmt: skip
    for name, array, allowed in (("bits", bits, (0, 1)), ("recipes", recipes, (0, 1, 2))):
        if array.dtype.kind not in "biuf":
            raise DataError("numbers are wanted here", where=f"{where}, {name}",
                            value=str(array.dtype))  # fmt: skip
        bad = np.argwhere(~np.isin(array, allowed))
        if bad.size:
            shot, wire = bad[0]
            raise DataError(
                f"{name} are one of {allowed}", where=f"{where}, {name}[{shot}, {wire}]",
                value=array[shot, wire].item(),
                hint="recipes 0, 1, 2 are X, Y, Z" if name == "recipes" else "0 is the outcome +1",
            )  # fmt: skip
    rows = np.empty((bits.shape[0], 2 * bits.shape[1]), np.uint8)
    rows[:, 0::2] = recipes.astype(np.uint8) + _FIRST_BASIS
    rows[:, 1::2] = 1 - bits.astype(np.uint8)
    return rows


def _sweep(found: Sequence[Found], config: ShadowConfig, folder: Path) -> Dataset:
    report = Report()
    taken = [Taken(job, shadow_rows(bits, recipes, job.label)) for job, bits, recipes in found]
    return sweep(taken, config, report, folder, data_type="shadow")


def _from_npz(path: Path, config: ShadowConfig) -> list[Found]:
    arrays = read_npz(path)
    for name in (config.bits, config.recipes):
        if name not in arrays:
            raise DataError(f"the archive has no array {name!r}", where=str(path),
                            value=sorted(arrays), hint="bits = ..., recipes = ...")  # fmt: skip
    bits, recipes = arrays[config.bits], arrays[config.recipes]
    if bits.ndim == 3 and bits.shape == recipes.shape:
        return [(Job(f"shadow {n}", str(n)), bits[n], recipes[n]) for n in range(bits.shape[0])]
    return [(Job("shadow"), bits, recipes)]


def _from_hdf5(file: h5py.File, config: ShadowConfig) -> list[Found]:
    out = []
    for group in _groups(file, depth=3):
        if config.bits in group and config.recipes in group:
            bits, recipes = read_array(group[config.bits]), read_array(group[config.recipes])
            name = str(group.name)
            job = Job(f"group {name}", name.strip("/"), _numbers(group, config))
            out.append((job, bits, recipes))
    if not out:
        raise DataError("no group holds both arrays", where="/", value=list(file)[:20],
                        hint=f"arrays {config.bits!r} and {config.recipes!r}: bits = ..., "
                        "recipes = ... rename them")  # fmt: skip
    return out


def _groups(file: h5py.File, depth: int) -> list[h5py.Group]:
    """The file and the groups in it, in order, to a depth."""
    out: list[h5py.Group] = [file]
    level: list[h5py.Group] = [file]
    for _ in range(depth):
        members = (group[name] for group in level for name in group)
        level = [item for item in members if isinstance(item, h5py.Group)][:_MOST_GROUPS]
        out += level
    return out


def _numbers(group: h5py.Group, config: ShadowConfig) -> dict[str, Any]:
    """Single numbers and words beside the arrays; PennyLane's own attributes are left out."""
    out: dict[str, Any] = {}
    for name in map(str, group.attrs):
        value = read_attribute(group, name)
        if not name.startswith("qp.") and isinstance(value, int | float | str):
            out[name] = value
    for name in map(str, group):
        item = group[name]
        if name not in (config.bits, config.recipes) and isinstance(item, h5py.Dataset):
            single = item.shape == () and item.dtype.kind in "iuf"
            if single:
                out[name] = read_array(item).item()
    return out
