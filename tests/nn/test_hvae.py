"""The Hamiltonian VAE as a module: exact sums, limits, shapes, learned numbers, messages."""

from __future__ import annotations

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError, TrainingError
from qdisc.nn.arnn import ARNNDense
from qdisc.nn.encoders_cnn import EncoderCNNcirc1D
from qdisc.nn.vae import VAEmodel
from qdisc.objectives.hamiltonian import LogPWeights, LogQWeights, Noise
from qdisc.objectives.total_correlation import Stratified, total_correlation
from qdisc.train.program import TrainState
from qdisc.vae import HVAE
from qdisc.vae import hvae as published

KEY = jax.random.key(0)
CODES = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)], np.uint8)


class Toy(nn.Module):
    """Two latents; sites independent given z, their parameters bent by a tanh; any kind of data."""

    kind: str = "discrete"
    sites: int = 3
    dtype: str = "float32"

    def setup(self):
        self.code = nn.Dense(4, param_dtype=self.dtype, dtype=self.dtype)
        self.head = nn.Dense(4 * self.sites, param_dtype=self.dtype, dtype=self.dtype)

    def encode(self, batch):
        mean, logvar = jnp.split(jnp.tanh(self.code(batch.astype(self.dtype))), 2, axis=-1)
        return 0.5 * mean, 0.2 * logvar + 0.3  # wider than the posterior: weights with a variance

    def decode(self, z, batch):
        out = jnp.tanh(self.head(z)).reshape(len(z), self.sites, 4)
        log_p = jax.nn.log_softmax(2.0 * out[..., :2], axis=-1)
        gauss = out[..., 2:] * jnp.asarray([1.0, 0.5], self.dtype)
        return {"continuous": gauss, "hybrid": (log_p, gauss)}.get(self.kind, log_p)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, mean.dtype)
        return mean, logvar, z, self.decode(z, batch)


def variables(hvae, x, loud=0.5, key=KEY):
    """Initial parameters with noise added, the learned dynamics as they are."""
    start = jax.jit(lambda: hvae.init(key, x[:1], key))()
    leaves, tree = jax.tree.flatten(start["params"]["vae"])
    keys = jax.random.split(key, len(leaves))
    louder = [a + loud * jax.random.normal(k, a.shape, a.dtype)
              for a, k in zip(leaves, keys, strict=True)]  # fmt: skip
    return {"params": {**start["params"], "vae": jax.tree.unflatten(tree, louder)}}


def apply(hvae, v, *args, method=None, **options):
    return jax.jit(lambda v, *a: hvae.apply(v, *a, method=method, **options))(v, *args)


# -- the evidence ---------------------------------------------------------------------------------


def every_row(kind):
    """All snapshots of a small system, and the weight of each in the sum over snapshots."""
    if kind == "discrete":
        return CODES, np.ones(8)
    if kind == "shadow":
        return np.stack([np.broadcast_to([2, 4, 3], CODES.shape), CODES], -1).reshape(8, 6), 1.0
    grid = np.linspace(-7, 7, 141)
    if kind == "continuous":
        return grid[:, None].astype(np.float32), grid[1] - grid[0]
    rows = np.array([[code, value] for code in (0, 1) for value in grid], np.float32)
    return rows, grid[1] - grid[0]


@pytest.mark.parametrize(
    ("kind", "steps", "options"),
    [
        ("discrete", 0, {}),
        ("discrete", 1, {"tempering": "null"}),
        ("discrete", 3, {}),
        ("discrete", 6, {"tempering": "free", "remat": True, "step_size_per": "both"}),
        ("shadow", 3, {"tempering": "quadratic_temperature"}),
        ("continuous", 2, {"grad_method": "jvp"}),
        ("hybrid", 2, {"alpha": 0.8}),
    ],
)
def test_the_evidence_of_all_snapshots_sums_to_one(kind, steps, options):
    """E sum_x exp(log_evidence(x)) = sum_x p(x) = 1, any parameters, any K; 3 standard errors.

    Hybrid data: the joint likelihood of both halves, although alpha weighs them in the force.
    """
    x, weight = every_row(kind)
    toy = Toy(kind, 3 if kind in ("discrete", "shadow") else 1)
    hvae = HVAE(toy, steps, 0.25, 0.6, data_type=kind, **options)
    n = 16_000 if len(x) == 8 else 1_000
    log_p, log_q = apply(hvae, variables(hvae, x), x, KEY, n_samples=n, method="log_weights")
    assert log_p.shape == log_q.shape == (len(x), n)
    weights = np.exp(np.asarray(log_p - log_q, np.float64)) * np.reshape(weight, (-1, 1))
    error = np.sqrt((weights.var(axis=1) / n).sum())
    assert error < 0.02
    assert abs(weights.mean(axis=1).sum() - 1) < 3 * error


