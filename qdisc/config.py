"""Strict configuration: TOML recipes, dotted overrides, and structs that refuse unknown keys.

Every table of a recipe becomes a frozen `Config` struct. A key nobody declared is an error that
names the nearest known key, so that a typing mistake can never silently mean "the default".
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from qdisc.errors import ConfigError, nearest


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every configuration: frozen, unknown keys refused.

    Plugin authors subclass it and give every field a type and a default.
    """


T = TypeVar("T", bound=msgspec.Struct)


class TrainConfig(Config):
    """How a model is trained (recipe table `[train]`).

    Attributes:
        epochs: Passes over the snapshots; one pass is ceil(n_snapshots / batch_size) steps.
        batch_size: Snapshots that one optimiser step stands for.
        learning_rate: Peak step size of the optimiser.
        beta: Weight of the KL term (loss = reconstruction + beta KL + gamma TC).
        gamma: Weight of the total correlation; 0 leaves it out of the step.
        alpha: Weight of the discrete half of hybrid data (1 - alpha the continuous half);
            unset means the joint likelihood, the sum of both.
        rows: Rows decoded per step when snapshots repeat; default min(batch_size, 1024).
        optimizer: One of adabelief, adam, adamw, sgd.
        schedule: constant, cosine (to zero at the end) or warmup_cosine (5 % warm-up).
        kl_warmup: Share of the training, in [0, 1], over which the weight of the KL term goes from
            beta_start to beta; 0 keeps it at beta.
        beta_start: Its first value. From 0 it grows linearly (the usual warm-up). From a larger
            value it changes geometrically; starting above beta is deterministic annealing: the
            latents switch on one after another, so that few of them carry the information.
        validation_fraction: Share of snapshots kept out of training, in [0, 1).
        patience: Epochs without a better validation loss before stopping; unset never stops.
        evidence_samples: Samples per held-out snapshot of the importance-weighted evidence that
            is reported; 0 leaves it out.
        dtype: float32 or float64.
        on_divergence: What happens when a loss or gradient is not finite. backoff: back to the
            start of the epoch with half the learning rate, at most 3 times; stop: the end.
        devices: Devices that share the rows of a step: a number, or "all" there are.
        checkpoint_s: Seconds between two checkpoints beside the result file; 0 writes none.
    """

    epochs: int = 30
    batch_size: int = 1000
    learning_rate: float = 1e-3
    beta: float = 1.0
    gamma: float = 0.0
    alpha: float | None = None
    rows: int | None = None
    optimizer: Literal["adabelief", "adam", "adamw", "sgd"] = "adabelief"
    schedule: Literal["constant", "cosine", "warmup_cosine"] = "constant"
    kl_warmup: float = 0.0
    beta_start: float = 0.0
    validation_fraction: float = 0.0
    patience: int | None = None
    evidence_samples: int = 64
    dtype: Literal["float32", "float64"] = "float32"
    on_divergence: Literal["backoff", "stop"] = "backoff"
    checkpoint_s: float = 60.0
    devices: int | Literal["all"] = "all"

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning, naming the key."""
        checks = (
            ("epochs", self.epochs >= 0, "zero or more epochs"),
            ("batch_size", self.batch_size >= 1, "at least 1 snapshot per step"),
            ("learning_rate", 0 <= self.learning_rate < float("inf"), "a finite rate >= 0"),
            ("beta", 0 <= self.beta < float("inf"), "a finite weight >= 0"),
            ("gamma", 0 <= self.gamma < float("inf"), "a finite weight >= 0"),
            ("alpha", self.alpha is None or 0 <= self.alpha <= 1, "a weight in [0, 1]"),
            ("rows", self.rows is None or self.rows >= 1, "at least 1 row"),
            ("kl_warmup", 0 <= self.kl_warmup <= 1, "a share in [0, 1]"),
            ("beta_start", 0 <= self.beta_start < float("inf"), "a finite weight >= 0"),
            ("validation_fraction", 0 <= self.validation_fraction < 1, "a share in [0, 1)"),
            ("patience", self.patience is None or self.patience >= 1, "at least 1 epoch"),
            ("checkpoint_s", 0 <= self.checkpoint_s < float("inf"), "zero or more seconds"),
            ("devices", self.devices == "all" or self.devices >= 1, 'at least 1, or "all"'),
            ("evidence_samples", self.evidence_samples >= 0, "zero or more samples"),
        )
        for name, ok, wanted in checks:
            if not ok:
                raise ConfigError(
                    f"train.{name} has no meaning",
                    where=f"train.{name}",
                    value=getattr(self, name),
                    hint=wanted,
                )
        if self.patience is not None and self.validation_fraction == 0:
            raise ConfigError(
                "early stopping needs snapshots to validate on",
                where="train.patience",
                value=self.patience,
                hint="set train.validation_fraction = 0.1",
            )


@dataclass(frozen=True)
class Selection:
    """Which plugins run: `run` names them (None: all that apply), `skip` takes some out."""

    run: tuple[str, ...] | None = None
    skip: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """A parsed recipe. `options` hold the keys that belong to the chosen plugin's own Config.

    Attributes:
        seed: The one seed of the run.
        data: `path`, `loader` and the loader's options.
        make: How the data are made if they are not there yet.
        model: `name`, `objective` and the model's options (latent_dim, layer sizes).
        train: The keys of `[train]` that were given; the rest are defaults chosen from the data.
        analyses: Selection and options of the analyses.
        observables: Selection of the observables.
        folder: Folder that relative paths start from.
    """

    seed: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)
    make: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    analyses: Selection = Selection()
    observables: Selection = Selection()
    folder: Path = Path()


def convert(values: Mapping[str, Any], struct: type[T], where: str) -> T:
    """Turn a plain mapping into a struct; unknown keys and wrong types are errors.

    Args:
        values: Keys and values as read from TOML or the command line.
        struct: The msgspec struct to build.
        where: The table's name, for messages ("train", "analyses.clusters").

    Raises:
        ConfigError: An unknown key (with the nearest known one), or a value of the wrong type.
    """
    known = struct.__struct_fields__
    for key in values:
        if key not in known:
            raise ConfigError(
                f"unknown key {key!r}",
                where=f"{where}.{key}",
                value=values[key],
                hint=nearest(key, known),
            )
    try:
        return msgspec.convert(dict(values), struct, strict=True)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, ConfigError):
            raise error.__cause__ from None
        what, _, path = str(error).partition(" - at `$")
        key = path.strip("`.")
        seen = values.get(key.split("[")[0].split(".")[0]) if key else dict(values)
        raise ConfigError(
            f"wrong type: {what}", where=f"{where}.{key}" if key else where, value=seen,
            hint=_choices(struct, key),
        ) from error  # fmt: skip


def _choices(struct: type, key: str) -> str | None:
    """The words that a key may be, where it is one of a few."""
    annotation = {field.name: field.type for field in msgspec.structs.fields(struct)}.get(key)
    words = [
        word
        for part in (annotation, *get_args(annotation)) if get_origin(part) is Literal
        for word in get_args(part)
    ]  # fmt: skip
    return f"one of {', '.join(map(repr, words))}" if words else None


_TABLES = ("data", "make", "model", "train", "analyses", "observables")


def parse_recipe(tables: Mapping[str, Any], folder: Path | str = ".") -> Recipe:
    """Check the outline of a recipe; plugin tables are checked when the plugin is known.

    Raises:
        ConfigError: An unknown table or key, or a table that is not one.
    """
    for key, value in tables.items():
        if key == "seed":
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise ConfigError("the seed is a whole number >= 0", where="seed", value=value)
        elif key not in _TABLES:
            raise ConfigError(
                f"unknown table or key {key!r}",
                where=key,
                value=value,
                hint=nearest(key, (*_TABLES, "seed")),
            )
        elif not isinstance(value, Mapping):
            raise ConfigError(f"[{key}] is a table", where=key, value=value)
    return Recipe(
        seed=tables.get("seed", 0),
        data=dict(tables.get("data", {})),
        make=dict(tables.get("make", {})),
        model=dict(tables.get("model", {})),
        train=dict(tables.get("train", {})),
        analyses=_selection(tables.get("analyses", {}), "analyses"),
        observables=_selection(tables.get("observables", {}), "observables"),
        folder=Path(folder),
    )


def read_recipe(path: Path | str, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Read a TOML recipe and apply dotted overrides (`{"train.epochs": 3}`)."""
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "the recipe cannot be read", where=str(path), value=error.strerror or str(error)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("the recipe is not TOML", where=str(path), value=str(error)) from error
    return parse_recipe(apply_overrides(tables, overrides or {}), path.parent)


