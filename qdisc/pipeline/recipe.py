"""From what the user said to what is done: names looked up, defaults filled in, all checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from qdisc.config import Recipe, Selection, TrainConfig, convert
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError
from qdisc.pipeline.defaults import default_model, default_training
from qdisc.pipeline.objectives import OBJECTIVES, take
from qdisc.pipeline.readout import ReadoutConfig, behind_readout
from qdisc.pipeline.readout import take as take_readout
from qdisc.plugin.registry import Registry


@dataclass(frozen=True)
class Settings:
    """A recipe with nothing left open.

    Attributes:
        model: The model plugin.
        model_config: Its Config.
        objective: Name of the objective.
        objective_config: Its Config, None where it has none.
        readout: Known readout errors, None where there are none.
        train: TrainConfig.
        module: The flax module that is trained: the model, wrapped for its objective.
    """

    model: Any
    model_config: Any
    objective: str
    objective_config: Any
    readout: ReadoutConfig | None
    train: TrainConfig
    module: Any


def resolve(recipe: Recipe, dataset: Dataset, registry: Registry) -> Settings:
    """Fill in what the recipe leaves open, and check everything before any work is done.

    Raises:
        ConfigError: An unknown key, model or objective, or a value without meaning.
        PluginError: The model plugin cannot be used.
    """
    if recipe.seed >= 2**63:
        raise ConfigError(
            "the result file keeps the seed as a 64 bit integer", where="seed", value=recipe.seed,
            hint="a whole number below 2**63",
        )  # fmt: skip
    options = dict(recipe.model)
    name = options.pop("name", None) or default_model(dataset.spec)
    objective, own = take(options)
    readout = take_readout(options)
    if not isinstance(name, str):
        raise ConfigError("the name of a model is wanted", where="model.name", value=name)
    model = registry.get("model", name)
    if dataset.data_type not in model.spec.data_kinds:
        raise ConfigError(
            f"model {name!r} does not understand {dataset.data_type} data",
            where="model.name", value=name, hint=f"try {default_model(dataset.spec)!r}",
        )  # fmt: skip
    entry = OBJECTIVES[objective]
    defaults = default_training(dataset, name, entry.cost(own), entry.held_out)
    train = convert({**defaults, **recipe.train}, TrainConfig, "train")
    if options.get("dtype") == "float64" and "dtype" in model.Config.__struct_fields__:
        if train.dtype != "float64":
            raise ConfigError(
                "the training decides in which precision a model is trained", where="model.dtype",
                value="float64", hint='train.dtype = "float64"',
            )  # fmt: skip
        options["dtype"] = "float32"  # built and analysed so; the training promotes it
    config = convert(options, model.Config, "model")
    module = behind_readout(model.build(dataset.spec, config), readout, dataset.spec)
    module = entry.wrap(module, own, dataset.spec, train.alpha)
    return Settings(model, config, objective, own, readout, train, module)


def as_tables(recipe: Recipe, settings: Settings, data: Mapping[str, Any]) -> dict[str, Any]:
    """The complete recipe as TOML tables: running them again repeats the run."""
    model: dict[str, Any] = {"name": settings.model.spec.name, "objective": settings.objective}
    if settings.objective_config is not None:
        model[settings.objective] = _plain(settings.objective_config)
    if settings.readout is not None:
        model["readout"] = _plain(settings.readout)
    tables: dict[str, Any] = {
        "seed": recipe.seed,
        "data": dict(data),
        "model": {**model, **_plain(settings.model_config)},
        "train": _plain(settings.train),
        "analyses": _tables(recipe.analyses),
        "observables": _tables(recipe.observables),
    }
    return {key: value for key, value in tables.items() if value != {}}


def _plain(struct: Any) -> dict[str, Any]:
    return {k: v for k, v in msgspec.to_builtins(struct).items() if v is not None}


def _tables(selection: Selection) -> dict[str, Any]:
    out: dict[str, Any] = {name: dict(options) for name, options in selection.options.items()}
    if selection.run is not None:
        out["run"] = list(selection.run)
    if selection.skip:
        out["skip"] = list(selection.skip)
    return out
