"""Conformance kit for plugin authors: `check_plugin(plugin)` in a test, and nothing else to write.

from qdisc.testing import check_plugin
from my_package import my_observable

def test_it_keeps_the_contract():
check_plugin(my_observable)
"""

from qdisc.testing.datasets import tiny_datasets
from qdisc.testing.kit import Check, ConformanceError, Finding, check_plugin, checks_of, run_checks
from qdisc.testing.toy import TinyModel, tiny_model, tiny_training

__all__ = [
    "Check",
    "ConformanceError",
    "Finding",
    "TinyModel",
    "check_plugin",
    "checks_of",
    "run_checks",
    "tiny_datasets",
    "tiny_model",
    "tiny_training",
]
