"""How far long work is: a bar with the time left on a terminal, a few log lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import IO, Any, Protocol

SECONDS = 3.0  # log lines come at tenths of the way, and not more often than this


class Progress(Protocol):
    """What the pipeline tells about its work."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage of `total` units (None: unknown), ending the one before."""
        ...

    def advance(self, n: int = 1, **info: object) -> None:
        """Say that `n` more units are done; `info` is shown beside the bar."""
        ...

    def message(self, text: str) -> None:
        """Show a line of text."""
        ...

    def done(self) -> None:
        """End the last stage; harmless when there is none."""
        ...


def make_progress(quiet: bool = False, stream: IO[str] | None = None) -> Progress:
    """A bar when `stream` (default stderr) is a terminal and `quiet` is not set, else log lines."""
    target = stream or sys.stderr
    return LogProgress(target) if quiet or not target.isatty() else BarProgress(target)


class LogProgress:
    """Plain lines for log files: each stage's beginning, tenths of the way, and its end.

    Args:
        stream: Where the lines go.
        clock: Seconds; for tests.
    """

    def __init__(self, stream: IO[str], clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream, clock
        self._name = ""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage."""
        self.done()
        self._name, self._total, self._count, self._info = name, total, 0, ""
        self._start = self._last = self._clock()
        self._tenths = 0
        self._line(f"{name} ...")

    def advance(self, n: int = 1, **info: object) -> None:
        """Count, and write a line when enough has happened since the last one."""
        if not self._name:
            return
        self._count += n
        self._info = _words(info) or self._info
        now = self._clock()
        if not self._total or self._count >= self._total:
            return
        tenths = 10 * self._count // self._total
        if tenths > self._tenths and now - self._last >= SECONDS:
            self._tenths, self._last = tenths, now
            share = self._count / self._total
            left = (now - self._start) * (1 - share) / share
            parts = [f"{self._name} {100 * share:3.0f} %", f"about {_span(left)} left", self._info]
            self._line("  ".join(part for part in parts if part))

    def message(self, text: str) -> None:
        """Write a line."""
        self._line(text)

    def done(self) -> None:
        """End the stage."""
        if self._name:
            took = _span(self._clock() - self._start)
            self._line("  ".join(p for p in (f"{self._name} done in {took}", self._info) if p))
        self._name = ""

    def _line(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


class BarProgress:
    """A bar with the time left, drawn by rich on a terminal.

    Args:
        stream: A terminal.
    """

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.progress import TimeRemainingColumn as Left

        columns = (
            TextColumn("{task.description:<16}", markup=False), BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(), Left(),
            TextColumn("{task.fields[info]}", markup=False),
        )  # fmt: skip
        self._bar = Progress(*columns, console=Console(file=stream))
        self._task: Any = None

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage."""
        self._finish()
        self._bar.start()
        self._task = self._bar.add_task(name, total=total, info="")

    def advance(self, n: int = 1, **info: object) -> None:
        """Move the bar."""
        if self._task is not None:
            fields: dict[str, Any] = {"info": _words(info)} if info else {}
            self._bar.update(self._task, advance=n, **fields)

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        self._bar.console.print(text, markup=False, highlight=False)

    def done(self) -> None:
        """End the stage and give the terminal back."""
        self._finish()
        self._bar.stop()

    def _finish(self) -> None:
        if self._task is not None:
            task = self._bar.tasks[self._bar.task_ids.index(self._task)]
            if task.total is None:
                self._bar.update(self._task, total=max(task.completed, 1))
                self._bar.update(self._task, completed=max(task.completed, 1))
        self._task = None


def _words(info: dict[str, object]) -> str:
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in info.items()
    )


def _span(seconds: float) -> str:
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    whole = round(seconds)
    if whole < 600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 60} min" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"
