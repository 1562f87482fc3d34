"""Importing NetKet changes neither precision nor numbers of anything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import json, os, sys
if {netket_first}:
    import netket
import jax, jax.numpy as jnp
import numpy as np
from qdisc.dataset.sampling import sample_spin_configurations
from qdisc.dataset.shadows import get_classical_shadow

def state():
    mesh = jax.sharding.get_mesh()
    key = jax.random.key(3)
    explicit = jax.random.normal(key, (3,), dtype=jnp.float32)
    psi = jnp.arange(1, 9, dtype=jnp.float32)
    return dict(
        x64=bool(jax.config.jax_enable_x64), mesh=list(mesh.axis_names),
        zeros=str(jnp.zeros(1).dtype),
        default=np.asarray(jax.random.normal(key, (3,))).tobytes().hex(),
        explicit=np.asarray(explicit).tobytes().hex(),
        snapshots=sample_spin_configurations(psi, 50, 3, key).tobytes().hex(),
        shadows=get_classical_shadow(psi, 50, 3, key).tobytes().hex(),
    )

before = state()
environment = dict(os.environ)
assert ("netket" in sys.modules) == {netket_first}
from qdisc.physics.ground_states import energies, ground_state, grid
from qdisc.physics.hamiltonians import j1j2, j1j2_family, transverse_field_ising
from qdisc.physics.netket import load
assert load().__name__ == "netket"
assert dict(os.environ) == environment
loaded = state()
sweep = energies(j1j2_family((2, 3)), grid([[0.1, 0.7], [0.3, 0.9]]))
one = ground_state(transverse_field_ising(5, 1.0, 1 / 3)).energy
print(json.dumps(dict(before=before, loaded=loaded, after=state(),
                      energies=[*sweep.tolist(), one])))
"""


def run(netket_first=False, **environment):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NETKET", "JAX_"))}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(netket_first=netket_first)],
        capture_output=True,
        text=True,
        env={**clean, "JAX_PLATFORMS": "cpu", **environment},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def plain():
    return run()


def test_the_guarded_import_and_its_use_leave_jax_as_it_was(plain):
    assert plain["before"]["zeros"] == "float32"
    assert plain["before"]["x64"] is False
    assert plain["before"]["mesh"] == []
    assert plain["loaded"] == plain["before"]
    assert plain["after"] == plain["before"]


def test_double_precision_that_was_on_stays_on(plain):
    on = run(JAX_ENABLE_X64="1")
    assert on["before"]["zeros"] == "float64"
    assert on["after"] == on["loaded"] == on["before"]
    assert on["energies"] == pytest.approx(plain["energies"], abs=1e-12)


def test_an_import_of_netket_by_the_user_changes_none_of_our_numbers(plain):
    users = run(netket_first=True)
    assert users["before"]["x64"] is True  # what an unguarded import does
    for name in ("explicit", "snapshots", "shadows"):
        assert users["after"][name] == plain["after"][name], name
    assert users["energies"] == plain["energies"]


def test_settings_of_netket_in_the_environment_do_not_reach_jax(plain):
    explicit = run(NETKET_ENABLE_X64="1", NETKET_SHARDING="1")
    assert explicit["after"] == explicit["loaded"] == plain["before"]
    assert explicit["energies"] == plain["energies"]
