"""What qdisc brings to pytest: one test per check of the contract.

    import pytest
    from my_package import my_observable

    @pytest.mark.qdisc_plugin(my_observable)
    def test_contract(conformance_check):
        conformance_check()

The marker takes what `check_plugin` takes: `expected_failures={"check": "reason"}` (reported as
expected failures, and as errors once they pass), `config=`, and for a loader `file=`. Installed
through the entry point `pytest11`; importing this starts no jax.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

FIXTURE, MARKER = "conformance_check", "qdisc_plugin"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, for `--strict-markers` and `pytest --markers`."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(plugin, expected_failures={{}}, config=None, file=None): "
        f"run a test with the fixture `{FIXTURE}` once per check of the plugin contract",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give the fixture each check of the marked plugin."""
    if FIXTURE not in metafunc.fixturenames:
        return
    import pytest

    marker = metafunc.definition.get_closest_marker(MARKER)
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: the fixture `{FIXTURE}` needs the plugin: "
            f"@pytest.mark.{MARKER}(my_plugin)"
        )
    metafunc.parametrize(FIXTURE, _parameters(marker.args[0], **marker.kwargs))


def _parameters(
    plugin: Any, expected_failures: Mapping[str, str] | None = None, **options: Any
) -> list[Any]:
    import pytest

    from qdisc.errors import nearest
    from qdisc.testing.kit import checks_of

    checks = {check.name: check for check in checks_of(plugin, **options)}
    expected = dict(expected_failures or {})
    for name in expected:
        if name not in checks:
            raise pytest.UsageError(
                f"expected_failures: no check is called {name!r}; {nearest(name, checks)}"
            )
    return [pytest.param(check, id=name, marks=_marks(expected.get(name)))
            for name, check in checks.items()]  # fmt: skip


def _marks(reason: str | None) -> list[Any]:
    import pytest

    return [] if reason is None else [pytest.mark.xfail(reason=reason, strict=True)]
