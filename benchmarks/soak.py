"""`python -m benchmarks soak`: SIGKILL at random moments, and what is left of the files.

training    the command `qdisc run --resume`, killed and started again until it ends
result      a process that writes results, one after another, over the same file
analysis    a process that adds an analysis to a result, again and again

After every kill each file is the old one or the new one (`validate` finds nothing, a checkpoint
can be read); a training that was killed many times gives the file of one that never was.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

RECIPE = """
[data]
path = "line.h5"
[model]
name = "cnn1d_arnn"
latent_dim = 1
conv_layers = 1
conv_features = 4
dense_features = 8
decoder_layers = 1
decoder_features = 4
[train]
epochs = {epochs}
batch_size = 8
checkpoint_s = 0.05
validation_fraction = 0.1
[observables]
run = []
[analyses]
run = ["latent_map"]
"""
_WRITER = """
import sys
from qdisc.results.reader import read_tree
from qdisc.results.schema import Group
from qdisc.results.writer import add_group, write_result
path, what = sys.argv[1:]
tree = read_tree(path)
print("ready", flush=True)
number = 0
while True:
    number += 1
    if what == "result":
        write_result(path, Group({**tree.attrs, "number": number}, tree.variables, tree.groups))
    else:
        old = tree.groups["analyses"].groups["latent_map"]
        group = Group({**old.attrs, "number": number}, old.variables, old.groups)
        add_group(path, f"/analyses/again_{number % 3}", group)
"""


@dataclass
class Tally:
    """What became of the files of one kind of kill.

    Attributes:
        what: What was killed.
        kills: How often.
        corrupted: Files that were neither the old one nor the new one.
        lost: Results or checkpoints that were there before and not after.
        resumed: Trainings that were killed, and went on to their end.
        identical: Those whose file is that of a training without kills.
    """

    what: str
    kills: int = 0
    corrupted: int = 0
    lost: int = 0
    resumed: int = 0
    identical: int = 0


def soak(kills: int, seed: int = 0, epochs: int = 1500) -> list[Tally]:
    """Half of the kills hit trainings, a quarter each writing and adding."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="qdisc-soak-") as name:
        folder = Path(name)
        whole = _whole(folder, epochs)
        return [
            killed_trainings(folder, whole, kills - 2 * (kills // 4), rng),
            *(killed_writers(folder, whole, what, kills // 4, rng) for what in _KINDS),
        ]


_KINDS = ("result", "analysis")


def _whole(folder: Path, epochs: int) -> Path:
    from qdisc.dataset.dataset import Dataset
    from qdisc.dataset.hdf5 import write_dataset

    rng = np.random.default_rng(0)
    theta = np.linspace(0.1, 0.9, 5)
    rows = (rng.random((5, 40, 4)) < theta[:, None, None]).astype(np.uint8)
    write_dataset(Dataset(rows, [theta], "discrete"), folder / "line.h5")
    (folder / "recipe.toml").write_text(RECIPE.format(epochs=epochs), encoding="utf-8")
    out = folder / "whole.h5"
    subprocess.run(_command(folder, out), check=True, capture_output=True)
    return out


def _command(folder: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "qdisc", "run", str(folder / "recipe.toml"), "-o", str(out),
            "--resume", "--no-figures", "--quiet"]  # fmt: skip


def killed_trainings(folder: Path, whole: Path, kills: int, rng: random.Random) -> Tally:
    """Kill `qdisc run --resume` at random moments until it has ended, over and over."""
    from qdisc.pipeline.keep import checkpoint_path
    from qdisc.results.diff import diff

    tally = Tally("training")
    started = time.perf_counter()
    subprocess.run(_command(folder, folder / "timed.h5"), check=True, capture_output=True)
    takes = time.perf_counter() - started
    while tally.kills < kills:
        out = folder / f"run_{tally.kills}.h5"
        before = tally.kills
        while True:
            child = subprocess.Popen(
                _command(folder, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
            )
            wait = rng.uniform(0, 1.1) * takes if tally.kills < kills else None
            had = checkpoint_path(out).exists()
            try:
                _, told = child.communicate(timeout=wait)
            except subprocess.TimeoutExpired:
                child.kill()
                child.communicate()
                tally.kills += 1
                tally.corrupted += not (_sound(out) and _readable(checkpoint_path(out)))
                tally.lost += had and not (checkpoint_path(out).exists() or out.exists())
                _tell(tally)
                continue
            if child.returncode != 0:
                raise RuntimeError(told.decode())
            break
        tally.resumed += tally.kills > before
        tally.identical += tally.kills > before and diff(out, whole) == []
    return tally


def killed_writers(folder: Path, whole: Path, what: str, kills: int, rng: random.Random) -> Tally:
    """Kill a process that writes the same file all the time."""
    tally, path = Tally(what), folder / f"{what}.h5"
    path.write_bytes(whole.read_bytes())
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), what], stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None and child.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0, 0.1))
            child.kill()
        tally.kills += 1
        tally.lost += not path.exists()
        tally.corrupted += not _sound(path)
        _tell(tally)
    return tally


def _tell(tally: Tally) -> None:
    print(f"  {tally}", file=sys.stderr, flush=True)


def _sound(path: Path) -> bool:
    from qdisc.results.validate import validate

    return not path.exists() or all(finding.severity != "ERROR" for finding in validate(path))


def _readable(path: Path) -> bool:
    from qdisc.train.checkpoint import sound

    return not path.exists() or sound(path)


def table(tallies: Sequence[Tally]) -> str:
    """Markdown."""
    lines = ["| killed | kills | corrupted | lost | trainings ended | identical |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for t in tallies:
        ends = (str(t.resumed), str(t.identical)) if t.what == "training" else ("-", "-")
        lines.append(f"| {t.what} | {t.kills} | {t.corrupted} | {t.lost} | {' | '.join(ends)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if anything was corrupted, lost or different."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--epochs", type=int, default=1500, metavar="N", help="of each training")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers")
    parser.add_argument("--write", action="store_true", help="write the table into README.md")
    options = parser.parse_args(arguments)
    tallies = soak(options.kills, options.seed, options.epochs)
    print(table(tallies))
    if options.json:
        options.json.write_text(json.dumps([asdict(t) for t in tallies], indent=1) + "\n")
    if options.write:
        from benchmarks.pages import PAGE, replace

        replace(PAGE, "soak", table(tallies))
    bad = any(t.corrupted or t.lost or t.identical < t.resumed for t in tallies)
    return int(bad)
