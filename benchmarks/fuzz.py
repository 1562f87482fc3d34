"""`python -m benchmarks fuzz`: damaged files by the thousand, and what reading them does.

Every reader of strangers' files meets real files that were changed: bytes flipped, cut, repeated,
lengths replaced by huge ones, nodes of JSON replaced, members of archives changed (the mutators of
the loaders' tests). A file is read, or refused with the error that says why. Each batch runs in a
process of its own with a limit on its memory; what kills or stops the process is counted.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from benchmarks.measure import ROOT, peak_bytes, resident_bytes

BATCH = 500  # files per process
MEMORY = 2 << 30  # address space beyond what is in use when a batch begins
SLOW_S = 20.0  # of processor time for one file: more is a hang
BATCH_S = 600.0  # of wall clock for a batch: more is a hang
MUTATORS = ROOT / "plugins" / "qdisc-formats" / "tests" / "test_fuzz.py"
KINDS = ("discrete", "continuous", "hybrid", "shadow")


@dataclass
class Tally:
    """What became of the files that one reader met.

    Attributes:
        reader: Which one.
        files: How many were changed.
        read: Those that were read all the same.
        refused: Those refused with the error that says why.
        other: Other exceptions; MemoryError is one.
        crashes: Processes that died.
        hangs: Files, or batches, that took too long.
        slowest_s: Processor seconds of the slowest file.
        extra_mb: Most resident memory beyond that at the start of a batch.
    """

    reader: str
    files: int = 0
    read: int = 0
    refused: int = 0
    other: int = 0
    crashes: int = 0
    hangs: int = 0
    slowest_s: float = 0.0
    extra_mb: float = 0.0

    @property
    def bad(self) -> bool:
        return bool(self.other or self.crashes or self.hangs)


def readers() -> list[str]:
    """Names of everything that is attacked."""
    loaders = [f"loader {name}" for name in sorted(_mutators().SEEDS)]
    return [*(f"dataset {kind}" for kind in KINDS), "result", *loaders]


def fuzz(reader: str, count: int, seed: int = 0) -> Tally:
    """Attack one reader with `count` files."""
    tally = Tally(reader)
    for first in range(0, count, BATCH):
        wanted = min(BATCH, count - first)
        line = [sys.executable, "-m", "benchmarks.fuzz", reader, str(wanted), f"{seed} {first}"]
        tally.files += wanted
        try:
            done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=BATCH_S)
        except subprocess.TimeoutExpired:
            tally.hangs += 1
            continue
        if done.returncode != 0:
            tally.crashes += 1
            print(f"{' '.join(line)}: {done.returncode}\n{done.stderr[-2000:]}", file=sys.stderr)
            continue
        for name, value in json.loads(done.stdout.splitlines()[-1]).items():
            worst = name in ("slowest_s", "extra_mb")
            old = getattr(tally, name)
            setattr(tally, name, max(old, value) if worst else old + value)
    return tally


def batch(reader: str, count: int, seed: str) -> dict[str, Any]:
    """Read `count` changed files in this process.

    Raises:
        RuntimeError: Nothing the seeds of a reader can do: it refuses its own unchanged file.
    """
    mutators, rng = _mutators(), random.Random(f"{reader} {seed}")
    tally = Tally(reader)
    with tempfile.TemporaryDirectory(prefix="qdisc-fuzz-") as name:
        path, originals = _originals(reader, Path(name), mutators)
        for raw, read in originals:
            path.write_bytes(raw)
            if not _reads(read):
                raise RuntimeError(f"{reader} refuses the file that is to be changed")
        begun = resident_bytes()
        _limit_memory()
        for number in range(count):
            raw, read = originals[number % len(originals)]
            changed = mutators.change(raw, rng) or b"\0"
            path.write_bytes(changed)
            clock = time.process_time()
            try:
                good = _reads(read)
            except Exception as error:
                tally.other += 1
                kept = Path(tempfile.gettempdir()) / f"{reader}_{seed}_{number}".replace(" ", "_")
                kept.write_bytes(changed)
                print(f"{kept}: {type(error).__name__}: {error}", file=sys.stderr)
            else:
                tally.read += good
                tally.refused += not good
            took = time.process_time() - clock
            tally.slowest_s = max(tally.slowest_s, round(took, 3))
            tally.hangs += took > SLOW_S
    tally.extra_mb = round((peak_bytes() - begun) / 1e6, 1)
    told = asdict(tally)
    return {key: told[key] for key in told if key not in ("reader", "files")}


def _reads(read: Callable[[], Any]) -> bool:
    """Whether a file is read; False where it is refused with words of the reader's own."""
    from qdisc.errors import DataError, ResultError

    try:
        read()
    except (DataError, ResultError) as error:
        if error.what.startswith("the loader") and "failed" in error.what:
            raise RuntimeError(f"an exception that the loader did not expect: {error}") from error
        return False
    return True