def test_evidence_and_effective_samples():
    """log-mean-exp and (sum w)^2 / sum w^2 of the weights; the first samples do not change."""
    hvae = HVAE(Toy(), data_type="discrete")
    v = variables(hvae, CODES)
    keys = jax.random.split(KEY, 8)

    @jax.jit
    def everything(v):
        call = partial(hvae.apply, v)
        return (
            call(CODES, KEY, 50, method="log_weights"), call(CODES, KEY, 50, method="log_evidence"),
            call(CODES, KEY, 20, method="log_weights")[0],
            call(CODES, keys, 9, method="log_weights")[0],
            call(CODES[2:5], keys[2:5], 9, method="log_weights")[0],
        )  # fmt: skip

    (log_p, log_q), (evidence, ess), fewer, rows, alone = everything(v)
    w = np.exp(np.asarray(log_p - log_q, np.float64))
    assert np.allclose(evidence, np.log(w.mean(1)), atol=1e-5)
    assert np.allclose(ess, w.sum(1) ** 2 / (w**2).sum(1), rtol=1e-4)
    assert ((ess >= 1) & (ess <= 50)).all()
    assert np.allclose(fewer, log_p[:, :20], atol=1e-5)
    assert np.allclose(alone, rows[2:5], atol=1e-5)
    with pytest.raises(ConfigError, match="whole number >= 1 of samples"):
        hvae.apply(v, CODES, KEY, 0, method="log_evidence")


# -- limits, shapes, equalities -------------------------------------------------------------------


def test_without_steps_it_is_the_model_within():
    """Published modules; the same key draws the same latents and probabilities, bit for bit."""
    vae = VAEmodel(EncoderCNNcirc1D(2, 1, 3, 1, 4, 8), ARNNDense(1, 4))
    hvae = HVAE(vae, steps=0)
    v = variables(hvae, CODES)
    assert set(v["params"]) == {"vae"}  # nothing to learn beside it
    ours = apply(hvae, v, CODES, KEY)
    theirs = apply(vae, {"params": v["params"]["vae"]}, CODES, KEY)
    for a, b in zip(ours, theirs, strict=True):
        assert np.array_equal(a, b)


def test_outputs_have_names():
    hvae = HVAE(Toy(), 3, 0.2, 0.5, data_type="discrete")
    v = variables(hvae, CODES)
    mean, logvar, z, cp = apply(hvae, v, CODES, KEY)
    out = apply(hvae, v, CODES, KEY, return_latent=True)
    assert np.array_equal(out.encoder.mean, mean) and np.array_equal(out.encoder.logvar, logvar)
    assert np.array_equal(out.phase_space.z_final, z) and np.array_equal(out.decoder, cp)
    assert out.phase_space._fields == ("z_init", "rho_init", "z_final", "rho_final", "log_det")
    assert float(out.phase_space.log_det) == pytest.approx(np.log(0.5), rel=1e-5)  # l = 2
    assert np.abs(out.phase_space.z_init - z).max() > 0.05
    assert np.allclose(apply(hvae, v, z, CODES, method="decode"), cp, atol=1e-6)


