"""Recipe table `[model.readout]`: known readout errors become part of the likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qdisc.config import Config, convert
from qdisc.dataset.readout import Channel, bit_flip
from qdisc.errors import ConfigError
from qdisc.nn.misread import misread
from qdisc.nn.vae import VAEmodel
from qdisc.plugin import DataSpec


class ReadoutConfig(Config):
    """Readout errors of single sites, known from a calibration; see `qdisc.nn.misread`.

    An atom that is lost and then looks like a Rydberg atom is p_0_to_1. For shadows the codes are
    outcomes, for hybrid data those of the discrete half.

    Attributes:
        p_0_to_1: Probability that code 0 is measured as code 1: a number, or one per site.
        p_1_to_0: Probability that code 1 is measured as code 0, likewise.
    """

    p_0_to_1: float | tuple[float, ...] = 0.0
    p_1_to_0: float | tuple[float, ...] = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no probability, and lengths that do not fit each other."""
        sizes = {np.size(p) for p in (self.p_0_to_1, self.p_1_to_0) if np.ndim(p)}
        if len(sizes) > 1:
            raise ConfigError(
                "one probability per site, for as many sites", where="model.readout",
                value=sorted(sizes),
            )  # fmt: skip
        self.channel()

    def channel(self) -> Channel:
        """P(observed | true)."""
        return bit_flip(self.p_0_to_1, self.p_1_to_0)


def take(options: dict[str, Any]) -> ReadoutConfig | None:
    """Take the table out of the options of `[model]`; None when there is none."""
    table = options.pop("readout", None)
    if table is None:
        return None
    if not isinstance(table, Mapping):
        raise ConfigError(
            "readout errors are a table", where="model.readout", value=table,
            hint="[model.readout]\np_0_to_1 = 0.01\np_1_to_0 = 0.04",
        )  # fmt: skip
    return convert(table, ReadoutConfig, "model.readout")


def behind_readout(module: Any, config: ReadoutConfig | None, spec: DataSpec) -> Any:
    """The model with its decoder behind the readout channel.

    Raises:
        ConfigError: Data without two codes, another number of sites, or a model that is not made
            of an encoder and a decoder.
    """
    if config is None:
        return module
    if spec.data_type == "continuous" or spec.local_dimension != 2:
        raise ConfigError(
            "readout errors are those of sites with two codes", where="model.readout",
            value=f"{spec.data_type} data, {spec.local_dimension} codes",
        )  # fmt: skip
    matrix = config.channel().matrix
    if matrix.ndim == 3 and len(matrix) != spec.n_sites:
        raise ConfigError(
            "one readout error per site", where="model.readout",
            value=f"{len(matrix)} probabilities, {spec.n_sites} sites",
        )  # fmt: skip
    if not isinstance(module, VAEmodel):
        raise ConfigError(
            "readout errors need a model of an encoder and a decoder", where="model.readout",
            value=type(module).__name__, hint="a model whose `build` returns qdisc.nn.VAEmodel",
        )  # fmt: skip
    return module.clone(decoder=misread(module.decoder, matrix))
