"""Two-body symbolic regression: L-BFGS with finite differences against Newton steps."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from qdisc_symbolic import ansatz
from qdisc_symbolic.sr1 import fit_sr1, gradient, log_loss
from scipy.optimize import minimize

from benchmarks.measure import Limit, Row, check, in_turns_warm

SHARE, STRENGTH = 0.2, 0.5  # planted formula: share of the pairs in it, spread of coefficients


def problem(sites: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Random snapshots, labelled in favour of a planted formula: (spins, label, weight)."""
    rng = np.random.default_rng(0)
    x = rng.choice([-1.0, 1.0], size=(count, sites))
    pairs = sites * (sites - 1) // 2
    alpha = STRENGTH * rng.standard_normal(pairs) * (rng.random(pairs) < SHARE)
    f = ansatz.evaluate(alpha, 0.0, x)
    label = (rng.random(count) < 1 / (1 + np.exp(-f))).astype(np.float64)
    return x, label, 0.5 * np.where(label > 0, 1 / label.sum(), 1 / (1 - label).sum())


def naive(phi: np.ndarray, label: np.ndarray, weight: np.ndarray, steps: int, exact: bool) -> Any:
    """The same loss by L-BFGS-B: SciPy's finite differences, or its exact gradient."""

    def value(a: np.ndarray) -> float:
        return log_loss(phi @ a, label, weight)

    def both(a: np.ndarray) -> tuple[float, np.ndarray]:
        f = phi @ a
        return log_loss(f, label, weight), phi.T @ gradient(f, label, weight)

    options = {"maxiter": steps, "maxfun": 10**9, "ftol": 1e-15, "gtol": 1e-7}
    return minimize(both if exact else value, np.zeros(phi.shape[1]), jac=exact or None,
                    method="L-BFGS-B", options=options)  # fmt: skip


def rows(small: bool) -> Iterator[Row]:
    """One row."""
    sites, count, steps, repeats = (6, 200, 1, 1) if small else (32, 20_000, 3, 3)
    x, label, weight = problem(sites, count)
    pairs = sites * (sites - 1) // 2
    path = f"two-body symbolic regression, {pairs} pairs, {count} snapshots"
    phi = ansatz.features(x)
    reference = naive(phi, label, weight, 10_000, exact=True)
    ours = fit_sr1(phi, label, weight)
    found = check(path, float(np.abs(ours.alpha - reference.x).max() / np.abs(reference.x).max()),
                  1e-3)  # fmt: skip
    start = time.perf_counter()
    first = naive(phi, label, weight, steps, exact=False)
    taken = time.perf_counter() - start
    # each evaluation of loss and gradient costs pairs + 1 evaluations of the loss
    needed = reference.nfev * (pairs + 1)
    fit_sr1(phi, label, weight)
    (fast,) = in_turns_warm(repeats, lambda: fit_sr1(ansatz.features(x), label, weight))
    yield Row(
        path, "L-BFGS with finite differences (SciPy), products of pairs held",
        [taken * needed / first.nfev] * repeats, fast, target=100, deviation=found, tolerance=1e-3,
        limits=(Limit("s", float(np.median(fast)), 5, " s"),
                Limit("gradient norm", ours.gradient_norm, 1e-6)),
        note=f"naive time of {first.nit} steps ({first.nfev} evaluations of the loss) multiplied "
        f"to the {reference.nit} steps ({needed} evaluations) that L-BFGS takes to the same "
        f"optimum with the exact gradient; ours {ours.iterations} steps, products included",
        toy=small, details={"measured_s": taken, "measured_steps": int(first.nit)},
    )  # fmt: skip
