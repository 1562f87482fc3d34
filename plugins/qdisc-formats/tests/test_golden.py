"""Every golden file is what its card says, is read without being told how, and is known by one."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import pytest
from qdisc.dataset.load import guess_loader
from qdisc.plugin import Registry

GOLDEN = Path(__file__).parent / "golden"
CARDS = tomllib.loads((GOLDEN / "card.toml").read_text())
LOADERS = {
    "bloqade": "bloqade", "braket_ahs": "braket_ahs", "braket_gate": "braket_gate",
    "braket_program": "braket_gate", "qiskit_sampler": "qiskit", "qiskit_registers": "qiskit",
    "qiskit_result": "qiskit", "qiskit_counts": "counts", "cirq": "cirq", "pulser": "pulser",
    "pennylane": "pennylane", "netket": "netket", "matlab": "matlab",
}  # fmt: skip


@pytest.fixture(scope="module")
def registry():
    return Registry()


@pytest.mark.parametrize("name", sorted(CARDS))
def test_the_card_is_true(name):
    card = CARDS[name]
    assert hashlib.sha256((GOLDEN / name).read_bytes()).hexdigest() == card["sha256"]
    assert (GOLDEN / card["script"]).exists()
    assert all(any(c.isdigit() for c in made) for made in card["made_by"])


def test_every_golden_file_has_a_card():
    files = {p.name for p in GOLDEN.iterdir() if p.suffix not in (".py", ".toml") and p.is_file()}
    assert files == set(CARDS)
    for script in GOLDEN.glob("make_*.py"):  # the version to install stands in the script
        assert "==" in script.read_text().split('"""')[1], script.name


@pytest.mark.parametrize("name", sorted(CARDS))
def test_one_loader_claims_it(name, registry):
    start = max((key for key in LOADERS if name.startswith(key)), key=len)
    assert guess_loader(registry, GOLDEN / name) == LOADERS[start]


def test_every_loader_says_its_bit_order(registry):
    for name in registry.names("loader"):
        found = registry.load("loader", name)
        if found.package.startswith("qdisc-formats"):
            assert found.state == "loaded", found.reason
            assert len(found.obj.spec.site_order) > 10 and found.obj.spec.summary
