"""What became of a plugin in a run: its outputs, or the reason why there are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from qdisc.plugin.variable import Variable

UNUSABLE = ("ambiguous", "broken", "invalid", "incompatible")
"""States of a plugin that never came to run."""


@dataclass(frozen=True)
class Outcome:
    """One plugin's part in a run.

    Attributes:
        name: Its name.
        kind: observable or analysis.
        status: ok, failed, skipped (a need is missing, or it does not suit the data), disabled
            (taken out by `skip`), or ambiguous, broken, invalid, incompatible.
        message: Why, in words; "" when ok.
        variables: Its outputs, read-only; empty unless ok.
        traceback: Of the exception, "" if none.
        package: Distribution that brings it, with its version.
        version: The plugin's own version.
        contract: Contract it was written for.
        config: Its configuration with all defaults, plain values.
        selected: Whether it was meant to run; a broken package nobody selected is only listed.
        duration_s: Wall time.
    """

    name: str
    kind: str
    status: str
    message: str = ""
    variables: Mapping[str, Variable] = field(default_factory=dict)
    traceback: str = ""
    package: str = ""
    version: str = ""
    contract: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    selected: bool = True
    duration_s: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "variables", MappingProxyType(dict(self.variables)))
        object.__setattr__(self, "config", MappingProxyType(dict(self.config)))

    @property
    def ok(self) -> bool:
        """Whether there are outputs."""
        return self.status == "ok"

    @property
    def is_failure(self) -> bool:
        """Whether the run must say so with its exit code."""
        return self.status == "failed" or (self.selected and self.status in UNUSABLE)


@dataclass(frozen=True)
class Outcomes:
    """All plugins of a run, in the order they ran, by kind and name."""

    observables: Mapping[str, Outcome]
    analyses: Mapping[str, Outcome]

    def __iter__(self) -> Iterator[Outcome]:
        yield from self.observables.values()
        yield from self.analyses.values()

    def __len__(self) -> int:
        return len(self.observables) + len(self.analyses)

    @property
    def failures(self) -> tuple[Outcome, ...]:
        """What the exit code counts."""
        return tuple(outcome for outcome in self if outcome.is_failure)
