"""Which checks a plugin has to pass, and what they found."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdisc.errors import PluginError, nearest
from qdisc.plugin.protocols import SPECS
from qdisc.testing import general, loaders, models, runs


class ConformanceError(PluginError, AssertionError):
    """A plugin breaks the contract; the message lists how."""


@dataclass(frozen=True)
class Check:
    """One named check of one plugin; call it, it raises when the plugin fails."""

    name: str
    function: Callable[[], None]

    def __call__(self) -> None:
        """Run the check."""
        self.function()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Finding:
    """What became of a check.

    Attributes:
        name: The check.
        ok: Whether it passed, or failed as expected.
        message: Why not.
    """

    name: str
    ok: bool
    message: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.ok else "FAIL"
        return f"{mark} {self.name}" + (f": {self.message}" if self.message else "")


def kind_of(obj: Any) -> str:
    """Kind of a plugin, by its spec.

    Raises:
        ConformanceError: It has none.
    """
    for kind, spec in SPECS.items():
        if isinstance(getattr(obj, "spec", None), spec):
            return kind
    raise ConformanceError(
        "a plugin has a `spec`", where=type(obj).__name__, value=getattr(obj, "spec", None),
        hint=" | ".join(spec.__name__ for spec in SPECS.values()),
    )  # fmt: skip


def checks_of(obj: Any, *, config: Any = None, file: str | Path | None = None) -> list[Check]:
    """List the checks of a plugin.

    In a test: `pytest.mark.parametrize("check", checks_of(plugin), ids=str)`, then `check()`.

    Args:
        obj: The plugin, or its class.
        config: Its configuration; the defaults when left out (for models: small sizes save time).
        file: For a loader, a file that it reads; without one only refusals are checked.

    Raises:
        ConformanceError: It has no spec.
    """
    obj = obj() if isinstance(obj, type) else obj
    kind = kind_of(obj)
    found = list(_named(general.checks(kind, obj)))
    if config is None and kind != "observable" and callable(getattr(obj, "Config", None)):
        config = _defaults(obj)
    if kind == "loader":
        return found + list(_named(loaders.checks(obj, config, file)))
    more = models.checks(obj, config) if kind == "model" else runs.checks(kind, obj, config)
    return found + list(_named(more))


def run_checks(obj: Any, *, config: Any = None, file: str | Path | None = None) -> list[Finding]:
    """Run every check; failures are findings, never exceptions."""
    out = []
    for check in checks_of(obj, config=config, file=file):
        try:
            check()
        except Exception as error:  # whatever a stranger's plugin raises is a finding
            frame = traceback.extract_tb(error.__traceback__)[-1]
            words = str(error) or f"{type(error).__name__} at {frame.filename}:{frame.lineno}"
            if not isinstance(error, AssertionError | PluginError):
                words = f"{type(error).__name__}: {words}"
            out.append(Finding(check.name, False, words))
        else:
            out.append(Finding(check.name, True))
    return out


def check_plugin(
    obj: Any,
    expected_failures: Mapping[str, str] | None = None,
    *,
    config: Any = None,
    file: str | Path | None = None,
) -> list[Finding]:
    """Run every check on tiny datasets of every kind, and raise if one fails.

    Args:
        obj: The plugin, or its class.
        expected_failures: Check -> reason why it may fail. One that passes after all is an error
            too, so that the list stays true.
        config: Its configuration; the defaults when left out.
        file: For a loader, a file that it reads.

    Returns:
        One finding per check.

    Raises:
        ConformanceError: A check failed unexpectedly, passed unexpectedly, or is unknown.
    """
    expected = dict(expected_failures or {})
    findings = run_checks(obj, config=config, file=file)
    names = [finding.name for finding in findings]
    problems = [f"{n}: no such check; {nearest(n, names)}" for n in expected if n not in names]
    out = []
    for finding in findings:
        reason = expected.get(finding.name)
        if reason is not None and finding.ok:
            problems.append(f"{finding.name}: passes, but is expected to fail ({reason})")
        elif reason is None and not finding.ok:
            problems.append(f"{finding.name}: {finding.message}")
        out.append(
            Finding(finding.name, True, f"fails as expected: {reason}") if reason else finding
        )
    if problems:
        name = getattr(getattr(obj, "spec", None), "name", type(obj).__name__)
        text = "\n\n".join(problems)
        raise ConformanceError(
            f"{len(problems)} of {len(findings)} checks failed\n\n{text}\n",
            where=f"{kind_of(obj)} {name}",
        )
    return out


def _named(pairs: Iterator[tuple[str, Callable[[], None]]]) -> Iterator[Check]:
    for name, function in pairs:
        yield Check(name, function)


def _defaults(obj: Any) -> Any:
    try:
        return obj.Config()
    except TypeError:  # fields without defaults: the check "config_has_defaults" says so
        return None
