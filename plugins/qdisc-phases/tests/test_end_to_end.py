"""From the latents of a trained model to phases, and from phases to order parameters."""

from __future__ import annotations

import os

import numpy as np
import pytest

from qdisc_phases.clusters import clusters

two_body = pytest.importorskip("qdisc_symbolic.two_body").two_body
SEEDS = range(5) if os.environ.get("QDISC_FULL") == "1" else (1,)
QUICK = {} if os.environ.get("QDISC_FULL") == "1" else {"bootstraps": 6, "max_phases": 3}


@pytest.mark.parametrize("seed", SEEDS)
def test_order_parameters_of_the_phases_that_were_found(seed, j1j2, trained, analyse, oracle):
    """Ordered against polarised: held-out AUC per setting >= 0.99; random coefficients 0.68."""
    exact, _ = oracle
    joint = {"inside": [1, 2], "outside": [0]}
    found = analyse([clusters, two_body], j1j2, trained(seed), seed, clusters=QUICK,
                    two_body=joint)  # fmt: skip
    assert found["clusters"]["n_phases"].data == 3
    formula = found["two_body"]
    assert formula["auc"].data >= 0.99 and formula["auc_random"].data < 0.7
    assert formula["converged"].data.all()
    # long diagonals and same-sublattice bonds at distance 2, all of one sign
    i, j = formula["pair"].data[np.flatnonzero(formula["alpha"].data[0])].T
    place = np.array([(n // 3, n % 3 if n // 3 != 1 else 2 - n % 3) for n in range(9)])  # snake
    apart = {tuple(sorted(np.abs(place[a] - place[b]))) for a, b in zip(i, j, strict=True)}
    assert apart <= {(0, 2), (2, 2)}
    # against the phases of exact diagonalisation, with no setting left out
    value = formula["value"].data.reshape(-1)
    ordered, polarised = value[exact != 2], value[exact == 2]
    area = (ordered[:, None] > polarised).mean() + (ordered[:, None] == polarised).mean() / 2
    assert area >= 0.995
    assert "settings are left out: their phase is uncertain" in formula["value"].attrs["finding"]
