"""Analysis `confusion`: how well held-out snapshots tell the two sides of every setting apart.

Learning by confusion asks, for each setting on a line, how well a classifier separates the
snapshots before it from those behind it; the answer is best at a boundary. One multi-class
classifier p(setting|x) answers all the questions at once (Arnold et al., 2311.09128): the side is
decided by the sum of its probabilities over the settings of each side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable
from scipy.optimize import minimize
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from qdisc_baselines.diffusion import drawn_counts
from qdisc_baselines.features import columns, pairs_of_columns, with_pairs
from qdisc_baselines.mixtures import over_theta

WORK = 2e8  # rows x settings x features of one gradient; a second or two on one core


class ConfusionConfig(Config):
    """Options of `confusion`.

    Attributes:
        pairs: Most two-body features of the classifier.
        penalty: Weight of the squared coefficients, in shots of a setting.
        iterations: Most steps of the optimiser.
    """

    pairs: int = 128
    penalty: float = 1.0
    iterations: int = 200

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        for name, ok, hint in (
            ("pairs", self.pairs >= 0, "zero or more"),
            ("penalty", self.penalty > 0, "a positive number"),
            ("iterations", self.iterations >= 1, "at least 1"),
        ):
            if not ok:
                raise ConfigError("the value has no meaning", where=f"analyses.confusion.{name}",
                                  value=getattr(self, name), hint=hint)  # fmt: skip


class Confusion:
    """1 - 2 x held-out error of telling the two sides of each setting apart, along each axis."""

    spec = AnalysisSpec(
        name="confusion",
        summary="Learning by confusion, all boundaries at once (multi-task), held out.",
        citation="E. van Nieuwenburg et al., Nat. Phys. 13, 435 (2017); arXiv:2311.09128",
        needs=("dataset",),
        provides=(
            Provides("confusion", ("theta", "coupling"),
                     long_name="1 - 2 x held-out error of telling both sides apart"),
            Provides("confusion_error", ("theta", "coupling"), long_name="its standard error"),
            Provides("gradient_norm", (), long_name="largest slope of the classifier's loss"),
            Provides("loss", (), units="nat", long_name="held-out loss of naming the setting"),
        ),
    )  # fmt: skip
    Config = ConfusionConfig

    def applies(self, data_spec: Any) -> str:
        """Sides need a line of settings."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: ConfusionConfig, *, key: Key) -> Mapping[str, Variable]:
        """Fit on one half of the shots, judge on the other."""
        with threadpool_limits(1):
            return _run(ctx.dataset, config, generator(key))


def _run(dataset: Any, config: ConfusionConfig, rng: np.random.Generator) -> dict[str, Variable]:
    pairs = pairs_of_columns(dataset.spec, config.pairs)
    width = columns(dataset, dataset.configurations[:1]).shape[1] + len(pairs) + 1
    most = max(4 * dataset.n_points, int(WORK / (dataset.n_points * width)))
    rows, counts = drawn_counts(dataset, most, rng)
    phi = with_pairs(columns(dataset, rows), pairs)
    centre, spread = phi.mean(axis=0), phi.std(axis=0)
    phi = (phi - centre) / np.where(spread > 1e-9, spread, 1.0)
    phi = np.concatenate([phi, np.ones((len(phi), 1))], axis=1)
    train = rng.binomial(counts.astype(np.int64), 0.5).astype(float)
    test = counts - train
    there = (train.sum(axis=1) > 0) & (test.sum(axis=1) > 0)
    log_p, norm = classifier(phi, train * there[:, None], config)
    share = np.divide(test, test.sum(axis=1, keepdims=True), where=there[:, None],
                      out=np.zeros_like(test))  # fmt: skip
    loss = -float((share[there] * log_p.T[there]).sum()) / max(1, int(there.sum()))
    value = np.full((dataset.n_points, len(dataset.theta_names)), np.nan)
    error = value.copy()
    for axis, line in lines_of(dataset):
        line = line[there[line]]
        value[line, axis], error[line, axis] = sides(log_p[:, line], test[line])
    return {
        "confusion": over_theta(dataset, value, "coupling"),
        "confusion_error": over_theta(dataset, error, "coupling"),
        "gradient_norm": Variable(np.float32(norm), ()),
        "loss": Variable(np.float32(loss), (), "nat"),
    }


