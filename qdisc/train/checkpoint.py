"""Checkpoints: one HDF5 file per training, replaced as a whole, from which it goes on bit by bit.

It holds the parameters, the state of the optimiser, the number of steps (with the fit's key it
fixes the order of the data and every random number), the record of all steps, the best parameters
on validation, and the start of the epoch under way, to which a diverging training goes back.
Beside them stands what was trained on what: a checkpoint of another training is refused.
"""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import jax
import numpy as np

from qdisc.dataset.safe_hdf5 import safe_open
from qdisc.dataset.safe_read import read_array, read_attribute
from qdisc.errors import QdiscError, ResultError, TrainingError
from qdisc.publish import locked, publish
from qdisc.train.course import Anchor, Course

_SCHEMA = "1.0"
_CHANGES_ROUNDING = (
    "jax",
    "device",
    "devices",
)  # of the identity: another one goes on, but not bit by bit


@dataclass
class Checkpoint:
    """The file that one training is kept in.

    Attributes:
        path: The file; one at a time, replaced at once or not at all.
        seconds: Time between two writings.
        resume: Go on from what the file holds, if it exists.
    """

    path: Path
    seconds: float = 60.0
    resume: bool = False
    _last: float = 0.0
    _failed: bool = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep a second training out of the file.

        Raises:
            ResultError: Another one is at work on it.
        """
        with locked(self.path, "checkpoint"):
            self._last = time.monotonic()
            yield

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._last >= self.seconds

    def write(
        self, identity: Mapping[str, Any], state: Any, anchor: Anchor, course: Course
    ) -> None:
        """Write the file; a disk that refuses is told once, and costs the training nothing."""
        image = _image(identity, state, anchor, course)
        try:
            publish(self.path, image, lambda _: None)
        except ResultError as error:
            if not self._failed:
                warnings.warn(f"no checkpoint: {error}", UserWarning, stacklevel=2)
            self._failed = True
        self._last = time.monotonic()

    def read(
        self, identity: Mapping[str, Any], state: Any, params: Any
    ) -> tuple[Any, Anchor, Course] | None:
        """What the file holds, or None when there is no file.

        Args:
            identity: What is being trained; the file's must be the same.
            state: A state of the same structure.
            params: Parameters of the same structure.

        Raises:
            TrainingError: The file is damaged, or of another training.
        """
        if not self.path.exists():
            return None
        with safe_open(self.path, error=TrainingError) as file:
            if read_attribute(file, "qdisc_type", "") != "checkpoint":
                raise TrainingError("this is no checkpoint", where=str(self.path),
                                    hint="move it away, or choose another output")  # fmt: skip
            self._same_training(json.loads(str(read_attribute(file, "identity", "{}"))), identity)
            try:
                if read_attribute(file, "sha256", "") != _digest(file):
                    raise ValueError("its checksum does not fit its content")
                return _restored(file, state, params)
            except (KeyError, ValueError, TypeError, QdiscError) as error:
                raise TrainingError(
                    "the checkpoint is damaged", where=str(self.path), value=str(error),
                    hint="delete it and start again",
                ) from error  # fmt: skip

    def _same_training(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        other = [key for key in now if was.get(key) != now[key]]
        told = [f"{key}: {was.get(key)!r} there, {now[key]!r} now" for key in other]
        if [key for key in other if key not in _CHANGES_ROUNDING]:
            raise TrainingError(
                "the checkpoint belongs to another training", where=str(self.path),
                value="; ".join(told)[:500],
                hint="run the recipe it was made with, or leave out --resume to start again",
            )  # fmt: skip
        if other:
            warnings.warn(
                f"{self.path}: {'; '.join(told)}: the training goes on, to rounding only",
                UserWarning,
                stacklevel=4,
            )

    def remove(self) -> None:
        """The training is kept elsewhere now."""
        self.path.unlink(missing_ok=True)


def sound(path: Path) -> bool:
    """Whether a file is a checkpoint whose content fits its checksum.

    Raises:
        TrainingError: It cannot even be opened.
    """
    with safe_open(path, error=TrainingError) as file:
        return read_attribute(file, "sha256", "") == _digest(file)


_TOLD = ("setbacks", "best", "best_epoch", "reason", "message", "n_compilations")


def _image(identity: Mapping[str, Any], state: Any, anchor: Anchor, course: Course) -> bytes:
    with h5py.File(
        "checkpoint", "w", driver="core", backing_store=False, libver=("earliest", "v110")
    ) as file:
        file.attrs["qdisc_type"] = "checkpoint"
        file.attrs["qdisc_schema"] = _SCHEMA
        file.attrs["identity"] = json.dumps(dict(identity), sort_keys=True)
        _put(file, "state", state)
        # Set back or not, the course of an anchor is the beginning of the course.
        file.attrs["anchor_epoch"] = anchor.course.epoch
        _put(file, "anchor", anchor.state)
        if course.best_params is not None:
            _put(file, "best", course.best_params)
        file.attrs["course"] = json.dumps({name: getattr(course, name) for name in _TOLD})
        file["validation"] = np.array(course.validation, np.float64)
        records = course.records
        file["steps"] = np.concatenate(records) if records else np.zeros((0, 0), np.float32)
        file["lengths"] = np.array([rows.shape[0] for rows in course.steps], np.int64)
        file.attrs["sha256"] = _digest(file)
        file.flush()
        return file.id.get_file_image()


def _put(file: h5py.File, name: str, tree: Any) -> None:
    group = file.create_group(name)
    for number, (path, leaf) in enumerate(jax.tree_util.tree_leaves_with_path(tree)):
        item = group.create_dataset(f"{number:05d}", data=np.asarray(leaf))
        item.attrs["path"] = jax.tree_util.keystr(path)


def _get(group: Any, like: Any) -> Any:
    leaves, structure = jax.tree_util.tree_flatten(like)
    if len(group) != len(leaves):
        raise ValueError(f"{group.name} holds {len(group)} arrays, the training has {len(leaves)}")
    arrays = [read_array(group[f"{number:05d}"]) for number in range(len(leaves))]
    for array, leaf in zip(arrays, leaves, strict=True):
        if (array.shape, array.dtype) != (np.shape(leaf), np.asarray(leaf).dtype):
            raise ValueError(f"{group.name} holds {array.shape} {array.dtype}, not as trained")
    return jax.tree_util.tree_unflatten(structure, arrays)


def _restored(file: h5py.File, state: Any, params: Any) -> tuple[Any, Anchor, Course]:
    told = json.loads(str(read_attribute(file, "course")))
    course = Course(**{name: told[name] for name in _TOLD})
    course.validation = read_array(file["validation"]).tolist()
    rows, lengths = read_array(file["steps"]), read_array(file["lengths"])
    ends = np.cumsum(lengths)
    pieces = np.split(rows, ends)
    course.steps, course.partial = pieces[:-1], [pieces[-1]] if pieces[-1].shape[0] else []
    if "best" in file:
        course.best_params = _get(file["best"], params)
    begin = course.copy()
    first = int(read_attribute(file, "anchor_epoch"))
    begin.steps, begin.partial = begin.steps[:first], []
    return _get(file["state"], state), Anchor(_get(file["anchor"], state), begin), course


def _digest(file: h5py.File) -> str:
    digest = hashlib.sha256()

    def add(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            array = np.asarray(node[()])
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode() + array.tobytes())

    file.visititems(add)
    for name in ("identity", "course", "anchor_epoch"):
        digest.update(f"{name} {file.attrs[name]}".encode())
    return digest.hexdigest()
