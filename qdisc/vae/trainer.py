"""The published face of training: `VAETrainer`, a thin and stateful shell.

Everything it does is done by `qdisc.train`, `qdisc.analysis` and `qdisc.show`; it only remembers
the state between calls, and speaks the names of the QDisc documentation.
"""

from __future__ import annotations

import logging
import operator
from typing import Any

import jax
import msgspec
import numpy as np
import optax

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, TrainingError
from qdisc.objectives.hamiltonian import warn_if_stopped
from qdisc.train.fit import Epoch, Fit
from qdisc.train.loop import fit, init_state
from qdisc.train.optimiser import Optimizer, check_rate, has_rate, injected
from qdisc.train.program import COLUMNS, Program
from qdisc.vae.agreement import check_agreement
from qdisc.vae.trained import Trained

_log = logging.getLogger("qdisc.vae")
_EVERY = 10  # steps between two entries of the histories


class _DefaultRate(float):
    """The default learning rate; being an object of its own it can be told from a given one."""


_RATE = _DefaultRate(0.001)


class VAETrainer(Trained):
    """Trains a `VAEmodel` on a `Dataset` and maps its latents over theta.

    Args:
        model: A `VAEmodel`, or any model with `apply(variables, batch, key)`.
        dataset: The snapshots.
        optimizer: An optax factory (its rate is the `learning_rate` of `train`) or a configured
            transformation (which keeps its own).

    Attributes:
        state: Training state; `state.params` are the parameters. None before training.
        history_loss: Loss at every tenth step, nats.
        history_recon: Reconstruction loss at every tenth step, nats.
        history_logvar: Mean log variance per latent at every tenth step.
        latvar: The last latent map, see `compute_repr2d`.
        fit: The last `qdisc.train.Fit`.

    Warns:
        UserWarning: A Hamiltonian VAE with stopped forces, whose gradients are wrong.

    Raises:
        TrainingError: Model and dataset disagree on data type, codes or sites.
        ConfigError: The optimizer is neither of the two.
    """

    def __init__(
        self, model: Any, dataset: Dataset, optimizer: Optimizer = optax.adabelief
    ) -> None:
        super().__init__(model, dataset)
        check_agreement(model, dataset)
        warn_if_stopped(getattr(model, "grad_method", ""), f"{type(model).__name__}.grad_method")
        self.optimizer = optimizer
        self.fit: Fit | None = None
        self._transform = injected(optimizer)
        self._programs: dict[tuple, Program] = {}

    def init_state(self, key: jax.Array, sample_batch: Any = None) -> Any:
        """Initialise the parameters and return the state.

        Args:
            key: Random key.
            sample_batch: Kept for published code; shapes come from the dataset.
        """
        if sample_batch is not None:
            self._check_columns(np.shape(sample_batch), "sample_batch")
        check_agreement(self.model, self.dataset)
        self.state = init_state(self.model, self.dataset, self._transform, key)
        return self.state

    def train(
        self,
        num_epochs: int,
        batch_size: int,
        key: jax.Array,
        learning_rate: float = _RATE,
        beta: float = 1.0,
        gamma: float = 0,
        alpha: float = 0.0,
        printing_rate: int = 1,
        re_shuffle: bool = True,
    ) -> None:
        """Train, going on from the present state.

        Loss = reconstruction + beta KL + gamma TC; for hybrid data the reconstruction is
        alpha * discrete + (1 - alpha) * continuous.

        Args:
            num_epochs: Passes over the snapshots.
            batch_size: Snapshots per optimiser step; the last batch may be smaller.
            key: Random key; fixes every random number of this call.
            learning_rate: Step size of the optimiser; an optimizer instance keeps its own.
            beta: Weight of the KL.
            gamma: Weight of the total correlation.
            alpha: Weight of the discrete half of hybrid data; 0 and 1 warn, since they drop a half.
            printing_rate: Epochs between two lines of the logger `qdisc.vae`.
            re_shuffle: Draw a new order of the snapshots in every epoch.

        Raises:
            ConfigError: A value without meaning.
            TrainingError: A loss or gradient that is not finite (the state then is the last good
                one), or a learning rate that the optimizer instance would ignore.
        """
        hybrid = self.dataset.data_type == "hybrid"
        config = TrainConfig(
            epochs=_whole(num_epochs, "num_epochs"),
            batch_size=_whole(batch_size, "batch_size"),
            learning_rate=float(learning_rate),
            beta=float(beta),
            gamma=float(gamma),
            alpha=float(alpha) if hybrid else None,
        )
        begin = self.init_state(key) if self.state is None else self.state
        explicit, opt_state = learning_rate is not _RATE, begin.opt_state
        check_rate(opt_state, explicit, config.learning_rate)
        if not explicit and not callable(self.optimizer) and has_rate(opt_state):
            own = float(opt_state.hyperparams["learning_rate"])
            config = msgspec.structs.replace(config, learning_rate=own)
        first = int(begin.step)
        signature = (self.dataset, id(self.model), config.batch_size, config.gamma > 0)

        def report(epoch: Epoch) -> None:
            if printing_rate and epoch.epoch % printing_rate == 0:
                terms = ", ".join(f"{k} {v:.3f}" for k, v in epoch.terms.items())
                _log.info("epoch %d: loss %.3f, %s", epoch.epoch, epoch.loss, terms)

        run = fit(
            self.model, self.dataset, config, key=key, state=begin, reshuffle=re_shuffle,
            optimizer=self._transform, program=self._programs.get(signature), callbacks=[report],
        )  # fmt: skip
        self._programs[signature] = run.program
        self.fit, self.state, self.latvar = run, run.state, None
        self._alpha = config.alpha
        every = run.steps[-first % _EVERY :: _EVERY]
        self.history_loss += every[:, COLUMNS.index("loss")].tolist()
        self.history_recon += every[:, COLUMNS.index("reconstruction")].tolist()
        self.history_logvar += list(every[:, -run.logvar.shape[1] :])
        if run.stop_reason == "not_finite":
            raise TrainingError(run.message, where="VAETrainer.train", value=config)


def _whole(value: Any, name: str) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ConfigError("a whole number is wanted", where=name, value=value) from None
