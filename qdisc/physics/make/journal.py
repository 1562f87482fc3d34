"""Finished settings on disk, so that a long generation can be interrupted and continued."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qdisc.errors import DataError
from qdisc.physics.make.makers import Drawn

SECONDS = 2.0  # finished settings are written in batches, so that cheap ones cost nothing
_RECIPE = "recipe.txt"


@dataclass(frozen=True)
class Journal:
    """A folder of parts, each a few settings, each written completely or not at all.

    Attributes:
        folder: Where.
        recipe: Everything the snapshots depend on, as text: parts of another recipe are refused.
    """

    folder: Path
    recipe: str

    def open(self) -> dict[int, Drawn]:
        """What is there already: setting -> its snapshots.

        Raises:
            DataError: The folder belongs to another recipe or cannot be written.
        """
        note = self.folder / _RECIPE
        try:
            if note.is_file():
                if note.read_text(encoding="utf-8") != self.recipe:
                    raise DataError(
                        "these parts were begun with another recipe",
                        where=str(self.folder),
                        hint="remove the folder to start again, or write to another file",
                    )
            elif self.folder.exists() and any(self.folder.iterdir()):
                raise DataError(
                    "this folder is in the way: parts of the dataset would go there",
                    where=str(self.folder),
                    hint="remove it, or write to another file",
                )
        except OSError as error:
            raise DataError(
                "the parts cannot be read", where=str(self.folder), value=str(error)
            ) from error
        found: dict[int, Drawn] = {}
        for path in sorted(self.folder.glob("part_*.npz")):
            found.update(_read(path))
        return found

    def keeping(
        self, drawn: Iterable[tuple[int, Drawn]], all_of_it: bool = False
    ) -> Iterator[tuple[int, Drawn]]:
        """Pass settings on and write them every few seconds, and when something ends the loop.

        Args:
            drawn: Settings and their snapshots.
            all_of_it: Write what is left at the end too. Otherwise a generation that ends well
                within the first seconds leaves no trace: its dataset is about to be written.
        """
        batch: dict[int, Drawn] = {}
        last = time.monotonic()
        try:
            for i, found in drawn:
                batch[i] = found
                if time.monotonic() - last > SECONDS:
                    self._write(batch)
                    batch, last = {}, time.monotonic()
                yield i, found
        except BaseException:
            self._write(batch)  # an interruption: what is finished is kept
            raise
        if all_of_it:
            self._write(batch)

    def remove(self) -> None:
        """The dataset is complete: its parts are no longer needed."""
        if (self.folder / _RECIPE).is_file():
            shutil.rmtree(self.folder)

    def _write(self, batch: dict[int, Drawn]) -> None:
        if not batch:
            return
        self.folder.mkdir(exist_ok=True)
        self._replace(_RECIPE, lambda stream: stream.write(self.recipe.encode()))
        arrays = {
            "index": np.array(list(batch), dtype=np.int64),
            "lengths": np.array([len(d.counts) for d in batch.values()], dtype=np.int64),
            "rows": np.concatenate([d.rows for d in batch.values()]),
            "counts": np.concatenate([d.counts for d in batch.values()]),
        }
        name = f"part_{min(batch):06d}.npz"
        self._replace(name, lambda stream: np.savez(stream, **arrays))

    def _replace(self, name: str, write) -> None:
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=".tmp_")
        with os.fdopen(handle, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, self.folder / name)


def _read(path: Path) -> dict[int, Drawn]:
    try:
        with np.load(path, allow_pickle=False) as file:
            index, lengths, rows, counts = (
                file[name] for name in ("index", "lengths", "rows", "counts")
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
        raise DataError(
            "a part of the dataset is damaged", where=str(path), value=str(error),
            hint="remove this file: its settings are made again",
        ) from error  # fmt: skip
    ends = np.cumsum(lengths)
    return {
        int(i): Drawn(rows[end - n : end], counts[end - n : end])
        for i, n, end in zip(index, lengths.tolist(), ends.tolist(), strict=True)
    }
