"""NetKet: archives of samples, and live states by their attributes (and real ones)."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import DataError
from qdisc.testing import check_plugin

from qdisc_formats import from_netket
from qdisc_formats.netket import loader

ODD = [1] + [0] * 9


def test_the_contract(golden):
    check_plugin(loader, file=golden("netket_spin.npz"))


def test_spins_and_occupations(golden):
    spin = load(golden("netket_spin.npz"))
    assert spin.samples.tolist() == [ODD] * 24 and spin.local_states.tolist() == [-1.0, 1.0]
    assert spin.physical(spin.samples)[0, :2].tolist() == [1.0, -1.0]
    fock = load(golden("netket_fock.npz"))
    assert fock.samples.tolist() == [ODD] * 24 and fock.local_states.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("hilbert", "states"),
    [
        ("Spin(s=1/2, N=4, ordering=new, total_sz=0)", [-1, 1]),
        ("Spin(s=1, N=4, ordering=new)", [-2, 0, 2]),
        ("Qubit(N=4)", [0, 1]),
        ("Fock(n_max=3, n_particles=4, N=4)", [0, 1, 2, 3]),
        ("Fock(n_max=FOCK_MAX, N=4)", [0, 1, 2]),  # as many as were seen
    ],
)
def test_the_text_of_a_hilbert_space(tmp_path, hilbert, states):
    path = tmp_path / "s.npz"
    values = np.array([[states[0], states[-1], states[0], states[0]]])
    np.savez(path, samples=values, hilbert=hilbert)
    dataset = load(path)
    assert dataset.local_states.tolist() == states
    assert dataset.physical(dataset.samples).tolist() == values.tolist()


def test_refusals(tmp_path):
    path = tmp_path / "s.npz"
    for samples, hilbert, words in (
        ([[1, 0]], "Spin(s=1/2, N=2)", ("no local state", "samples[0, 1]", "value: 0")),
        ([[1, 0]], "Particle(N=2)", ("not understood", "Particle", "local_states = ")),
        ([1, -1], "Spin(s=1/2, N=2)", ("(chains, n, sites)",)),
    ):
        np.savez(path, samples=np.array(samples), hilbert=hilbert)
        with pytest.raises(DataError) as caught:
            load(path)
        for word in (*words, "s.npz"):
            assert word in str(caught.value)


def test_live_states_by_their_attributes():
    """A state vector is measured in the order of its own basis, whatever that is."""
    basis = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    hilbert = SimpleNamespace(local_states=[1, -1], all_states=lambda: basis)
    exact = SimpleNamespace(hilbert=hilbert, to_array=lambda: np.array([0, 1j, 0, 0]))
    assert from_netket(exact, shots=5).samples.tolist() == [[1, 0]] * 5
    turned = SimpleNamespace(local_states=[1, -1], all_states=lambda: basis[::-1])
    exact = SimpleNamespace(hilbert=turned, to_array=lambda: np.array([0, 1j, 0, 0]))
    assert from_netket(exact, shots=5).samples.tolist() == [[0, 1]] * 5
    drawn = SimpleNamespace(hilbert=hilbert, samples=np.array([[[1, -1]], [[1, -1]]]))
    both = from_netket([drawn, drawn], theta={"h": [0.5, 1.5]})
    assert both.samples.tolist() == [[1, 0]] * 4 and both.theta[:, 0].tolist() == [0.5, 1.5]
    with pytest.raises(DataError, match="no state of NetKet"):
        from_netket([1, 2])


def test_superposition_is_sampled_with_its_weights():
    basis = np.array([[1], [-1]])
    hilbert = SimpleNamespace(local_states=[1, -1], all_states=lambda: basis)
    state = SimpleNamespace(
        hilbert=hilbert, to_array=lambda: np.array([np.sqrt(0.8), np.sqrt(0.2)])
    )
    dataset = from_netket(state, shots=10_000, seed=1)
    mean = float(np.average(dataset.configurations[:, 0], weights=dataset.weights))
    assert abs(mean - 0.8) < 4 * np.sqrt(0.8 * 0.2 / 10_000)