def lines_of(dataset: Any) -> list[tuple[int, np.ndarray]]:
    """(axis, settings along it in order): the lines of a grid; else all settings by each theta."""
    if not dataset.is_grid:
        return [(a, np.argsort(dataset.theta[:, a])) for a in range(dataset.theta.shape[1])]
    index = np.arange(dataset.n_points).reshape(dataset.theta_shape)
    out = []
    for axis, values in enumerate(dataset.thetas):
        order = np.argsort(values, kind="stable")
        each = np.moveaxis(index, axis, -1)[..., order].reshape(-1, len(order))
        out += [(axis, line) for line in each]
    return out


def classifier(
    phi: np.ndarray, counts: np.ndarray, config: ConfusionConfig
) -> tuple[np.ndarray, float]:
    """Multinomial logistic regression: log p(setting | row), (n, P), every setting equally likely.

    Minimises -mean over settings of <log p(setting|x)> + penalty / (2 shots P) sum W^2, which is
    convex, by L-BFGS with the exact gradient.

    Args:
        phi: (n, F) features, the last a constant that is not penalised.
        counts: (P, n) shots; settings without any get probability 0.
        config: Options.

    Returns:
        The log probabilities and the largest slope at the end.
    """
    points, width = len(counts), phi.shape[1]
    shots = counts.sum(axis=1, keepdims=True)
    there = shots[:, 0] > 0
    share = np.divide(counts, shots, out=np.zeros_like(counts), where=shots > 0) / there.sum()
    weight = share.sum(axis=0)  # of each row
    moment = share @ phi
    ridge = np.full(width, config.penalty / max(1.0, float(np.median(shots[there]))) / there.sum())
    ridge[-1] = 0.0

    def log_probabilities(w: np.ndarray) -> np.ndarray:
        logits = phi @ w.T
        logits[:, ~there] = -np.inf
        return logits - logsumexp(logits, axis=1, keepdims=True)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(points, width)
        log_p = log_probabilities(w)
        fit = -float((share[there] * log_p[:, there].T).sum())
        slope = (np.exp(log_p) * weight[:, None]).T @ phi - moment + ridge * w
        return fit + 0.5 * float((ridge * w**2).sum()), slope.ravel()

    found = minimize(loss, np.zeros(points * width), jac=True, method="L-BFGS-B",
                     options={"maxiter": config.iterations, "maxcor": 20, "ftol": 1e-9,
                              "gtol": 1e-6})  # fmt: skip
    return log_probabilities(found.x.reshape(points, width)), float(np.abs(found.jac).max())


def sides(log_p: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 - 2 x error of telling before from behind, for each setting of a line, and its error.

    The setting itself is on neither side; both sides, and the settings of a side, weigh the same.
    The ends have one side: there is nothing to tell, and both numbers are 0.

    Args:
        log_p: (n, L) log probabilities of the settings of the line, in order.
        counts: (L, n) held-out shots.
    """
    length = log_p.shape[1]
    value, error = np.zeros(length), np.zeros(length)
    if length < 3:
        return value, error
    p = np.exp(log_p - log_p.max(axis=1, keepdims=True))
    shots = counts.sum(axis=1)
    share = counts / shots[:, None]
    before, behind = np.cumsum(p, axis=1), np.cumsum(p[:, ::-1], axis=1)[:, ::-1]
    for n in range(1, length - 1):
        left, right = before[:, n - 1] / n, behind[:, n + 1] / (length - 1 - n)
        says_left = np.where(left == right, 0.5, left > right)
        right_of = np.concatenate([share[:n] @ says_left, share[n + 1 :] @ (1 - says_left)])
        rest = length - 1 - n
        weight = np.concatenate([np.full(n, 0.5 / n), np.full(rest, 0.5 / rest)])
        value[n] = 2 * weight @ right_of - 1
        spread = right_of * (1 - right_of) / np.delete(shots, n)
        error[n] = 2 * np.sqrt(weight**2 @ np.maximum(spread, 0.25 / np.delete(shots, n) ** 2))
    return value, error


confusion = Confusion()
