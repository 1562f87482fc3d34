"""Gradients with a stopped force are wrong: the table in `grad_potential_energy`, measured."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.objectives.hamiltonian import (
    grad_potential_energy,
    hamiltonian_elbo,
    hamiltonian_sample,
    schedule,
)

ROWS = 50_000
pytestmark = pytest.mark.usefixtures("x64")


def documented():
    """Rows of the table: step size -> bias of W in percent, its cosine, ratios of the others."""
    row = r"^ +(0\.\d+) +([\d.]+) +% +([\d.]+) +(-?[\d.]+) +(-?[\d.]+)$"
    rows = re.findall(row, grad_potential_energy.__doc__, re.MULTILINE)
    return {float(step): [float(value) for value in values] for step, *values in rows}


@pytest.fixture(scope="module")
def measured(gauss):
    """The same, of the bound's mean over 50 000 draws of the noise."""

    def bound(parameters, method):
        W, step_size, beta0 = parameters
        sample = hamiltonian_sample(
            lambda z: gauss.likelihood(z, W), *gauss.proposal(ROWS), gauss.noise(ROWS),
            step_size, schedule("quadratic", beta0, 3, jnp.float64), method=method,
        )  # fmt: skip
        return hamiltonian_elbo(sample)

    out = {}
    with jax.enable_x64(True):
        both = jax.jit(lambda p: [jax.grad(bound)(p, m) for m in ("autodiff", "autodiff_stop")])
        for step in documented():
            exact, stopped = both((jnp.asarray(gauss.W), step, 0.5))
            size, other = (np.linalg.norm(g[0]) for g in (exact, stopped))
            bias = 100 * np.linalg.norm(stopped[0] - exact[0]) / size
            cosine = float(jnp.sum(exact[0] * stopped[0])) / size / other
            out[step] = [
                bias,
                cosine,
                *(float(b / a) for a, b in zip(exact[1:], stopped[1:], strict=True)),
            ]
    return out


def test_the_documented_table_is_true(measured):
    """To the digits printed."""
    table = documented()
    assert list(table) == [0.001, 0.05, 0.15, 0.25]
    for step, values in table.items():
        assert np.allclose(values, measured[step], rtol=0.04, atol=0.01), (step, measured[step])


def test_the_bias_is_no_detail(measured):
    """At useful steps the step size's own gradient is halved, then seven-fold, then turned."""
    assert measured[0.001][0] < 0.02 and measured[0.15][0] > 50 and measured[0.25][0] > 100
    ratios = [values[2] for values in measured.values()]
    assert ratios[1] < 0.6 and ratios[2] > 5 and ratios[3] < -1
