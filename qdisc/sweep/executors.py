"""Where the points of a sweep run: processes here, or a job array of SLURM.

Both start the same command, `qdisc sweep SWEEP.toml -o DIR --index N`: a worker that crashes or
is killed costs its own point an attempt, and nobody else anything.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from shlex import quote
from typing import Any

from qdisc.errors import ConfigError
from qdisc.signals import CODES
from qdisc.sweep.points import Sweep
from qdisc.sweep.record import files
from qdisc.train.loop import Stop

_LOOK_S = 0.2  # seconds between two looks at a child and at who interrupts
_AS_WELL_NEXT_TIME = {0, 2, 3, *CODES.values()}  # done, a mistake, a plugin, interrupted: no retry


def command(sweep: Sweep, folder: Path, index: int | str) -> list[str]:
    """The command that runs one point."""
    return [sys.executable, "-m", "qdisc", "sweep", str(sweep.path), "-o", str(folder),
            "--index", str(index)]  # fmt: skip


def local(
    sweep: Sweep,
    folder: Path,
    indices: Sequence[int],
    jobs: int = 1,
    told: Callable[[int, int], None] = lambda index, code: None,
    stop: Stop | None = None,
) -> dict[int, int]:
    """Run points in processes of this machine.

    Args:
        sweep: The sweep.
        folder: Where results go.
        indices: Which points.
        jobs: How many at a time.
        told: Called with index and exit code when a point has ended.
        stop: Asked now and then; words end every process well and start no more.

    Returns:
        Exit code of each point that was started; negative: the signal that killed it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    children: set[subprocess.Popen] = set()
    codes: dict[int, int] = {}

    def one(index: int) -> int | None:
        if stop is not None and stop():
            return None
        log = files(folder, sweep.points[index]).log
        return _attempts(command(sweep, folder, index), log, sweep.retries, stop, children)

    with ThreadPoolExecutor(jobs) as pool:
        work = {pool.submit(one, index): index for index in indices}
        try:
            for future in as_completed(work):
                code = future.result()
                if code is not None:
                    codes[work[future]] = code
                    told(work[future], code)
        except BaseException:  # a second Ctrl-C, or a bug: nobody is left behind
            for future in work:
                future.cancel()
            for child in list(children):
                child.kill()
            raise
    return codes


def slurm(
    sweep: Sweep,
    folder: Path,
    indices: Sequence[int],
    jobs: int = 256,
    options: Mapping[str, Any] | None = None,
    cluster: str = "slurm",
) -> list[Any]:
    """Submit points as one job array through submitit; a job that runs out of time is requeued.

    Args:
        sweep: The sweep.
        folder: Where results go; every node must see it under the same path.
        indices: Which points.
        jobs: How many run at a time.
        options: Options of sbatch without dashes: `{"time": "02:00:00", "partition": "gpu"}`.
        cluster: submitit's name of the executor; "local" runs the same jobs on this machine.

    Returns:
        submitit's jobs, one per point.

    Raises:
        ConfigError: submitit or SLURM is missing, or the options lack a time.
    """
    try:
        import submitit
    except ImportError as error:
        raise ConfigError(
            "submitting needs submitit", where="--slurm",
            hint="pip install 'qdisc[cluster]', or the sbatch line of --dry-run",
        ) from error  # fmt: skip
    given = {name.replace("-", "_"): value for name, value in (options or {}).items()}
    folder.mkdir(parents=True, exist_ok=True)
    try:
        executor = submitit.AutoExecutor(folder=folder / "slurm", cluster=cluster)
    except RuntimeError as error:
        raise ConfigError(
            "there is no SLURM here", where="--slurm", value=str(error),
            hint="submit where `srun` and `sbatch` are found; without --slurm points run here",
        ) from error  # fmt: skip
    if cluster == "slurm":
        if "time" not in given:
            raise ConfigError("how long may a point run?", where="--slurm", value=dict(given),
                              hint="--slurm time=02:00:00; longer ones are requeued and go on",
            )  # fmt: skip
        executor.update_parameters(
            slurm_job_name=sweep.path.stem, slurm_array_parallelism=jobs,
            slurm_additional_parameters=given,
        )  # fmt: skip
    work = [_Job(command(sweep, folder, i), files(folder, sweep.points[i]).log, sweep.retries)
            for i in indices]  # fmt: skip
    with executor.batch():
        return [executor.submit(job) for job in work]


def sbatch(sweep: Sweep, folder: Path, indices: Sequence[int], options: Mapping[str, Any]) -> str:
    """The line that submits the same points without submitit."""
    given = (f"--{name.replace('_', '-')}={value}" for name, value in options.items())
    words = "".join(f" {quote(word)}" for word in given)
    # exec: the warning before the time limit reaches qdisc, not a shell
    where = f"{quote(str(sweep.path))} -o {quote(str(folder))}"
    line = quote(f"exec qdisc sweep {where} --index $SLURM_ARRAY_TASK_ID")
    return f"sbatch --array={spans(indices)}{words} --signal=B:USR1@120 --requeue --wrap {line}"


def spans(numbers: Sequence[int]) -> str:
    """Numbers as sbatch lists them: `0-3,7`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1] = [parts[-1][0], number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)


class _Job:
    """What submitit calls in a job; it finds `checkpoint` when the time is nearly over."""

    def __init__(self, line: list[str], log: Path, retries: int) -> None:
        self.line, self.log, self.retries = line, log, retries
        self.children: set[subprocess.Popen] = set()

    def __call__(self) -> int:
        """Exit code of the point; anything but finished raises, so that SLURM shows it failed."""
        code = _attempts(self.line, self.log, self.retries, None, self.children)
        if code not in (0, 3):
            raise RuntimeError(f"exit code {code}: see {self.log}")
        return code

    def checkpoint(self) -> Any:
        """End the run well, and ask to be called again."""
        from submitit.helpers import DelayedSubmission

        for child in self.children:
            child.send_signal(signal.SIGTERM)
        for child in self.children:
            child.wait()
        return DelayedSubmission(_Job(self.line, self.log, self.retries))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "children": set()}  # processes stay where they are


def _attempts(
    line: Sequence[str], log: Path, retries: int, stop: Stop | None, children: set[Any]
) -> int:
    """Exit code of the last attempt; what a retry cannot mend is tried once."""
    code = _child(line, log, stop, children)
    for _ in range(retries):
        if code in _AS_WELL_NEXT_TIME or (stop is not None and stop()):
            break
        code = _child(line, log, stop, children)
    return code


def _child(line: Sequence[str], log: Path, stop: Stop | None, children: set[Any]) -> int:
    """Run a command, its words in `log`; one request to end is handed on as one SIGTERM."""
    with log.open("ab") as stream:
        # in a session of its own: Ctrl-C reaches it through us, once
        child = subprocess.Popen(line, stdout=stream, stderr=subprocess.STDOUT,
                                 stdin=subprocess.DEVNULL, start_new_session=True,
                                 env=_environment())  # fmt: skip
    children.add(child)
    asked = False
    try:
        while True:
            try:
                return child.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                if not asked and stop is not None and stop():
                    child.send_signal(signal.SIGTERM)
                    asked = True
    finally:
        children.discard(child)


def _environment() -> dict[str, str]:
    """Processes that share a GPU must not each take most of its memory at the start."""
    return {"XLA_PYTHON_CLIENT_PREALLOCATE": "false", **os.environ}
