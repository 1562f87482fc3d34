"""Commands `qdisc sweep SWEEP.toml` and `qdisc sweep collect DIR`: many runs, one table."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from qdisc.cli.output import say, table, warn
from qdisc.cli.paths import writable_folder
from qdisc.errors import ConfigError

INCOMPLETE = 3


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    sweep = commands.add_parser(
        "sweep", parents=[common], help="many runs of one recipe, one table",
        description="Run a recipe at every point of a sweep (seeds, parameters, datasets); "
        "`qdisc sweep collect DIR` makes one table of the results. Finished points are skipped, "
        "interrupted ones go on, failed ones are tried again.",
    )  # fmt: skip
    sweep.add_argument("source", metavar="SWEEP.toml|collect", help="a sweep file, or `collect`")
    sweep.add_argument("folder", metavar="DIR", nargs="?", help="of `collect`: the sweep's folder")
    sweep.add_argument("-o", "--out", metavar="DIR",
                       help="folder of the results (default: <name>_results here)")  # fmt: skip
    sweep.add_argument("--index", type=int, metavar="N",
                       help="run one point, from 0: $SLURM_ARRAY_TASK_ID")  # fmt: skip
    sweep.add_argument("--jobs", type=_count, metavar="N",
                       help="points at a time (default: 1 here, 256 on a cluster)")  # fmt: skip
    sweep.add_argument("--slurm", nargs="*", metavar="KEY=VALUE",
                       help="submit a job array with these options of sbatch")  # fmt: skip
    sweep.add_argument("--dry-run", action="store_true",
                       help="print the points and the line for sbatch, run nothing")  # fmt: skip
    sweep.set_defaults(command=sweep_command)


def sweep_command(arguments: argparse.Namespace) -> int:
    """Run a sweep, one point of it, or collect what is there."""
    if arguments.source == "collect":
        if arguments.folder is None:
            raise ConfigError("which sweep?", where="qdisc sweep collect", value=None,
                              hint="name the folder that `qdisc sweep -o DIR` wrote")  # fmt: skip
        return collect_command(Path(arguments.folder))
    if arguments.folder is not None:
        raise ConfigError("one sweep at a time", where="qdisc sweep", value=arguments.folder,
                          hint="-o DIR names the folder of the results")  # fmt: skip
    from qdisc.sweep import read_sweep
    from qdisc.sweep.table import remember

    sweep = read_sweep(arguments.source)
    folder = Path(arguments.out or f"{sweep.path.stem}_results")
    options = _options(arguments.slurm or [])
    if arguments.dry_run:
        return _plan(sweep, folder, options)
    writable_folder(folder if folder.exists() else folder.absolute().parent, f"-o {folder}")
    remember(sweep, folder)
    if arguments.index is not None:
        return _one(sweep, folder, arguments.index)
    if arguments.slurm is not None:
        return _submit(sweep, folder, arguments.jobs or 256, options)
    return _here(sweep, folder, arguments.jobs or 1)


def collect_command(folder: Path) -> int:
    """Print the table of a sweep; write it as CSV and JSON into its folder."""
    from qdisc.publish import locked, publish
    from qdisc.sweep import collect
    from qdisc.sweep.table import cells

    found = collect(folder)
    for path, text in ((folder / "table.csv", found.csv()), (folder / "table.json", found.json())):
        with locked(path, "table"):
            publish(path, text.encode(), lambda _: None)
    shown = ["state", *found.columns[2:-1]]
    heads = [name.rpartition(".")[2] if name in found.keys else name for name in shown]
    say(table(heads, cells(found, shown)))
    say()
    say(", ".join(f"{n} {state}" for state, n in found.count().items()))
    for row in found.rows:
        if row["reason"]:
            say(f"{row['state']}: {row['point']}: {row['reason']}")
    warn(f"table: {folder / 'table.csv'}, {folder / 'table.json'}")
    return 0


def _plan(sweep: Any, folder: Path, options: dict[str, str]) -> int:
    from qdisc.sweep.executors import sbatch
    from qdisc.sweep.record import state_of

    states = [state_of(folder, point)[0] for point in sweep.points]
    rows = [(p.index, state, p.name) for p, state in zip(sweep.points, states, strict=True)]
    say(table(("index", "state", "point"), rows))
    left = [index for index, state, _ in rows if state != "finished"]
    if left:
        say()
        say(sbatch(sweep, folder, left, options))
    return 0


def _one(sweep: Any, folder: Path, index: int) -> int:
    from qdisc.cli.progress import make_progress
    from qdisc.cli.run import report
    from qdisc.signals import Signals
    from qdisc.sweep import run_point
    from qdisc.sweep.work import Busy

    progress = make_progress(True)
    try:
        with Signals() as stop:
            result = run_point(sweep, folder, index, progress=progress, stop=stop)
    except Busy as busy:
        warn(busy.what)
        return 0
    finally:
        progress.done()
    return report(result)


def _left(sweep: Any, folder: Path) -> list[int]:
    """Points to run; the others are finished."""
    from qdisc.sweep.record import state_of

    left = [p.index for p in sweep.points if state_of(folder, p)[0] != "finished"]
    done = len(sweep.points) - len(left)
    warn(f"{len(sweep.points)} points in {folder}" + (f", {done} are finished" if done else ""))
    return left


def _here(sweep: Any, folder: Path, jobs: int) -> int:
    from qdisc.signals import CODES, Signals
    from qdisc.sweep import local
    from qdisc.sweep.record import files, state_of

    left = _left(sweep, folder)
    ended = 0

    def told(index: int, code: int) -> None:
        nonlocal ended
        ended += 1
        point = sweep.points[index]
        state, reason, record = state_of(folder, point)
        words = f"[{ended}/{len(left)}] {point.name}: {state}"
        words += f" at attempt {record.attempts}" if record.attempts > 1 else ""
        words += f": {reason}" if reason else ""
        warn(words + (f" (see {files(folder, point).log})" if state == "failed" else ""))

    with Signals() as stop:
        codes = local(sweep, folder, left, jobs, told, stop)
    collect_command(folder)
    if stop() is not None:
        warn(f"interrupted by {stop()}; the same command goes on")
        return CODES[stop() or ""]
    return INCOMPLETE if any(codes.values()) else 0


def _submit(sweep: Any, folder: Path, jobs: int, options: dict[str, str]) -> int:
    from qdisc.sweep import slurm

    left = _left(sweep, folder)
    if not left:
        return 0
    submitted = slurm(sweep, folder, left, jobs, options)
    say(f"{len(submitted)} jobs: {submitted[0].job_id.partition('_')[0]}")
    warn(f"qdisc sweep collect {folder} shows how far they are")
    return 0


def _options(words: list[str]) -> dict[str, str]:
    pairs = [word.lstrip("-").partition("=") for word in words]
    for key, equals, value in pairs:
        if not (key and equals and value):
            raise ConfigError("an option of sbatch reads KEY=VALUE", where="--slurm",
                              value=f"{key}{equals}{value}", hint="time=02:00:00")  # fmt: skip
    return {key: value for key, _, value in pairs}


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return value


_count.__name__ = "whole number"  # argparse names the type by it in its message
