"""What a loader did with a file, in words that travel with the dataset."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_ARN = re.compile(r"arn:[\w-]+:[\w-]*:[\w-]*:\d*:([^\s\"']+)")
_ACCOUNT = re.compile(r"(?<![\d.])(?<![0-9a-fA-F]{4}-)\d{12}(?![\d.])")  # not the end of a UUID
_WORDS = re.compile(r"(none|\d+) of (?P<read>\d+) \w+(: (?P<why>.*))?\Z")
_LONGEST = 16_000  # bytes of metadata kept: attributes of a result file end at 64 kB


class Report:
    """Counts what is read and dropped, and collects notes and metadata.

    Args:
        unit: What is counted: shots, or snapshots when a shot holds several.
    """

    def __init__(self, unit: str = "shots") -> None:
        self.unit = unit
        self.read = 0
        self.dropped: dict[str, int] = {}
        self.notes: list[str] = []
        self.metadata: dict[str, Any] = {}

    def drop(self, reason: str, count: int = 1) -> None:
        """Count dropped snapshots; a reason completes the phrase "12 snapshots ..."."""
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + int(count)

    def note(self, text: str) -> None:
        """Keep one line on what was understood or decided."""
        if text not in self.notes:
            self.notes.append(text)

    def dropped_in_words(self) -> str:
        """How many were dropped and why: "none of 500 shots"."""
        total = sum(self.dropped.values())
        if not total:
            return f"none of {self.read} {self.unit}"
        why = "; ".join(f"{count} {reason}" for reason, count in self.dropped.items())
        return f"{total} of {self.read} {self.unit}: {why}"

    def add(self, words: str) -> None:
        """Add what `dropped_in_words` said of another file."""
        match = _WORDS.match(words)
        if match is None:
            return
        self.read += int(match["read"])
        for reason in (match["why"] or "").split("; "):
            count, _, text = reason.partition(" ")
            if text:
                self.drop(text, int(count))

    def source(self) -> dict[str, str]:
        """The report as the text that a Dataset keeps about its origin."""
        out = {"dropped": self.dropped_in_words()}
        if self.notes:
            out["notes"] = "\n".join(self.notes)
        kept = metadata_text(self.metadata)
        return out | ({"metadata": kept} if kept else {})


def scrub(text: str) -> str:
    """A text without account numbers: of an ARN only the resource is left."""
    return _ACCOUNT.sub("(account)", _ARN.sub(r"\1", text))


def metadata_text(metadata: Mapping[str, Any]) -> str:
    """Metadata as JSON without account numbers; the longest entries go when it is too long."""
    parts = {key: scrub(json.dumps(value, default=str)) for key, value in metadata.items()}
    left_out = []
    while sum(map(len, parts.values())) > _LONGEST:
        longest = max(parts, key=lambda key: len(parts[key]))
        left_out.append(longest)
        del parts[longest]
    if left_out:
        parts["left out, too long"] = json.dumps(left_out)
    if not parts:
        return ""
    return "{" + ", ".join(f"{json.dumps(scrub(k))}: {v}" for k, v in parts.items()) + "}"