def apply_overrides(tables: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of `tables` with dotted keys set."""
    out = {k: dict(v) if isinstance(v, Mapping) else v for k, v in tables.items()}
    for dotted, value in overrides.items():
        *path, last = dotted.split(".")
        node = out
        for depth, part in enumerate(path):
            child = node.get(part, {})
            if not isinstance(child, Mapping):
                raise ConfigError(
                    "this override descends into a value that is not a table",
                    where=".".join(path[: depth + 1]),
                    value=child,
                )
            node[part] = dict(child)
            node = node[part]
        node[last] = value
    return out


def parse_override(text: str) -> tuple[str, Any]:
    """Parse `a.b=VALUE` from the command line; VALUE is TOML, or a bare string."""
    key, eq, value = text.partition("=")
    if not eq or not key.strip():
        raise ConfigError("an override reads KEY=VALUE", where="--set", value=text)
    try:
        parsed = tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    return key.strip(), parsed


def _selection(table: Mapping[str, Any], where: str) -> Selection:
    lists: dict[str, tuple[str, ...] | None] = {"run": None, "skip": ()}
    options: dict[str, Mapping[str, Any]] = {}
    for key, value in table.items():
        if key in lists:
            if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
                raise ConfigError("a list of names is wanted", where=f"{where}.{key}", value=value)
            lists[key] = tuple(value)
        elif isinstance(value, Mapping):
            options[key] = value
        else:
            raise ConfigError(
                f"unknown key {key!r}",
                where=f"{where}.{key}",
                value=value,
                hint=f"`run`, `skip`, or a table [{where}.<plugin>]",
            )
    return Selection(run=lists["run"], skip=lists["skip"] or (), options=options)
