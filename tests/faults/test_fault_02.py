"""Fault 2 of the published library: its "Y" shadows measured X."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset import shadows
from qdisc.dataset.shadows import get_classical_shadow

R = np.sqrt(0.5)
SHOTS = 2000


def mean(psi, n, basis):
    """Mean product of the outcomes when every site is measured in one basis."""
    shadow = get_classical_shadow(np.array(psi), SHOTS, n, 0, basis)
    return np.prod(2.0 * shadow[:, 1::2] - 1, axis=1).mean()


CASES = [
    # state, sites, <X..X>, <Y..Y>, <Z..Z>
    ("|+>", [R, R], 1, 1, 0, 0),
    ("|+i>", [R, 1j * R], 1, 0, 1, 0),
    ("|0>", [1, 0], 1, 0, 0, 1),
    ("Bell", [R, 0, 0, R], 2, 1, -1, 1),
    ("GHZ, phase i", [R, 0, 0, 0, 0, 0, 0, 1j * R], 3, 0, -1, 0),
]


def check(only=CASES):
    for name, psi, n, *expected in only:
        for basis, value in zip("XYZ", expected, strict=True):
            seen = mean(psi, n, basis)
            error = 4 * np.sqrt((1 - value**2) / SHOTS)
            assert abs(seen - value) <= error, f"<{basis}> of {name}: {seen}, true {value}"


def test_x_y_and_z_are_measured():
    check()


@pytest.mark.parametrize("case", [0, 1, 3, 4])
def test_the_check_sees_the_fault(monkeypatch, case):
    """The phase gate applied after the Hadamard changes no probability: "Y" is X again."""
    faulty = shadows.ROTATIONS.copy()
    faulty[1] = np.diag([1, -1j]) @ faulty[0]
    real = shadows._share_of_plus

    def share(up, down):
        shares = real(up, down)
        shares[:, 1] = shares[:, 0]
        return shares

    monkeypatch.setattr(shadows, "ROTATIONS", faulty)
    monkeypatch.setattr(shadows, "_share_of_plus", share)
    with pytest.raises(AssertionError, match="<Y> of"):
        check([CASES[case]])
