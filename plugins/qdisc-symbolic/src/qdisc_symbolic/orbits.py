"""Products of up to four variables, pooled over the translations of the lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError

from qdisc_symbolic.formula import Formula, Term, symbols_of

MOST_CLUSTERS = 20_000
_CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class Orbit:
    """All clusters of columns that a translation carries into each other.

    Attributes:
        label: Displacements from the first member, such as "(0,1)(1,0)"; "()" for single columns.
            Hybrid data name the kind of each column, "f(0)d(1)".
        clusters: Columns of each member, (members, bodies).
    """

    label: str
    clusters: tuple[tuple[int, ...], ...]

    @property
    def bodies(self) -> int:
        """Columns in a cluster."""
        return len(self.clusters[0])


def orbits(dataset: Dataset, bodies: int = 4, reach: float | None = None) -> tuple[Orbit, ...]:
    """All orbits of clusters, those of few bodies first.

    Open lattices are not closed under translations: an orbit holds the clusters of one shape that
    fit on the lattice. Along periodic directions shapes are compared around it.

    Args:
        dataset: Knows where the sites are.
        bodies: Most columns in a cluster, 1 to 4.
        reach: Longest distance within a cluster, in lattice units; unset: the longest that leaves
            no more clusters than can be looked through.

    Raises:
        ConfigError: Numbers without meaning, or more clusters than can be looked through.
        DataError: Shadow data.
    """
    if not 1 <= bodies <= 4:
        raise ConfigError("clusters have one to four bodies", where="bodies", value=bodies)
    if dataset.data_type == "shadow":
        raise DataError("correlators of shadows are not defined: basis codes are not spins",
                        where=dataset.name or "dataset", value=dataset.data_type)  # fmt: skip
    n, columns = dataset.n_sites, dataset.input_size
    position, length = _lattice(dataset)
    site = np.arange(columns) % n
    apart = np.linalg.norm(_wrapped(position[site][:, None] - position[site][None], length), axis=2)
    if reach is None:
        clusters = _as_far_as_possible(apart, bodies)
    else:
        clusters = _clusters(apart <= reach + 1e-9, bodies)
    if clusters is None:
        raise ConfigError(
            "too many clusters to look through", where="reach", value=reach,
            hint=f"at most {MOST_CLUSTERS}: a smaller reach, or fewer than {bodies} bodies",
        )  # fmt: skip
    found: dict[tuple, list[tuple[int, ...]]] = {}
    for cluster in clusters:
        key = (len(cluster), *_shape(cluster, site, n, position, length))
        found.setdefault(key, []).append(cluster)
    return tuple(Orbit(_label(key[1:], dataset), tuple(members))
                 for key, members in sorted(found.items()))  # fmt: skip


def _clusters(near: np.ndarray, bodies: int) -> list[tuple[int, ...]] | None:
    """Sets of columns that are all near each other; None when there are too many."""
    out: list[tuple[int, ...]] = []
    level = [(column,) for column in range(len(near))]
    for size in range(1, bodies + 1):
        out += level
        if len(out) > MOST_CLUSTERS:
            return None
        if size < bodies:
            longer = []
            for cluster in level:
                open_ = near[list(cluster)].all(axis=0)
                longer += [(*cluster, int(k)) for k in np.flatnonzero(open_) if k > cluster[-1]]
                if len(out) + len(longer) > MOST_CLUSTERS:
                    return None
            level = longer
    return out


def _as_far_as_possible(apart: np.ndarray, bodies: int) -> list[tuple[int, ...]] | None:
    best = None
    for reach in np.unique(apart.round(6)):
        more = _clusters(apart <= reach + 1e-5, bodies)
        if more is None:
            break
        best = more
    return best


def pooled_products(orbits: tuple[Orbit, ...], x: np.ndarray) -> np.ndarray:
    """Mean over the members of each orbit of the product of their variables, (n, orbits)."""
    out = np.empty((len(x), len(orbits)))
    for k, orbit in enumerate(orbits):
        clusters = np.array(orbit.clusters)
        step = max(1, _CHUNK_BYTES // (8 * max(len(x), 1)))
        total = np.zeros(len(x))
        for start in range(0, len(clusters), step):
            part = clusters[start : start + step]
            product = x[:, part[:, 0]].copy()
            for body in range(1, orbit.bodies):
                product *= x[:, part[:, body]]
            total += product.sum(axis=1)
        out[:, k] = total / len(clusters)
    return out


def orbit_formula(
    dataset: Dataset, orbits: tuple[Orbit, ...], coefficients: np.ndarray, constant: float = 0.0
) -> Formula:
    """sum_O c_O <O> + b, <O> the mean over the members of an orbit."""
    symbols = symbols_of(dataset)
    terms = tuple(
        Term(float(coefficients[k]) / len(orbits[k].clusters), orbits[k].clusters,
             orbits[k].label, _latex(orbits[k].label, symbols[0]))
        for k in np.flatnonzero(coefficients)
    )  # fmt: skip
    return Formula(terms, constant, symbols)


def _lattice(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions (sites, dim) and the length of each direction, infinite where it does not close."""
    position = dataset.spec.positions
    length = np.full(position.shape[1], np.inf)
    for axis, wraps in enumerate(() if dataset.periodic is None else dataset.periodic):
        steps = np.diff(np.unique(position[:, axis].round(9)))
        if wraps and steps.size:
            length[axis] = np.ptp(position[:, axis]) + steps.min()
    return position, length


