"""Generate a dataset: line after line of the sweep, in several processes where that pays."""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from qdisc._typing import FloatArray, IntArray
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError
from qdisc.physics.ground_states import grid
from qdisc.physics.make.config import MakeConfig
from qdisc.physics.make.journal import Journal
from qdisc.physics.make.makers import Drawn, Maker

PAYS = 20.0  # seconds of work from which more processes are worth their start
_LINE = 16  # settings of a line when there is one axis only


def make_snapshots(
    config: MakeConfig,
    name: str = "",
    *,
    workers: int | None = 1,
    parts: Path | None = None,
    progress: Any = None,
) -> Dataset:
    """Draw snapshots at every setting of a sweep.

    Settings do not share random numbers, so a setting keeps its snapshots when the number of
    shots grows; and lines of the sweep are drawn independently of each other, so the result does
    not depend on the number of processes. A generation that was interrupted inside a line starts
    the rest of it from scratch: its ground states then agree to rounding (1e-9).

    Args:
        config: Model, grid, shots and seed.
        name: A short name of the data.
        workers: Processes; None chooses from the work and the machine. A script that asks for
            more than one needs Python's usual `if __name__ == "__main__":`.
        parts: Folder for finished settings, from which an interrupted generation goes on; it is
            up to the caller to remove it (`Journal.remove`) once the dataset is safe.
        progress: An object with stage(name, total), advance(n).

    Returns:
        A grid dataset with one axis per coupling, in the order of `config.grid`.

    Raises:
        ConfigError: The configuration makes no sense.
        DataError: `parts` belongs to another recipe.
    """
    maker = config.maker()
    order = [maker.theta_names.index(axis) for axis in config.grid]
    theta = grid([axis.values() for axis in config.grid.values()])
    couplings = np.empty_like(theta)
    couplings[:, order] = theta
    journal = None if parts is None else journal_of(config, parts)
    drawn = {} if journal is None else journal.open()
    if progress is not None:
        progress.stage(f"making {name or config.model}", len(theta))
        progress.advance(len(drawn))
    work = [left for line in lines(config) if (left := line[~np.isin(line, list(drawn))]).size]
    tasks = [(maker, couplings[w], w, config.shots, config.seed) for w in work]
    seconds = maker.seconds(config.shots) * sum(map(len, work))
    for found in _run(tasks, _workers(workers, seconds), journal):
        drawn.update(found)
        if progress is not None:
            progress.advance(len(found))
    ordered = [drawn[i] for i in range(len(theta))]
    counts = np.concatenate([d.counts for d in ordered])
    rows = np.repeat(np.concatenate([d.rows for d in ordered]), counts, axis=0)
    point = np.repeat(np.arange(len(theta)), [int(d.counts.sum()) for d in ordered])
    return Dataset.from_points(
        rows,
        point,
        theta,
        data_type=maker.data_type,
        theta_names=tuple(config.grid),
        theta_units=tuple(maker.theta_units[k] for k in order),
        local_states=maker.local_states,
        sites=maker.lattice.positions,
        periodic=maker.lattice.periodic,
        name=name,
        source={"made": maker.made, **_words(config)},
    )


def lines(config: MakeConfig) -> list[IntArray]:
    """Settings that are drawn one after the other, warm: the lines along the last axis."""
    shape = [axis.num for axis in config.grid.values()]
    index = np.arange(int(np.prod(shape)))
    length = shape[-1] if len(shape) > 1 else _LINE
    return [index[start : start + length] for start in range(0, index.size, length)]


def journal_of(config: MakeConfig, parts: Path) -> Journal:
    """The journal of a configuration in a folder."""
    return Journal(Path(parts), msgspec.json.encode(config, order="deterministic").decode())


def _line(
    maker: Maker, theta: FloatArray, index: IntArray, shots: int, seed: int
) -> Iterator[tuple[int, Drawn]]:
    return zip(index.tolist(), maker.draw(theta, index, shots, seed), strict=True)


def _whole_line(journal: Journal | None, *line: Any) -> dict[int, Drawn]:
    drawn = _line(*line)
    return dict(drawn if journal is None else journal.keeping(drawn, all_of_it=True))


def _run(work: list[tuple], workers: int, journal: Journal | None) -> Iterator[dict[int, Drawn]]:
    """Settings as they are finished."""
    if workers == 1 or len(work) < 2:
        drawn = itertools.chain.from_iterable(_line(*line) for line in work)
        for i, found in drawn if journal is None else journal.keeping(drawn):
            yield {i: found}
        return
    # threads would share the work less evenly: between the products of large matrices, Lanczos
    # holds the interpreter (15 sites on two cores: 1.5 times as fast, processes 1.9 times)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(work)), mp_context=context)
    try:
        for done in as_completed([pool.submit(_whole_line, journal, *line) for line in work]):
            yield done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _workers(asked: int | None, seconds: float) -> int:
    if asked is not None:
        if isinstance(asked, bool) or asked < 1:
            raise ConfigError("at least one process", where="workers", value=asked)
        return asked
    return 1 if seconds < PAYS else len(os.sched_getaffinity(0))


def _words(config: MakeConfig) -> dict[str, str]:
    """The configuration as text, for the dataset's source; what is at its default is left out."""
    out = {
        "model": config.model,
        "shape": " x ".join(map(str, config.shape)),
        "coupling": repr(config.coupling),
        "shots": str(config.shots),
        "seed": str(config.seed),
    }
    if config.measure != "Z":
        out["measure"] = config.measure
    if config.heavy is not None:
        out["heavy"] = str(config.heavy)
    return out
