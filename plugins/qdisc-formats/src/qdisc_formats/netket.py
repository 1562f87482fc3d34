"""Loader of NetKet's samples, and a function for live variational states.

NetKet has no file format for samples. This archive is read without being told more:

    np.savez("run.npz", samples=state.samples, hilbert=str(state.hilbert), h=0.5)

`samples` (chains, n, N) or (n, N), +1 and -1 for Spin, 0, 1, ... for Qubit and Fock; column i is
site i of the Hilbert space. Single numbers beside them are metadata: several such files in a folder
are a sweep.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.dataset.loaders.npz_file import npz_names, read_npz
from qdisc.dataset.sampling import sample_from_probabilities
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.codes import as_codes
from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job
from qdisc_formats.sweep import Taken, sweep

_SPIN = re.compile(r"\s*Spin\(\s*s\s*=\s*([0-9/.]+)")
_MOST_LEVELS = 64
_ZERO_BASED = re.compile(r"\s*(Qubit|Fock)\b")


class NetketLoader:
    """Reads archives of NetKet's samples."""

    spec = LoaderSpec(
        name="netket",
        summary="NetKet samples in .npz: samples (chains, n, N) beside hilbert (its text)",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="column i (the last axis) is site i of the Hilbert space",
    )
    Config = SweepConfig

    def guess(self, path: Path) -> bool:
        """True for archives that hold `samples` and `hilbert`."""
        path = Path(path)
        names = npz_names(path) if path.is_file() else None
        return names is not None and {"samples", "hilbert"} <= set(names)

    def load(self, path: Path, config: SweepConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, or values that are no local states of the Hilbert space.
        """
        path = Path(path)
        arrays = read_npz(path)
        for name in ("samples", "hilbert"):
            if name not in arrays:
                raise DataError(f"the archive has no array {name!r}", where=str(path),
                                value=sorted(arrays),
                                hint='loader = "numpy" reads archives of any layout')  # fmt: skip
        hilbert = "".join(map(str, arrays["hilbert"].reshape(-1)[:1].tolist()))
        metadata = {name: array.item() for name, array in arrays.items()
                    if array.size == 1 and name not in ("samples", "hilbert")}  # fmt: skip
        states = config.local_states or _states(hilbert, arrays["samples"])
        rows = _rows(arrays["samples"], "samples", states)
        report = Report()
        report.metadata = {"hilbert": hilbert}
        taken = [Taken(Job(path.name, path.name, metadata), rows)]
        return sweep(taken, config, report, path.parent, local_states=states)


loader = NetketLoader()


def from_netket(states: Any, *, shots: int = 1000, seed: Any = 0, **options: Any) -> Dataset:
    """A Dataset from live variational states of NetKet, which is not imported.

    Args:
        states: A state, or a list of them: one job each. An `MCState` gives its `samples`, as many
            as it draws; any other state with `to_array()` (FullSumState, exact ones) is measured
            `shots` times in the basis of its `hilbert`.
        shots: Snapshots of each state that is measured.
        seed: Whole number or jax key; the states of a list get numbers of their own.
        **options: Keys of `SweepConfig`, e.g. `theta={"h": [0.5, 1.0]}`.

    Returns:
        The Dataset; codes follow the local states in rising order, so that code 1 is sigma^z = +1.

    Raises:
        DataError: Something that is no state, or several without settings.
        ConfigError: An unknown option.
    """
    from qdisc.config import convert
    from qdisc.dataset.sampling import generator

    config = convert(options, SweepConfig, "from_netket")
    several = states if isinstance(states, list | tuple) else [states]
    report = Report()
    found: list[tuple[str, np.ndarray]] = []
    levels: tuple[float, ...] = ()
    for n, state in enumerate(several):
        label = f"state {n}"
        hilbert = getattr(state, "hilbert", None)
        if hilbert is None or not hasattr(hilbert, "local_states"):
            raise DataError("this is no state of NetKet on one kind of site", where=label,
                            value=type(state).__name__,
                            hint="an object with .hilbert.local_states")  # fmt: skip
        if hasattr(state, "samples"):
            numbers = np.asarray(state.samples)
        elif hasattr(state, "to_array"):
            numbers = _measured(state, shots, generator(seed, n), label)
        else:
            raise DataError("the state has neither samples nor to_array()", where=label,
                            value=type(state).__name__)  # fmt: skip
        endless = len(hilbert.local_states) > _MOST_LEVELS  # a Fock space without n_max
        local = tuple(sorted(map(float, () if endless else hilbert.local_states)))
        local = local or _occupations(numbers)
        levels = levels or local
        if local != levels and not endless:
            raise DataError("the states live on different sites", where=label, value=local,
                            hint=f"the first one has {levels}")  # fmt: skip
        levels = max(levels, local, key=len)
        found.append((label, numbers))
        report.metadata = {"hilbert": str(hilbert)}
    taken = [Taken(Job(label, label), _rows(numbers, label, levels)) for label, numbers in found]
    return sweep(taken, config, report, Path(), local_states=levels)


def _measured(state: Any, shots: int, rng: np.random.Generator, label: str) -> np.ndarray:
    """Snapshots of a state vector, in the order of its own `all_states`."""
    psi = np.asarray(state.to_array()).reshape(-1)
    basis = np.asarray(state.hilbert.all_states())
    if basis.shape[0] != psi.size:
        raise DataError("one amplitude per basis state", where=label,
                        value=f"{psi.size} amplitudes, {basis.shape[0]} states")  # fmt: skip
    counts = sample_from_probabilities(np.abs(psi) ** 2, shots, rng)
    return rng.permutation(np.repeat(basis, counts, axis=0))


def _states(hilbert: str, numbers: np.ndarray) -> tuple[float, ...]:
    """Local states of a Hilbert space, from its text; a Fock space without end from its samples."""
    spin = _SPIN.match(hilbert)
    if spin:
        top, _, bottom = spin[1].partition("/")
        try:
            levels = round(2 * float(top) / float(bottom or 1)) + 1
        except (ValueError, ZeroDivisionError):
            levels = 0
        if 2 <= levels <= _MOST_LEVELS:
            return tuple(float(2 * m - (levels - 1)) for m in range(levels))
    kind = _ZERO_BASED.match(hilbert)
    if kind:
        most = re.search(r"n_max\s*=\s*(\d{1,4})\b", hilbert)
        if most:
            return tuple(map(float, range(int(most[1]) + 1)))
        return (0.0, 1.0) if kind[1] == "Qubit" else _occupations(numbers)
    raise DataError(
        "the text of the Hilbert space is not understood", where="hilbert", value=hilbert,
        hint="local_states = [...] lists the values of a site",
    )  # fmt: skip


def _occupations(numbers: np.ndarray) -> tuple[float, ...]:
    top = numbers.max() if numbers.size and numbers.dtype.kind in "biuf" else 1
    return tuple(map(float, range(int(min(max(top, 1), 255)) + 1)))


def _rows(numbers: np.ndarray, where: str, states: Sequence[float]) -> np.ndarray:
    if numbers.ndim < 2 or 0 in numbers.shape:
        raise DataError("samples have the shape (chains, n, sites) or (n, sites)", where=where,
                        value=f"shape {numbers.shape}")  # fmt: skip
    flat = numbers.reshape(-1, numbers.shape[-1])
    return as_codes(flat, where, values="physical", local_states=states).rows
