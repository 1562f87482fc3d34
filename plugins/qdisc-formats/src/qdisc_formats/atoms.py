"""Shots of neutral-atom arrays: which count, what becomes of missing atoms, tiled copies.

A shot has two pictures, one before the pulse (1 = an atom, 0 = none) and one after (1 = an atom in
the ground state, 0 = none seen: excited to the Rydberg state, or lost). Code 1 is Rydberg.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from qdisc.errors import ConfigError, DataError

from qdisc_formats.bits import table_of_bits
from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report

GROUND, RYDBERG, NO_ATOM = 0, 1, 2
LEVELS = "ground, Rydberg, no atom"
STATES = (0.0, 1.0, 2.0)


class AtomConfig(SweepConfig):
    """Options of loaders of atom arrays.

    Attributes:
        atom_loss: What becomes of a shot that lacks an atom before the pulse. "drop": it is left
            out. "third_state": it stays, and code 2 marks the site without an atom. "mask":
            sites that are too often empty (`mask_above`) leave every snapshot, with their
            positions; then shots that lack an atom at a remaining site are left out. A site is
            masked for good or not at all, because a snapshot has one outcome for each site.
        mask_above: Share of shots, in [0, 1), above which an empty site is masked.
        copies: What becomes of an array that holds several copies of a system. "split": each
            copy is a snapshot. "together": the whole array is one snapshot.
    """

    atom_loss: Literal["drop", "mask", "third_state"] = "drop"
    mask_above: float = 0.05
    copies: Literal["split", "together"] = "split"

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0 <= self.mask_above < 1:
            raise ConfigError("a share of the shots in [0, 1) is wanted", where="data.mask_above",
                              value=self.mask_above)  # fmt: skip


@dataclass(frozen=True)
class Shots:
    """Two pictures (n, N) per shot of one job; 1 is an atom that is seen."""

    before: np.ndarray
    after: np.ndarray


def read_shots(
    shots: Sequence[tuple[Any, Any, Any]],
    n_sites: int | None,
    filling: np.ndarray | None,
    good: str,
    label: str,
    report: Report,
    weight: int = 1,
) -> Shots:
    """Pictures of the shots that succeeded, with the sites that are meant to be filled only.

    Args:
        shots: (status, before, after) as the file has them.
        n_sites: Number of sites, when the file says it.
        filling: For each site whether it is meant to hold an atom, or None for all.
        good: The status of success, in any case of letters.
        label: Name of the job in messages.
        report: Where dropped shots are counted.
        weight: Snapshots in a shot.

    Raises:
        DataError: A picture of another length than the array, or an entry that is not 0 or 1.
    """
    report.read += len(shots) * weight
    kept: list[int] = []
    for n, (status, before, after) in enumerate(shots):
        if not isinstance(status, str):
            raise DataError("a shot has a status", where=f"{label}, shot {n}", value=status)
        if status.lower() != good.lower():
            report.drop(f"with status {status}", weight)
        elif not before or not after:
            report.drop("without a picture", weight)
        else:
            kept.append(n)
    pictures = [
        _pictures([shots[n][k] for n in kept], kept, n_sites, f"{label}, {word}")
        for k, word in ((1, "picture before the pulse"), (2, "picture after the pulse"))
    ]
    before, after = pictures
    if before.shape != after.shape:
        raise DataError("the two pictures of a shot have different numbers of sites", where=label,
                        value=f"{before.shape[1]} before, {after.shape[1]} after")  # fmt: skip
    if filling is not None and before.shape[0]:
        extra = before[:, ~filling].any(1)
        report.drop("with an atom at a site that is meant to be empty", int(extra.sum()) * weight)
        before, after = before[~extra], after[~extra]
    if filling is not None and not filling.all():
        gone = np.flatnonzero(~filling)
        report.note(f"sites left out, empty by design: {_some(gone)}")
        before, after = before[:, filling], after[:, filling]
    return Shots(before, after)


def snapshots(
    jobs: Sequence[Shots], config: AtomConfig, report: Report
) -> tuple[list[np.ndarray], np.ndarray]:
    """Codes (n_j, sites) of each job, and which sites are kept.

    Args:
        jobs: Pictures of each job; copies are split already.
        config: What becomes of missing atoms.
        report: Where it is noted.
    """
    n = jobs[0].before.shape[1] if jobs else 0
    kept = np.ones(n, bool)
    if config.atom_loss == "third_state":
        report.note("atom_loss = third_state: code 2 is a site without an atom before the pulse")
        return [np.where(j.before == 0, NO_ATOM, _codes(j)).astype(np.uint8) for j in jobs], kept
    if config.atom_loss == "mask":
        every = np.concatenate([job.before for job in jobs])
        empty = 1.0 - every.mean(0) if every.size else np.zeros(n)
        kept = empty <= config.mask_above
        words = ", ".join(f"{i} ({100 * empty[i]:.1f} %)" for i in np.flatnonzero(~kept)[:12])
        report.note(
            f"atom_loss = mask: sites empty in more than {100 * config.mask_above:g} % of the "
            f"shots are left out: {words or 'none'}"
        )
        if not kept.any():
            raise DataError("every site is empty too often", where="atom_loss = \"mask\"",
                            value=f"share of empty shots {empty.min():.3f} to {empty.max():.3f}",
                            hint="raise mask_above, or atom_loss = \"third_state\"")  # fmt: skip
    else:
        report.note("atom_loss = drop (third_state keeps these shots, mask drops bad sites)")
    rows = []
    for job in jobs:
        full = job.before[:, kept].all(1)
        report.drop("with an atom missing before the pulse", int((~full).sum()))
        rows.append(_codes(job)[full][:, kept])
    return rows, kept


def split_copies(shots: Shots, copies: np.ndarray) -> Shots:
    """Each copy as a snapshot of its own; `copies` (copies, sites) holds indices of the array."""
    n = copies.shape[1]
    return Shots(shots.before[:, copies].reshape(-1, n), shots.after[:, copies].reshape(-1, n))


def _codes(shots: Shots) -> np.ndarray:
    return np.where(shots.after == 0, RYDBERG, GROUND).astype(np.uint8)


def _pictures(lists: list[Any], shot: list[int], n_sites: int | None, label: str) -> np.ndarray:
    width = n_sites if n_sites is not None else len(lists[0]) if lists else 0
    if not lists:
        return np.zeros((0, width), np.uint8)
    for n, row in zip(shot, lists, strict=True):
        if not isinstance(row, list) or len(row) != width:
            raise DataError("a picture has one entry per site", where=f"{label}, shot {n}",
                            value=f"{len(row)} entries" if isinstance(row, list) else row,
                            hint=f"{width} sites, as the array has")  # fmt: skip
    pictures = table_of_bits(lists)
    if pictures is not None:
        return pictures
    for n, row in zip(shot, lists, strict=True):
        for site, value in enumerate(row):
            if isinstance(value, bool) or not isinstance(value, int) or value not in (0, 1):
                raise DataError("an entry of a picture is 0 or 1", value=value,
                                where=f"{label}, shot {n}, site {site}")  # fmt: skip
    return np.array(lists, dtype=np.uint8)


def _some(numbers: np.ndarray) -> str:
    return ", ".join(map(str, numbers[:12])) + (" ..." if numbers.size > 12 else "")
