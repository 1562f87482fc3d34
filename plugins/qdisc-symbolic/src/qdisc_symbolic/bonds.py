"""Which bonds a formula consists of: pairs grouped by displacement on the lattice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qdisc.dataset.dataset import Dataset

from qdisc_symbolic.ansatz import pairs
from qdisc_symbolic.formula import Formula, Term, symbols_of


@dataclass(frozen=True)
class BondClass:
    """All pairs of one kind at one displacement, up to reflections and exchange of the axes.

    Attributes:
        displacement: |dx|, |dy|, ... in lattice units, largest first.
        kind: Variables of a pair of hybrid data, "ff", "fd" or "dd"; "" elsewhere.
        members: Numbers of the pairs in the order of the coefficients, (bonds,).
        n_positive: Bonds with a coefficient above 0.
        n_negative: Bonds with a coefficient below 0.
        mean: Mean coefficient of all of them.
        std: Standard deviation of the same; small where the displacement explains them.
    """

    displacement: tuple[float, ...]
    kind: str
    members: np.ndarray
    n_positive: int
    n_negative: int
    mean: float
    std: float

    @property
    def n_bonds(self) -> int:
        """How many pairs there are, in the formula or not."""
        return self.members.size

    @property
    def label(self) -> str:
        """Such as "(1,1)", or "fd(0,0)" for both variables of one site."""
        return self.kind + "(" + ",".join(f"{d:g}" for d in self.displacement) + ")"

    def __str__(self) -> str:
        used = self.n_positive + self.n_negative
        sign = "all +" if not self.n_negative else "all -" if not self.n_positive else (
            f"{self.n_positive} +, {self.n_negative} -"
        )  # fmt: skip
        return f"{used} of {self.n_bonds} {self.label} {sign}"


def bond_classes(dataset: Dataset, alpha: np.ndarray) -> tuple[BondClass, ...]:
    """Group the coefficients of all pairs, nearest bonds first.

    Periodic directions count the shorter way around, as `DataSpec.distances` does.

    Args:
        dataset: Knows where the sites are.
        alpha: Coefficients, (pairs,).
    """
    i, j = pairs(dataset.input_size)
    kinds = np.zeros(i.size, dtype=int)
    if dataset.data_type == "hybrid":
        kinds = (i >= dataset.n_sites).astype(int) + (j >= dataset.n_sites)
        i, j = i % dataset.n_sites, j % dataset.n_sites
    apart = -np.sort(-displacement(dataset)[i, j], axis=1)
    distance = np.linalg.norm(apart, axis=1).round(6)
    keys = np.column_stack([kinds, distance, apart.round(6)])
    out = []
    for key in np.unique(keys, axis=0):
        members = np.flatnonzero((keys == key).all(axis=1))
        a = alpha[members]
        kind = ("ff", "fd", "dd")[int(key[0])] if dataset.data_type == "hybrid" else ""
        out.append(BondClass(tuple(key[2:].tolist()), kind, members, int((a > 0).sum()),
                             int((a < 0).sum()), float(a.mean()), float(a.std())))  # fmt: skip
    return tuple(sorted(out, key=lambda c: (np.linalg.norm(c.displacement), c.kind)))


def support_words(classes: tuple[BondClass, ...]) -> str:
    """The bonds of a formula in words, such as "8 of 8 (1,1) all +"."""
    used = [str(c) for c in classes if c.n_positive + c.n_negative]
    return ", ".join(used) if used else "no bond"


def displacement(dataset: Dataset) -> np.ndarray:
    """|r_i - r_j| per direction, around the shorter way where periodic, (sites, sites, dim)."""
    position = dataset.spec.positions
    apart = np.abs(position[:, None] - position[None])
    for axis, wraps in enumerate(() if dataset.periodic is None else dataset.periodic):
        steps = np.diff(np.unique(position[:, axis].round(9)))
        if wraps and steps.size:
            length = np.ptp(position[:, axis]) + steps.min()
            apart[..., axis] = np.minimum(apart[..., axis], length - apart[..., axis])
    return apart


def pair_formula(dataset: Dataset, alpha: np.ndarray, constant: float = 0.0) -> Formula:
    """The two-body formula as it is, one term per bond."""
    i, j = pairs(dataset.input_size)
    terms = tuple(Term(float(alpha[k]), ((int(i[k]), int(j[k])),)) for k in np.flatnonzero(alpha))
    return Formula(terms, constant, symbols_of(dataset))


def class_formula(dataset: Dataset, alpha: np.ndarray, constant: float = 0.0) -> Formula:
    """The same with one coefficient per class: the mean over its bonds, in or out."""
    i, j = pairs(dataset.input_size)
    terms = tuple(
        Term(c.mean, tuple((int(i[k]), int(j[k])) for k in c.members), c.label)
        for c in bond_classes(dataset, alpha)
        if c.n_positive + c.n_negative
    )
    return Formula(terms, constant, symbols_of(dataset))
