"""Checks of loaders: the file they read, files of others, and damaged ones."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load_with
from qdisc.errors import QdiscError
from qdisc.plugin.registry import Registry

FOREIGN = {
    "empty.dat": b"",
    "words.txt": b"these are no snapshots\n",
    "bytes.bin": bytes(range(256)) * 8,
    "zip.npz": b"PK\x03\x04 not really an archive",
}


def checks(
    obj: Any, config: Any, file: str | Path | None
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Checks by name; those that read need a file."""
    yield "refuses_other_files", partial(refuses_other_files, obj)
    if file is not None:
        path = Path(file)
        yield "knows_its_file", partial(knows_its_file, obj, path)
        yield "loads_a_dataset", partial(loads_a_dataset, obj, config, path)
        yield "survives_damage", partial(survives_damage, obj, config, path)


def refuses_other_files(obj: Any) -> None:
    """`guess` says no to what is not its own, and never fails on it."""
    with tempfile.TemporaryDirectory(prefix="qdisc-check-") as folder:
        for name, content in FOREIGN.items():
            path = Path(folder) / name
            path.write_bytes(content)
            try:
                answer = obj.guess(path)
            except QdiscError:
                continue  # "it is mine, and damaged" is an answer
            assert answer is False or answer == 0, f"guess({name!r}) is {answer!r}"


def knows_its_file(obj: Any, path: Path) -> None:
    """`guess` says yes to the file."""
    assert obj.guess(path), f"guess({path.name!r}) does not recognise it"


def loads_a_dataset(obj: Any, config: Any, path: Path) -> None:
    """The same Dataset every time; the file is left as it was."""
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    first, again = (obj.load(path, config) for _ in "ab")
    assert isinstance(first, Dataset), f"load gave {type(first).__name__}, not a qdisc.Dataset"
    assert first.sha256 == again.sha256, "the second reading differs from the first"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before, "the file was changed"
    assert first.data_type in obj.spec.data_kinds, f"spec.data_kinds lacks {first.data_type}"


def survives_damage(obj: Any, config: Any, path: Path) -> None:
    """A file that ends too early is an error of qdisc that names the file, never a crash."""
    data = path.read_bytes()
    registry = Registry([("loader", obj)])
    with tempfile.TemporaryDirectory(prefix="qdisc-check-") as folder:
        broken = Path(folder) / f"broken{path.suffix}"
        for part in (0.1, 0.5, 0.9):
            shutil.copy(path, broken)
            broken.write_bytes(data[: int(part * len(data))])
            try:
                load_with(registry, broken, obj.spec.name)
            except QdiscError as error:
                words = str(error)
                assert broken.name in words, f"the error does not name the file: {words}"
                assert "failed:" not in words.split("\n")[0], f"an unforeseen exception: {words}"