def test_pieces_by_their_published_names():
    """Methods against each other and their definitions; jit, vmap and plain calls agree."""
    hvae = HVAE(Toy(), 3, 0.2, 0.5, data_type="discrete", learn_beta0=False)
    v = variables(hvae, CODES)
    noise = Noise(*(jax.random.normal(k, (8, 2)) for k in jax.random.split(KEY)))

    def one(row, mean, logvar, e, gamma):
        parts = (part[None] for part in (mean, logvar))
        return hvae.apply(v, row[None], *parts, Noise(e[None], gamma[None]), method="follow").log_p

    @jax.jit
    def everything(v):
        call = partial(hvae.apply, v, CODES)
        out = call(KEY, return_latent=True)
        z, rho = out.phase_space.z_init, out.phase_space.rho_init
        new, _, force = call(z, rho, method="leapfrog_step")
        return {
            "out": out, "new": new, "force": force.gradient,
            "path": call(z, rho, method="leapfrog_tempering_step", trajectory=True),
            "energy": call(z, method="potential_energy"),
            "weights": call(KEY, method="hamiltonian_elbo", reduce=False),
            "bound": call(KEY, method="hamiltonian_elbo", return_outputs=True),
            "p, q": [call(KEY, method=m) for m in ("log_p_bar", "log_q_bar")],
            "gradients": {
                m: hvae.clone(grad_method=m).apply(v, CODES, new, method="grad_potential_energy")
                for m in ("autodiff", "jvp", "finite_central", "finite_forward")
            },
            "whole": call(*out.encoder, noise, method="follow").log_p,
            "rows": jax.vmap(one)(CODES, *out.encoder, *noise)[:, 0],
        }  # fmt: skip

    all_of = everything(v)
    out, path, weights = (all_of[name] for name in ("out", "path", "weights"))
    ends = out.phase_space
    assert np.allclose(path.phase_space.z_final, ends.z_final, atol=1e-6)
    assert path.z.shape == (4, 8, 2)
    assert np.allclose(all_of["new"], path.z[1], atol=1e-6)
    tolerances = {"autodiff": 1e-6, "jvp": 1e-5, "finite_central": 2e-3, "finite_forward": 2e-2}
    for method, gradient in all_of["gradients"].items():
        assert np.allclose(gradient, all_of["force"], atol=tolerances[method]), method
    z = np.asarray(ends.z_init)
    cp = np.asarray(apply(hvae, v, z, CODES, method="decode"))
    nll = -np.take_along_axis(cp, CODES[..., None].astype(int), -1).sum((1, 2))
    energy = nll + (np.log(2 * np.pi) + z**2).sum(1) / 2
    assert np.allclose(all_of["energy"], energy, atol=1e-5)
    assert np.allclose(weights, all_of["p, q"][0] - all_of["p, q"][1], atol=1e-5)
    bound, again = all_of["bound"]
    assert float(bound) == pytest.approx(float(weights.mean()), abs=1e-5)
    assert np.allclose(again.phase_space.z_final, ends.z_final, atol=1e-6)
    assert np.allclose(all_of["rows"], all_of["whole"], atol=1e-5)
    plain = hvae.apply(v, CODES, KEY, method="hamiltonian_elbo")  # not jitted
    assert float(plain) == pytest.approx(float(bound), abs=1e-5)


def test_what_maps_show():
    """Centre and spread of z_K to first order: exact for one Gaussian site, K = 0 the encoder's."""

    class Line(Toy):
        def decode(self, z, batch):  # a linear mean, so a linear force
            mean = self.head(z)[:, :1]
            return jnp.stack([mean, jnp.zeros_like(mean)], axis=-1)

    x = np.linspace(-2, 2, 5, dtype=np.float32)[:, None]
    hvae = HVAE(Line("continuous", 1), 4, 0.3, 0.5, data_type="continuous")
    v = variables(hvae, x)
    mean, logvar = apply(hvae, v, x, method="posterior")
    many = np.asarray(apply(hvae, v, np.repeat(x, 20_000, axis=0), KEY, method="draw"))
    many = many.reshape(5, 20_000, 2)
    error = many.std(1) / np.sqrt(20_000)
    assert (np.abs(many.mean(1) - mean) < 4 * error).all()
    assert np.allclose(many.var(1), np.exp(logvar), rtol=0.05)
    assert np.allclose(apply(hvae, v, x, method="centre"), mean, atol=1e-5)
    encoded = apply(hvae, v, x, method="encode")
    assert np.abs(mean - encoded[0]).max() > 0.05
    for plain in (hvae.clone(latent="encoder_mean"), hvae.clone(steps=0)):
        assert np.array_equal(apply(plain, v, x, method="posterior"), encoded)