def _wrapped(delta: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Displacements around the shorter way, -length / 2 < delta <= length / 2."""
    closed = np.isfinite(length)
    out = np.array(delta, dtype=np.float64)
    size = length[closed]
    out[..., closed] = size / 2 - (size / 2 - out[..., closed]) % size
    return out


def _shape(
    cluster: tuple[int, ...], site: np.ndarray, n: int, position: np.ndarray, length: np.ndarray
) -> tuple:
    """A name that translated clusters share: the greatest of the views from each member."""
    at = position[site[list(cluster)]]
    kinds = [c // n for c in cluster]
    views = []
    for origin, kind in zip(at, kinds, strict=True):
        delta = _wrapped(at - origin, length).round(6) + 0.0
        seen = sorted(zip(kinds, map(tuple, delta.tolist()), strict=True))
        seen.remove((kind, (0.0,) * at.shape[1]))
        views.append((kind, *seen))
    return max(views)  # on an open lattice the view with displacements forwards


def _label(shape: tuple, dataset: Dataset) -> str:
    first, others = shape[0], shape[1:]
    hybrid = dataset.data_type == "hybrid"
    kinds = "fd" if hybrid else ("", "")
    start = f"{kinds[first]}(0)" if hybrid else ""
    steps = "".join(
        kinds[kind] + "(" + ",".join(f"{d:g}" for d in delta) + ")" for kind, delta in others
    )
    return start + steps if start + steps else "()"


def _latex(label: str, symbol: str) -> str:
    r"""Sum over translations, such as \sum_r s_r s_{r+(0,1)}."""
    letter = symbol.split("_")[0]
    if label == "()":
        return rf"\sum_r {letter}_r"
    parts = label.rstrip(")").split(")")
    out = "" if parts[0][0] in "fd" else f" {letter}_r"
    for part in parts:
        kind, _, step = part.partition("(")
        out += f" {kind}_r" if step == "0" and kind else f" {kind or letter}_{{r+({step})}}"
    return rf"\sum_r{out}"


def describe(orbits: tuple[Orbit, ...], coefficients: np.ndarray, most: int = 6) -> str:
    """The largest terms of a formula in words, such as "-1.2 <(0,1)> (12 clusters)"."""
    order = np.argsort(-np.abs(coefficients))
    used = [k for k in order if coefficients[k]]
    words = [f"{coefficients[k]:+.3g} <{orbits[k].label}>" for k in used[:most]]
    more = f" and {len(used) - most} more" if len(used) > most else ""
    return " ".join(words) + more if words else "nothing"
