"""The published names, signature for signature.

What is ours comes behind, keyword-only: code written for the published library never notices.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect

import flax.linen as nn
import jax
import numpy as np
import optax
import pytest

from qdisc.dataset.core import Dataset
from qdisc.vae.core import VAEmodel, VAETrainer

EMPTY = inspect.Parameter.empty
FUNCTIONS = {
    "qdisc.vae.core:TC_term": "(mean, logvar, z)",
    "qdisc.vae.core:log_normal_pdf": "(mu, logvar, sample)",
    "qdisc.vae.core:kl_standard_normal": "(mean, logvar)",
    "qdisc.vae.core:gaussian_negloglik": "(recon_mean, recon_logvar, targets, eps=1e-08)",
    "qdisc.vae.core:categorical_reconstruction_loss": "(log_cp_i, targets)",
    "qdisc.dataset.core:sample_spin_configurations": "(wave_function, num_samples, N, key)",
    "qdisc.dataset.core:get_classical_shadow": "(psi, num_shots, N, rng_key, bases='XYZ')",
    "qdisc.dataset.core:Dataset": "(data, thetas, data_type, local_dimension=0, local_states=None)",
    "qdisc.dataset.core:Dataset.create_batches": "(self, batch_size, key)",
    "qdisc.vae.core:VAETrainer.__init__": "(self, model, dataset, optimizer=optax.adabelief)",
    "qdisc.vae.core:VAETrainer.train": (
        "(self, num_epochs, batch_size, key, learning_rate=0.001, beta=1.0, gamma=0, alpha=0.0, "
        "printing_rate=1, re_shuffle=True)"
    ),
    "qdisc.vae.core:VAETrainer.compute_repr2d": (
        "(self, theta_pair=(1, 0), values_other_thetas=(), return_latvar=False)"
    ),
    "qdisc.vae.core:VAETrainer.plot_repr2d": (
        "(self, latvar=None, theta_pair=(1, 0), subplot=True)"
    ),
    "qdisc.vae.core:VAETrainer.plot_training": "(self, num_epochs)",
    "qdisc.vae.core:VAETrainer.get_data": "(self)",
    "qdisc.vae.core:VAETrainer.reconstruct_sample": "(self, input_samples, key)",
    "qdisc.vae.core:VAETrainer.get_cp": "(self, input_samples)",
    "qdisc.vae.core:VAETrainer.init_state": "(self, key, sample_batch)",
    "qdisc.vae.core:VAETrainer.get_sample": "(self, latent_var, key, shadows=None)",
    "qdisc.vae.core:VAEmodel.__call__": "(self, batch, key)",
}
MODULES = {
    "qdisc.vae.core:VAEmodel": "(encoder, decoder)",
    "qdisc.nn.core:EncoderCNNcirc1D": (
        "(latent_dim, num_conv_layers=2, kernel_size=3, strides=1, conv_features=16, "
        "dense_features=64)"
    ),
    "qdisc.nn.core:EncoderCNN2D": (
        "(latent_dim, num_conv_layers=2, kernel_size=(2, 2), strides=(1, 1), conv_features=16, "
        "dense_features=64, lattice_topology=((0, 1, 2), (5, 4, 3), (6, 7, 8)))"
    ),
    "qdisc.nn.core:Transformer_encoder": (
        "(num_heads=2, d_model=8, num_layers=3, latent_dim=5, data_type='discrete', "
        "local_dimension=2)"
    ),
    "qdisc.nn.core:ARNNDense": (
        "(num_layers=3, features=36, local_dimension=2, data_type='discrete')"
    ),
    "qdisc.nn.core:Transformer_decoder": (
        "(num_heads=4, d_model=32, num_layers=3, data_type='discrete', local_dimension=2)"
    ),
}


def find(path):
    module, _, names = path.partition(":")
    found = importlib.import_module(module)
    for name in names.split("."):
        found = getattr(found, name)
    return found


def published(text):
    """Parameter names and defaults of a signature as it was published."""
    (function,) = ast.parse(f"def f{text}: pass").body
    names = [argument.arg for argument in function.args.args]
    defaults = [_value(node) for node in function.args.defaults]
    return list(zip(names, [EMPTY] * (len(names) - len(defaults)) + defaults, strict=True))


def _value(node):
    if isinstance(node, ast.Attribute):
        return getattr(optax, node.attr)
    return ast.literal_eval(node)


def same(ours, theirs):
    return ours is theirs or (type(ours) is not object and ours == theirs)


def check_signature(function, text):
    parameters = list(inspect.signature(function).parameters.values())
    wanted = published(text)
    assert len(parameters) >= len(wanted)
    for parameter, (name, default) in zip(parameters, wanted, strict=False):
        assert parameter.name == name
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD, name
        if default is not EMPTY:
            assert same(parameter.default, default), name
    for parameter in parameters[len(wanted) :]:
        assert parameter.default is not EMPTY, f"{parameter.name} is required"


@pytest.mark.parametrize("path", FUNCTIONS)
def test_functions_and_methods(path):
    check_signature(find(path), FUNCTIONS[path])


@pytest.mark.parametrize("path", MODULES)
def test_networks_have_their_fields_in_order(path):
    module = find(path)
    assert issubclass(module, nn.Module)
    fields = [f for f in dataclasses.fields(module) if f.name not in ("parent", "name")]
    wanted = published(MODULES[path])
    positional = [f for f in fields if not f.kw_only]
    assert [f.name for f in positional] == [name for name, _ in wanted]
    for field, (name, default) in zip(positional, wanted, strict=True):
        if default is EMPTY:
            assert field.default is dataclasses.MISSING, name
        else:
            assert np.array_equal(field.default, default), name
    for field in fields:
        if field.kw_only:
            assert field.default is not dataclasses.MISSING, f"{field.name} is required"


def test_the_comparison_sees_a_difference():
    def renamed(mean, log_var, z):
        pass

    def defaulted(recon_mean, recon_logvar, targets, eps=1e-6):
        pass

    def required(log_cp_i, targets, weights):
        pass

    for function, name in ((renamed, "TC_term"), (defaulted, "gaussian_negloglik"),
                           (required, "categorical_reconstruction_loss")):  # fmt: skip
        with pytest.raises(AssertionError):
            check_signature(function, FUNCTIONS[f"qdisc.vae.core:{name}"])


def test_compute_and_plot_takes_what_both_take():
    names = list(inspect.signature(VAETrainer.compute_and_plot_repr2d).parameters)
    assert {"theta_pair", "values_other_thetas", "subplot"} <= set(names)


def test_core_modules_offer_exactly_the_published_names():
    offered = {
        "qdisc.vae.core": {"TC_term", "log_normal_pdf", "kl_standard_normal", "VAEmodel",
                           "gaussian_negloglik", "categorical_reconstruction_loss", "VAETrainer"},
        "qdisc.dataset.core": {"Dataset", "sample_spin_configurations", "get_classical_shadow"},
        "qdisc.nn.core": {"EncoderCNNcirc1D", "EncoderCNN2D", "Transformer_encoder", "ARNNDense",
                          "Transformer_decoder", "VAEmodel"},
    }  # fmt: skip
    for module, names in offered.items():
        assert set(importlib.import_module(module).__all__) == names


def test_the_top_level_names():
    import qdisc

    for name in ("Dataset", "Result", "discover", "load", "open_result", "run"):
        assert getattr(qdisc, name) is not None and name in dir(qdisc)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        qdisc.nothing  # noqa: B018


def test_the_faces_of_load_discover_and_run():
    import qdisc

    def first(function):
        return list(inspect.signature(function).parameters)

    assert first(qdisc.load)[:2] == ["path", "loader"]
    assert first(qdisc.discover)[:3] == ["dataset", "seed", "out"]
    assert inspect.signature(qdisc.discover).parameters["seed"].default == 0
    assert {"out"} <= set(first(qdisc.run))
    assert first(Dataset.from_samples)[:2] == ["samples", "theta"]
    keywords = inspect.signature(Dataset.from_samples).parameters
    for name in ("data_type", "theta_names", "theta_units", "local_states", "sites", "periodic"):
        assert keywords[name].kind is inspect.Parameter.KEYWORD_ONLY
    assert first(Dataset.from_counts)[:2] == ["counts", "theta"]


# -- what comes out ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trainer():
    from qdisc.nn.core import ARNNDense, EncoderCNNcirc1D

    rows = np.random.default_rng(0).integers(0, 2, (3, 2, 10, 4))
    dataset = Dataset(rows, [[0.0, 1.0, 2.0], [5.0, 6.0]], "discrete", 2, [-1, 1])
    model = VAEmodel(EncoderCNNcirc1D(2, 1), ARNNDense(1, 2))
    trainer = VAETrainer(model, dataset)
    assert trainer.state is None and trainer.latvar is None
    assert trainer.history_loss == trainer.history_recon == trainer.history_logvar == []
    trainer.train(11, 30, jax.random.PRNGKey(0))
    return trainer


def test_histories_have_one_entry_per_ten_steps(trainer):
    assert int(trainer.state.step) == 22
    for name in ("history_loss", "history_recon", "history_logvar"):
        assert len(getattr(trainer, name)) == 3
    assert hasattr(trainer.state, "params")


def test_the_keys_and_shapes_of_a_latent_map(trainer):
    latvar = trainer.compute_repr2d(return_latvar=True)
    for i in range(2):
        for name in (f"mu{i}", f"mu{i}_abs", f"logvar{i}"):
            assert latvar[name].shape == (2, 3)  # (len(thetas[1]), len(thetas[0]))
    assert len(latvar["id_lat"]) == 2 and latvar["theta_pair"] == (1, 0)
    assert trainer.compute_repr2d((0, 1), return_latvar=True)["mu0"].shape == (3, 2)


def test_the_keys_of_get_data(trainer):
    wanted = {"params", "history_loss", "history_recon", "history_logvar", "latvar"}
    assert set(trainer.get_data()) == wanted


def test_a_model_gives_four_things(trainer):
    batch = trainer.dataset.samples[:5]
    variables = {"params": trainer.state.params}
    mean, logvar, z, cp = trainer.model.apply(variables, batch, jax.random.PRNGKey(1))
    assert mean.shape == logvar.shape == z.shape == (5, 2)
    assert cp.shape == (5, 4, 2)
    np.testing.assert_allclose(np.exp(cp).sum(-1), 1, atol=1e-5)


def test_the_attributes_of_a_dataset(trainer):
    dataset = trainer.dataset
    assert dataset.data.shape == (3, 2, 10, 4)
    assert dataset.num_sample_per_params == 10
    assert dataset.input_size == 4 and dataset.local_dimension == 2
    assert dataset.data_type == "discrete"
    np.testing.assert_array_equal(dataset.local_states, [-1, 1])
    np.testing.assert_array_equal(dataset.thetas[1], [5.0, 6.0])
    assert dataset.theta.shape == (6, 2) and dataset.samples.shape == (60, 4)
    batches = dataset.create_batches(25, jax.random.PRNGKey(0))
    assert [len(batch) for batch in batches] == [25, 25, 10]


def test_the_losses_are_means_over_the_batch_in_nats():
    from qdisc.vae import core

    mean, logvar = np.full((3, 2), 0.5, np.float32), np.zeros((3, 2), np.float32)
    assert float(core.kl_standard_normal(mean, logvar)) == pytest.approx(2 * 0.125)
    zero = np.zeros((3, 4), np.float32)
    assert float(core.gaussian_negloglik(zero, zero, zero)) == pytest.approx(2 * np.log(2 * np.pi))
    uniform = np.log(np.full((3, 4, 2), 0.5, np.float32))
    codes = np.array([[0, 1, 0, 1]] * 3)
    loss = core.categorical_reconstruction_loss(uniform, codes)
    assert float(loss) == pytest.approx(4 * np.log(2))
    density = core.log_normal_pdf(mean, logvar, mean)
    np.testing.assert_allclose(density, -0.5 * np.log(2 * np.pi), rtol=1e-6)
    assert density.shape == (3, 2)
    assert np.shape(core.TC_term(mean, logvar, mean)) == ()