def _originals(
    reader: str, folder: Path, mutators: ModuleType
) -> tuple[Path, list[tuple[bytes, Callable[[], Any]]]]:
    """The path that is read, and for each sound file its bytes and how it is read."""
    what, _, name = reader.partition(" ")
    path = folder / "changed.bin"
    if what == "dataset":
        from qdisc.dataset.hdf5 import read_dataset

        return path, [(_dataset(name, folder), lambda: read_dataset(path))]
    if what == "result":
        golden = sorted((ROOT / "tests" / "golden").glob("*.h5"))
        return path, [(file.read_bytes(), lambda: _whole_result(path)) for file in golden]
    from qdisc.dataset.load import load_with

    seeds = [(make(folder), options) for make, options in mutators.SEEDS[name]]
    read = path
    if name == "folder":  # the changed file is one of two
        read, path = folder / "many", folder / "many" / "h=1.bin"
        read.mkdir()
        (read / "h=2.bin").write_bytes(seeds[0][0])
        seeds = seeds[:1]  # the two must be of one kind to be read at all

    def load(options: dict[str, Any]) -> Any:
        from qdisc.errors import DataError

        with contextlib.suppress(DataError):
            mutators.REGISTRY.get("loader", name).guess(path=read)
        return load_with(mutators.REGISTRY, read, name, options)

    return path, [(raw, lambda options=options: load(options)) for raw, options in seeds]


def _whole_result(path: Path) -> None:
    """Validate, then read everything."""
    import warnings

    from qdisc.results.reader import open_result_file
    from qdisc.results.validate import validate

    warnings.simplefilter("ignore")
    validate(path)
    result = open_result_file(path)
    result.tree(), result.scales(), result.points(), result.params()


def _dataset(kind: str, folder: Path) -> bytes:
    import numpy as np

    from qdisc.dataset.dataset import Dataset
    from qdisc.dataset.hdf5 import write_dataset

    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (3, 40, 6))
    numbers = rng.normal(size=codes.shape)
    rows = {
        "discrete": codes,
        "continuous": numbers,
        "hybrid": np.concatenate([codes, numbers], axis=-1),
        "shadow": np.stack([rng.integers(2, 5, codes.shape), codes], -1).reshape(3, 40, 12),
    }[kind]
    return write_dataset(Dataset(rows, [np.arange(3.0)], kind), folder / f"{kind}.h5").read_bytes()


def _limit_memory() -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, hard))


def _mutators() -> ModuleType:
    """The tests of the loaders, whose mutators these are."""
    spec = importlib.util.spec_from_file_location("formats_fuzz", MUTATORS)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(tallies: Sequence[Tally]) -> str:
    """Markdown."""
    head = ("reader", "files changed", "read", "refused", "other errors", "crashes", "hangs",
            "slowest", "memory taken")  # fmt: skip
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    whole = Tally("all")
    for name in ("files", "read", "refused", "other", "crashes", "hangs"):
        setattr(whole, name, sum(getattr(t, name) for t in tallies))
    whole.slowest_s = max(t.slowest_s for t in tallies)
    whole.extra_mb = max(t.extra_mb for t in tallies)
    for t in [*tallies, whole]:
        cells = (t.reader, t.files, t.read, t.refused, t.other, t.crashes, t.hangs,
                 f"{t.slowest_s:.2f} s", f"{t.extra_mb:.1f} MB")  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if anything but reading and refusing happened."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fuzz", description=__doc__)
    parser.add_argument("--files", type=int, default=2000, metavar="N", help="for each reader")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--only", action="append", choices=readers(), metavar="READER",
                        help="'result', 'dataset discrete', 'loader csv', ...")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers")
    parser.add_argument("--write", action="store_true", help="write the table into README.md")
    options = parser.parse_args(arguments)
    tallies = []
    for reader in options.only or readers():
        tallies.append(fuzz(reader, options.files, options.seed))
        print(f"  {tallies[-1]}", file=sys.stderr, flush=True)
    print(table(tallies))
    if options.json:
        options.json.write_text(json.dumps([asdict(t) for t in tallies], indent=1) + "\n")
    if options.write:
        from benchmarks.pages import PAGE, replace

        replace(PAGE, "fuzz", table(tallies))
    return int(any(t.bad for t in tallies))


if __name__ == "__main__":  # a batch, in a process of its own
    print(json.dumps(batch(sys.argv[1], int(sys.argv[2]), sys.argv[3])))
