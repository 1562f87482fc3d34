"""Fault 11 of the published library: symbolic regression that computes something else.

There the boundary of a cluster looked only in + directions; SR3's neighbours near the edge mixed
coordinates; SR1 overflowed at confident correct predictions; SR2 compared directions with lengths
and had a target that is zero for encoders which embed integers; SR3's loss shrank with the number
of samples; basis codes of shadows were used as spins; ties broke AUC and rank correlation.

Every check below also runs against the fault put back, and must fail there.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qdisc_symbolic import ansatz
from qdisc_symbolic.boundary import boundary, neighbour
from qdisc_symbolic.scores import auc, spearman
from qdisc_symbolic.sr1 import gradient, log_loss
from qdisc_symbolic.sr2 import alignment, flip_gradient
from qdisc_symbolic.sr3 import fit_sr3

from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 2, (40, 5))
SPINS = 2.0 * CODES - 1


# -- the boundary of a cluster ---------------------------------------------------------------


def check_boundary(of_mask):
    """A 3 x 3 block inside the grid has a ring of eight; a strip at the edge has one side."""
    block = np.zeros((6, 6), dtype=bool)
    block[1:4, 2:5] = True
    ring = block.copy()
    ring[2, 3] = False
    np.testing.assert_array_equal(of_mask(block), ring)
    strip = np.zeros((6, 6), dtype=bool)
    strip[4:] = True
    side = np.zeros_like(strip)
    side[4] = True
    np.testing.assert_array_equal(of_mask(strip), side)


def only_plus(mask):
    out = np.zeros_like(mask)
    for index in np.argwhere(mask):
        for axis in range(mask.ndim):
            other = index.copy()
            other[axis] += 1
            out[tuple(index)] |= other[axis] >= mask.shape[axis] or not mask[tuple(other)]
    return out


def test_boundary_looks_both_ways():
    check_boundary(boundary)


def test_the_check_sees_a_boundary_in_plus_directions_only():
    with pytest.raises(AssertionError):
        check_boundary(only_plus)


# -- neighbours at the edge of the grid ------------------------------------------------------


def check_neighbours(step_along):
    """Of every point, edges and corners included, only one coordinate changes, by one."""
    shape = (4, 7)
    points = np.argwhere(np.ones(shape, dtype=bool))
    for axis in (0, 1):
        for direction in (1, -1):
            to = step_along(shape, points, axis, np.full(len(points), direction))
            moved = np.abs(to - points)
            assert (to >= 0).all() and (to < shape).all()
            assert (moved[:, axis] == 1).all() and (moved[:, 1 - axis] == 0).all()


def mixed_at_the_edge(shape, points, axis, direction):
    first, second = points.copy(), points.copy()
    first[:, 0] += direction
    second[:, 1] += direction
    wanted = (first, second)[axis]
    outside = (wanted[:, axis] < 0) | (wanted[:, axis] >= shape[axis])
    back = points.copy()
    back[:, axis] -= direction
    # the second coordinate is taken from the neighbour along the other axis
    back[:, 1] = np.clip(second[:, 0], 0, shape[1] - 1)
    return np.where(outside[:, None], back, wanted)


def test_neighbours_keep_the_other_coordinate():
    check_neighbours(lambda *arguments: neighbour(*arguments)[0])


def test_the_check_sees_mixed_coordinates():
    with pytest.raises(AssertionError):
        check_neighbours(mixed_at_the_edge)


# -- SR1 at confident predictions ------------------------------------------------------------


def check_confident_predictions(loss, slope):
    """Right and wrong by 1000 nats: loss 0 and 1000, slopes 0 and 1, everything finite."""
    f, half = np.array([1000.0, -1000.0]), np.array([0.5, 0.5])
    right, wrong = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    assert loss(f, right, half) == 0.0
    assert loss(f, wrong, half) == 1000.0
    np.testing.assert_array_equal(slope(f, right, half), [0.0, 0.0])
    np.testing.assert_array_equal(slope(f, wrong, half), [0.5, -0.5])


def naive_loss(f, label, weights):
    with np.errstate(all="ignore"):
        s = np.exp(f) / (1 + np.exp(f))
        return float(-(weights @ (label * np.log(s) + (1 - label) * np.log(1 - s))))


def test_confident_predictions_are_finite():
    check_confident_predictions(log_loss, gradient)


def test_the_check_sees_the_overflow():
    assert np.isnan(naive_loss(np.array([1000.0]), np.ones(1), np.ones(1)))
    with pytest.raises(AssertionError):
        check_confident_predictions(naive_loss, gradient)


# -- SR2: directions, and a target that exists -----------------------------------------------


def check_only_directions_count(loss):
    """The loss of the true formula is zero whatever the lengths of the target gradients."""
    alpha = RNG.normal(size=10)
    target = SPINS @ ansatz.symmetric(alpha, 5)
    for lengths in (1.0, 7.0, RNG.lognormal(size=(40, 1))):
        assert loss(alpha, SPINS, lengths * target) == pytest.approx(0.0, abs=1e-5)


def one_side_normalised(alpha, x, target):
    grad = x @ ansatz.symmetric(alpha, x.shape[1])
    return float(((grad / np.linalg.norm(grad, axis=1, keepdims=True) - target) ** 2).sum(1).mean())


def test_both_gradients_are_directions():
    check_only_directions_count(lambda a, x, t: alignment(a, x, t, np.ones(len(x)))[0])


def test_the_check_sees_a_target_with_its_length():
    with pytest.raises(AssertionError):
        check_only_directions_count(one_side_normalised)


TABLE = jnp.asarray(RNG.normal(size=(2, 5)), jnp.float32)


def embedding_encoder(codes):
    """An encoder that looks integers up in a table, as transformers do."""
    rows = TABLE[jnp.asarray(codes).astype(jnp.int32), jnp.arange(5)]
    return jnp.tanh(rows.sum(-1)) + rows[..., 0] * rows[..., 3]


def check_target_of_an_embedding(derivative):
    """Every spin moves this latent, so that no column of its gradient vanishes."""
    target = np.asarray(derivative(embedding_encoder, CODES))
    assert np.isfinite(target).all() and (np.abs(target).max(axis=0) > 1e-3).all()


def automatic(mu, codes):
    return jax.vmap(jax.grad(mu))(jnp.asarray(codes, jnp.float32))


def test_encoders_of_integers_have_a_gradient():
    check_target_of_an_embedding(flip_gradient)


def test_the_check_sees_a_target_that_is_zero():
    assert not np.asarray(automatic(embedding_encoder, CODES)).any()
    with pytest.raises(AssertionError):
        check_target_of_an_embedding(automatic)


# -- SR3: the loss and the number of samples -------------------------------------------------


def check_samples_do_not_scale_the_loss(loss):
    rows, target = RNG.normal(size=(50, 10)), RNG.normal(size=50)
    few = loss(rows, target)
    many = loss(np.tile(rows, (20, 1)), np.tile(target, 20))
    assert 0.1 < few < 2 and many == pytest.approx(few, rel=1e-9)


def mean_of_unit_vectors(rows, target):
    p = rows @ np.linalg.lstsq(rows, target, rcond=None)[0]
    return float(((p / np.linalg.norm(p) - target / np.linalg.norm(target)) ** 2).mean())


def test_the_loss_of_sr3_does_not_depend_on_the_number_of_samples():
    check_samples_do_not_scale_the_loss(lambda rows, target: fit_sr3([rows], [target]).loss)


def test_the_check_sees_a_loss_that_shrinks():
    with pytest.raises(AssertionError):
        check_samples_do_not_scale_the_loss(mean_of_unit_vectors)


# -- shadows ---------------------------------------------------------------------------------


def check_shadows_are_refused(variables):
    shadow = Dataset(np.array([[[2, 0, 4, 1], [3, 1, 2, 1]]]), [[0.0]], "shadow")
    try:
        x = variables(shadow, shadow.configurations)
    except DataError as error:
        assert "basis codes are not spins" in str(error)
    else:
        raise AssertionError(f"basis codes became variables: {x[0]}")


def test_basis_codes_are_not_spins():
    check_shadows_are_refused(ansatz.variables)


def test_the_check_sees_basis_codes_as_spins():
    with pytest.raises(AssertionError, match="became variables"):
        check_shadows_are_refused(lambda dataset, rows: 2.0 * rows - 1)


# -- ties ------------------------------------------------------------------------------------


def check_ties(area, correlation):
    labels = np.array([True, True, False, False, False])
    assert area(np.zeros(5), labels) == 0.5
    assert area(np.zeros(5), ~labels) == 0.5
    assert area(np.array([1.0, 0, 1, 0, 0]), labels) == pytest.approx(3.5 / 6)
    a, b = np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 0, 1])
    assert correlation(a, b) == pytest.approx(0.0, abs=1e-15)
    assert np.isnan(correlation(np.ones(4), b))  # no ranking, and nothing hidden


def order(values):
    ranks = np.empty(len(values))
    ranks[np.argsort(values, kind="stable")] = np.arange(1, len(values) + 1)
    return ranks


def auc_by_order(scores, labels):
    n, m = labels.sum(), (~labels).sum()
    return (order(scores)[labels].sum() - n * (n + 1) / 2) / (n * m)


def spearman_by_order(a, b):
    return np.corrcoef(order(a), order(b))[0, 1]


def test_ties_count_one_half():
    check_ties(auc, spearman)


def test_the_check_sees_ties_in_the_order_of_the_rows():
    assert auc_by_order(np.zeros(4), np.array([False, False, True, True])) == 1.0
    with pytest.raises(AssertionError):
        check_ties(auc_by_order, spearman)
    with pytest.raises(AssertionError):
        check_ties(auc, spearman_by_order)
