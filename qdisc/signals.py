"""Ctrl-C and SIGTERM as a request to end well; a second one ends at once.

So are SIGUSR1 and SIGUSR2, which batch systems send when the time of a job is nearly over
(`sbatch --signal=USR1@120`).
"""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType
from typing import Any

_WORDS = {
    number: "Ctrl-C" if number == signal.SIGINT else number.name
    for number in signal.Signals
    if number.name in ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")
}
CODES = {words: 128 + number for number, words in _WORDS.items()}  # as shells report them


class Signals:
    """While the block runs, the first signal is noted; calling the object tells which it was.

    with Signals() as stop:
        fit(..., stop=stop)

    Installed in the main thread only, where Python allows it.
    """

    def __init__(self) -> None:
        self.seen: str | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __call__(self) -> str | None:
        """Ctrl-C, SIGTERM, ..., or None while nobody interrupts."""
        return self.seen

    def __enter__(self) -> Signals:
        for number in _WORDS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.seen is not None:
            raise KeyboardInterrupt
        self.seen = _WORDS[signal.Signals(number)]
        os.write(2, f"\n{self.seen}: ending well; once more ends at once\n".encode())