def test_another_prior():
    """p(z) = N(0, 4): the potential and the bound change by its density, the momentum does not."""

    def wide(z):
        return -0.5 * (np.log(8 * np.pi) + z**2 / 4).sum(1)

    plain = HVAE(Toy(), 0, data_type="discrete")
    v = variables(plain, CODES)
    z = apply(plain, v, CODES, KEY)[2]
    normal = -0.5 * (np.log(2 * np.pi) + np.asarray(z) ** 2).sum(1)
    bounds = [
        np.asarray(apply(hvae, v, CODES, KEY, method="hamiltonian_elbo", reduce=False))
        for hvae in (plain, plain.clone(log_prior=wide))
    ]
    assert np.allclose(bounds[1] - bounds[0], np.asarray(wide(z)) - normal, atol=1e-5)


# -- the loss -------------------------------------------------------------------------------------


def test_the_loss_and_its_weights():
    hvae = HVAE(Toy(), 2, 0.2, 0.5, data_type="discrete")
    v, target = variables(hvae, CODES), CODES[::-1]

    def spread(output, power):
        return (jnp.abs(output.phase_space.z_final) ** power).mean()

    only = {"logp_prefactor": LogPWeights(1.0, 0.0, 0.0), "logq_prefactor": LogQWeights(0, 0, 0)}
    options = {
        "plain": {}, "only": only, "beta": {"beta": 0.3}, "gamma": {"gamma": 2.0},
        "reg": {"reg_function": spread, "reg_kwargs": {"power": 3}, "reg_strength": 0.5},
        "target": {"target": target},
    }  # fmt: skip

    @jax.jit
    def everything(v):
        call = partial(hvae.apply, v, CODES, KEY)
        pair = call(method="hamiltonian_elbo", return_outputs=True)
        likelihood = call(method="hamiltonian_elbo", **only)
        return *pair, likelihood, {k: call(method="loss", **o) for k, o in options.items()}

    bound, out, likelihood, loss = everything(v)
    rate = likelihood - bound
    tc = total_correlation(out.phase_space.z_init, *out.encoder, Stratified(8))
    size = (np.abs(np.asarray(out.phase_space.z_final)) ** 3).mean()
    # another target: the path is that of the input, the likelihood that of the target
    cp = np.asarray(out.decoder)  # this decoder does not read x
    other = np.take_along_axis(cp, target[..., None].astype(int), -1).sum((1, 2)).mean()
    expected = {
        "plain": -bound, "only": -likelihood, "beta": -likelihood + 0.3 * rate,
        "gamma": -bound + 2 * tc, "reg": -bound + 0.5 * size, "target": -other + rate,
    }  # fmt: skip
    for name, value in expected.items():
        assert float(loss[name]) == pytest.approx(float(value), abs=1e-4), name


