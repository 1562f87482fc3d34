"""Conformance kit for plugin authors: the contract, checked on tiny datasets of every kind.

In a test:

    from qdisc.testing import check_plugin
    from my_package import my_observable

    def test_contract():
        check_plugin(my_observable)

or, one test per check, with the fixture that qdisc brings to pytest (see `pytest_plugin`):

    @pytest.mark.qdisc_plugin(my_observable)
    def test_contract(conformance_check):
        conformance_check()

The names below are loaded when they are first used, because pytest imports this package in every
environment that has qdisc.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qdisc.testing.datasets import tiny_datasets as tiny_datasets
    from qdisc.testing.host import run_plugin as run_plugin
    from qdisc.testing.kit import Check as Check
    from qdisc.testing.kit import ConformanceError as ConformanceError
    from qdisc.testing.kit import Finding as Finding
    from qdisc.testing.kit import check_plugin as check_plugin
    from qdisc.testing.kit import checks_of as checks_of
    from qdisc.testing.kit import run_checks as run_checks
    from qdisc.testing.toy import TinyModel as TinyModel
    from qdisc.testing.toy import tiny_model as tiny_model
    from qdisc.testing.toy import tiny_training as tiny_training

_HOME = {
    "Check": "kit",
    "ConformanceError": "kit",
    "Finding": "kit",
    "TinyModel": "toy",
    "check_plugin": "kit",
    "checks_of": "kit",
    "run_checks": "kit",
    "run_plugin": "host",
    "tiny_datasets": "datasets",
    "tiny_model": "toy",
    "tiny_training": "toy",
}
__all__ = [
    "Check",
    "ConformanceError",
    "Finding",
    "TinyModel",
    "check_plugin",
    "checks_of",
    "run_checks",
    "run_plugin",
    "tiny_datasets",
    "tiny_model",
    "tiny_training",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"qdisc.testing.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'qdisc.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
