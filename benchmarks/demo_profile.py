"""`python -m benchmarks profile`: where the time of the demo goes, as a section of the README."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine
from benchmarks.pages import PAGE, replace


class Clock:
    """A progress that notes when each stage of the chain began."""

    def __init__(self) -> None:
        self.began: list[tuple[str, float]] = []

    def stage(self, name: str, total: int | None = None) -> None:
        self.began.append((name, time.perf_counter()))

    def advance(self, n: int = 1, **info: object) -> None:
        """A step; only stages are timed."""

    def message(self, text: str) -> None:
        print(text, file=sys.stderr)

    def seconds(self, end: float) -> dict[str, float]:
        ends = [when for _, when in self.began[1:]] + [end]
        out: dict[str, float] = {}
        for (name, begin), stop in zip(self.began, ends, strict=True):
            out[name] = out.get(name, 0.0) + stop - begin
        return out


def measure() -> dict[str, float]:
    """Seconds of every stage of `qdisc demo`, imports included."""
    start = time.perf_counter()
    from qdisc.pipeline.run import demo

    clock = Clock()
    clock.began.append(("imports", start))
    clock.stage("loading")
    with tempfile.TemporaryDirectory() as folder:
        demo(folder, progress=clock)
        return clock.seconds(time.perf_counter())


def section(seconds: dict[str, float], about: dict[str, object]) -> str:
    """The measured stages as Markdown."""
    total = sum(seconds.values())
    lines = ["| stage | seconds | share |", "|---|---|---|"]
    lines += [f"| {name} | {t:.1f} | {t / total:.0%} |" for name, t in seconds.items()]
    lines += [f"| all | {total:.1f} | 100% |", ""]
    where = ", ".join(f"{key} {value}" for key, value in about.items())
    return "\n".join([*lines, f"Measured on: {where}."])


def main(arguments: Sequence[str] = ()) -> int:
    """Run the demo and print its profile; `--write` puts it into benchmarks/README.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks profile")
    parser.add_argument("--write", action="store_true", help="replace the section of the README")
    parser.add_argument("--cprofile", type=Path, metavar="OUT", help="also a cProfile file")
    options = parser.parse_args(list(arguments))
    if options.cprofile:
        command = [sys.executable, "-m", "cProfile", "-o", str(options.cprofile), "-m",
                   "benchmarks", "profile"]  # fmt: skip
        subprocess.run(command, check=True)
    text = section(measure(), machine.describe())
    print(text)
    if options.write:
        replace(PAGE, "profile", text)
    return 0