@pytest.mark.parametrize(
    ("kind", "tempering", "per"), [("discrete", "free", "both"), ("hybrid", "quadratic", "all")]
)
def test_the_gradient_of_every_parameter(kind, tempering, per):
    """Networks, step sizes, beta0: central differences of the loss with common noise, float64."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(0)
        x = rng.integers(0, 2, (4, 2)).astype(np.float64)
        if kind == "hybrid":
            x = np.concatenate([x, rng.standard_normal((4, 2))], axis=1)
        alpha = 0.3 if kind == "hybrid" else None
        hvae = HVAE(
            Toy(kind, 2, "float64"), 3, 0.2, 0.5, tempering,
            step_size_per=per, data_type=kind, alpha=alpha,
        )  # fmt: skip
        params = variables(hvae, x)["params"]
        flat, unravel = jax.flatten_util.ravel_pytree(params)
        assert flat.dtype == np.float64
        loss = lambda p: hvae.apply({"params": unravel(p)}, x, KEY, method="loss")  # noqa: E731
        exact = jax.jit(jax.grad(loss))(flat)
        shift = 1e-5 * jnp.eye(flat.size)
        high, low = jax.jit(lambda: [jax.lax.map(loss, flat + s * shift) for s in (1, -1)])()
        assert np.allclose(exact, (high - low) / 2e-5, rtol=1e-5, atol=1e-8)
        assert all(np.abs(g).max() > 1e-4 for g in jax.tree.leaves(unravel(exact)["dynamics"]))


def test_alpha_weighs_the_halves_of_hybrid_data_in_the_force():
    """alpha = 1/2 is half the joint likelihood; with alpha = 1 the values push nothing."""
    x = every_row("hybrid")[0][::20]
    joint = HVAE(Toy("hybrid", 1), 2, 0.2, data_type="hybrid")
    v = variables(joint, x)
    z = apply(joint, v, x, KEY)[2]

    def energy(hvae):
        prior = 0.5 * (np.log(2 * np.pi) + np.asarray(z) ** 2).sum(1)
        return np.asarray(apply(hvae, v, x, z, method="potential_energy")) - prior

    assert np.allclose(energy(joint.clone(alpha=0.5)), energy(joint) / 2, atol=1e-5)
    with pytest.warns(UserWarning, match="drops the continuous half"):
        discrete = apply(joint.clone(alpha=1.0), v, x, z, method="grad_potential_energy")
    codes = HVAE(Toy("discrete", 1), 2, 0.2, data_type="discrete")
    only = apply(codes, v, x[:, :1], z, method="grad_potential_energy")
    assert np.allclose(discrete, only, atol=1e-6)


# -- what is learned ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step_size", "per", "shape"),
    [
        (0.1, "all", ()), (0.1, "latent", (2,)), (0.1, "step", (3, 1)), (0.1, "both", (3, 2)),
        ((0.1, 0.2), "all", (2,)), (((0.1,), (0.2,), (0.3,)), "latent", (3, 2)),
    ],
)  # fmt: skip
def test_step_sizes_start_where_they_are_told(step_size, per, shape):
    hvae = HVAE(Toy(), 3, step_size, 0.4, step_size_per=per, data_type="discrete")
    v = hvae.init(KEY, CODES, KEY)
    assert v["params"]["dynamics"]["step_size"].shape == shape
    sizes, betas = hvae.apply(v, 2, method="learned")
    assert np.allclose(sizes, np.broadcast_to(np.asarray(step_size), (3, 2)), rtol=1e-5)
    assert np.allclose(betas[0], 0.4, rtol=1e-5) and float(betas[-1]) == 1.0
    for extreme in (-20.0, 20.0):
        far = jax.tree.map(lambda a, e=extreme: jnp.full_like(a, e), v)
        sizes, betas = hvae.apply(far, 2, method="learned")
        assert ((sizes >= 0) & (sizes <= 0.5)).all() and ((betas >= 0) & (betas <= 1)).all()


def test_free_tempering_starts_as_the_fixed_schedule():
    """The same bound for every draw of the noise."""
    fixed = HVAE(Toy(), 4, 0.2, 0.3, data_type="discrete")
    free = fixed.clone(tempering="free")
    v = variables(fixed, CODES)
    start = free.init(KEY, CODES, KEY)["params"]["dynamics"]
    assert start["alpha"].shape == (4,)
    w = {"params": {**v["params"], "dynamics": {**start}}}
    bounds = [
        apply(hvae, p, CODES, KEY, method="hamiltonian_elbo", reduce=False)
        for hvae, p in ((fixed, v), (free, w))
    ]
    assert np.allclose(*bounds, atol=1e-5)


def test_what_is_fixed_is_no_parameter():
    hvae = HVAE(Toy(), 3, 0.1, 1.0, data_type="discrete")
    assert set(hvae.init(KEY, CODES, KEY)["params"]["dynamics"]) == {"step_size"}
    hvae = hvae.clone(beta0=0.3, learn_step_size=False)
    assert set(hvae.init(KEY, CODES, KEY)["params"]["dynamics"]) == {"beta0"}
    hvae = hvae.clone(learn_beta0=False, step_size=0.9)
    assert set(hvae.init(KEY, CODES, KEY)["params"]) == {"vae"}


def test_equal_modules_are_equal():
    """Arrays become tuples: an equal module shares a compilation."""
    first, second = (HVAE(Toy(), 2, np.array([0.1, 0.2])) for _ in "ab")
    assert first == second and hash(first) == hash(second)
    assert first.step_size == (0.1, 0.2)


# -- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta0": 0.0}, r"beta0 is the inverse temperature(.|\n)*0\.0"),
        ({"beta0": 1.2}, r"in \(0, 1\]"),
        ({"steps": -1}, "whole number >= 0"),
        ({"steps": 2.5}, "whole number >= 0"),
        ({"step_size": -0.1}, "finite size >= 0"),
        ({"step_size": np.nan}, "finite size >= 0"),
        ({"step_size": 0.7}, r"starts below its bound(.|\n)*max_step_size=1\.4"),
        ({"tempering": "quadratc"}, "did you mean 'quadratic'"),
        ({"tempering": "free", "beta0": 1.0}, "starts from a beta0 below 1"),
        ({"grad_method": "finite"}, "unknown grad_method"),
        ({"latent": "mean"}, "unknown latent"),
        ({"step_size_per": "latents"}, "did you mean 'latent'"),
        ({"vae": nn.Dense(2)}, "encodes and decodes"),
        ({"data_type": "spins"}, "unknown data_type"),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        HVAE(**{"vae": Toy(), **options})


def test_what_only_data_can_tell():
    with pytest.raises(ConfigError, match=r"shape \(3,\) for 2 steps of 2 latents"):
        HVAE(Toy(), 2, (0.1, 0.1, 0.1), data_type="discrete").init(KEY, CODES, KEY)
    with pytest.raises(ConfigError, match=r"what its columns mean(.|\n)*data_type"):
        hvae = HVAE(Toy(), 2)
        hvae.apply(hvae.init(KEY, CODES, KEY), CODES, KEY)
    hvae = HVAE(Toy(), 2, data_type="discrete")
    v = variables(hvae, CODES, loud=jnp.nan)
    with pytest.raises(TrainingError, match=r"not finite\n.*row 0(.|\n)*smaller step_size"):
        hvae.apply(v, CODES, KEY)


# -- one step of training by hand -----------------------------------------------------------------


def test_training_by_hand_raises_the_bound():
    import optax

    hvae, optimizer = HVAE(Toy(), 2, 0.1, data_type="discrete"), optax.adam(0.05)
    x = CODES[[0, 0, 0, 7, 7, 7, 1, 6]]
    state = published.begin(hvae, x, KEY, optimizer)
    losses = []
    for n in range(60):
        state, loss = published.train(
            hvae, state, x, jax.random.fold_in(KEY, n), optimizer, loss_return=True,
            loss_kwargs={"beta": 0.9, "logp_prefactor": LogPWeights()},
        )  # fmt: skip
        losses.append(float(loss))
    assert int(state.step) == 60
    assert np.mean(losses[-10:]) < np.mean(losses[:10]) - 0.3
    bad = jax.tree.map(lambda a: a * jnp.nan, state.params)
    bad = TrainState(bad, state.opt_state, state.step)
    with pytest.raises(TrainingError, match="the loss is not finite"):
        published.train(hvae, bad, x, KEY, optimizer)


def test_every_published_name_exists():
    for name in published.__all__:
        assert getattr(published, name) is not None
    methods = (
        "potential_energy", "grad_potential_energy", "leapfrog_step", "leapfrog_tempering_step",
        "log_p_bar", "log_q_bar", "hamiltonian_elbo", "loss", "log_evidence", "log_weights",
    )  # fmt: skip
    assert all(callable(getattr(HVAE, name)) for name in methods)
