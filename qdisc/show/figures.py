"""The figures of a run, as functions of its result file alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from qdisc.errors import ConfigError, ResultError, nearest
from qdisc.show.latent import latent_figure
from qdisc.show.maps import phase_map
from qdisc.show.observables import observable_figure
from qdisc.show.snapshots import snapshot_figure
from qdisc.show.style import panels, save, styled
from qdisc.show.sweep import Sweep
from qdisc.show.text import plain
from qdisc.show.training import training_figure

if TYPE_CHECKING:
    from qdisc.plugin import Variable
    from qdisc.results.reader import ResultFile

ACTIVE = 0.05  # nats of KL above which a latent counts as active
MOST_PANELS = 9


def sweep_of(result: ResultFile) -> Sweep:
    """Settings of a result, on their grid when they have one."""
    names = result.theta_names
    variables = [result.theta(name) for name in names]
    units = [variable.units for variable in variables]
    if result.theta_dims == ("point",):
        return Sweep.points(result.points(), names, units)
    return Sweep.grid([variable.data for variable in variables], names, units)


def figure_names(result: ResultFile) -> tuple[str, ...]:
    """What `plot` can draw from this file, in the order of `draw_all`."""
    names = ["latent_map"] if _usable(result, "latent_map", "mu") else []
    names += ["training"] if result.has("/training/loss") else []
    names += ["snapshots"] if result.has("/dataset/examples") else []
    names += [n for n in result.observables if result.has(f"/observables/{n}/value")]
    others = (n for n in result.analyses if n != "latent_map" and n not in names)
    names += [n for n in others if _over_theta(result, n)]
    return tuple(dict.fromkeys(names))  # an observable may share a name with an analysis


def plot(
    result: ResultFile,
    what: str = "latent_map",
    *,
    pair: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
    latents: Sequence[int] | None = None,
) -> Figure:
    """Draw one figure from a result file.

    Args:
        result: An open result file.
        what: latent_map, training, snapshots, or the name of an observable or analysis.
        pair: (horizontal, vertical) theta axis of maps.
        at: Values of the other thetas.
        latents: Latents of `latent_map`; default: the active ones.

    Raises:
        ConfigError: The file holds nothing of this name (the nearest one is suggested).
    """
    known = figure_names(result)
    if what not in known:
        raise ConfigError(
            "there is nothing to draw under this name",
            where=str(result.path),
            value=what,
            hint=nearest(what, known),
        )
    special: dict[str, Callable[[], Figure]] = {
        "latent_map": lambda: _latent(result, pair, at, latents),
        "training": lambda: _training(result),
        "snapshots": lambda: _snapshots(result),
    }
    if what in special:
        return special[what]()
    draw = _observable if what in result.observables else _analysis
    return draw(result, what, pair, at)


def draw_all(
    result: ResultFile, folder: Path | str, stem: str, *, ending: str = "png"
) -> list[Path]:
    """Draw every figure of a result file as `<folder>/<stem>_<what>.<ending>`.

    Returns:
        The files written, in order.
    """
    folder = Path(folder)
    return [
        save(plot(result, what), folder / f"{stem}_{what}.{ending}")
        for what in figure_names(result)
    ]


def active_latents(result: ResultFile) -> list[int]:
    """Latents that carry information, most informative first."""
    path = "/analyses/latent_map"
    if result.has(f"{path}/active"):
        return [int(n) for n in np.flatnonzero(result.variable(f"{path}/active").data)]
    if result.has(f"{path}/kl"):
        kl = result.variable(f"{path}/kl").data
        mean = np.nanmean(kl.reshape(-1, kl.shape[-1]), axis=0)
        return [int(n) for n in np.flatnonzero(mean > ACTIVE)]
    return []


def _latent(result: ResultFile, pair: Any, at: Any, latents: Sequence[int] | None) -> Figure:
    names = ("mu", "mu_abs", "logvar", "kl")
    paths = {name: f"/analyses/latent_map/{name}" for name in names}
    maps = {n: result.variable(p).data for n, p in paths.items() if result.has(p)}
    chosen = active_latents(result) if latents is None else list(latents)
    title = "" if chosen else "no latent is active; the most informative one"
    return latent_figure(sweep_of(result), maps, chosen or [0], pair=pair, at=at, title=title)


def _training(result: ResultFile) -> Figure:
    def read(name: str) -> np.ndarray | None:
        path = f"/training/{name}"
        return result.variable(path).data if result.has(path) else None

    loss, table = read("loss"), read("terms")
    assert loss is not None
    words = meanings(result, "term")
    terms = {}
    if table is not None and len(words) == table.shape[-1]:
        terms = {word: table[:, n] for n, word in enumerate(words)}
    kl = read("kl")
    # the latents of /training are those of the maps when an analysis ordered them
    active = active_latents(result)
    if not active and kl is not None and len(kl):
        active = [int(n) for n in np.flatnonzero(kl[-1] > ACTIVE)]
    return training_figure(
        loss, terms, kl=kl, logvar=read("logvar"), active=active,
        validation=read("validation_loss"),
    )  # fmt: skip


def _snapshots(result: ResultFile) -> Figure:
    attrs = result.group("/dataset").attrs
    sites = result.variable("/dataset/sites").data if result.has("/dataset/sites") else None
    states = attrs.get("local_states", ())
    return snapshot_figure(
        sweep_of(result),
        result.examples().data,
        data_type=str(attrs.get("kind", "discrete")),
        positions=sites,
        local_states=[float(s) for s in np.ravel(states)],
        valid=result.variable("/dataset/n_snapshots").data,
    )


def _observable(result: ResultFile, name: str, pair: Any, at: Any) -> Figure:
    def read(what: str) -> np.ndarray | None:
        path = f"/observables/{name}/{what}"
        return result.variable(path).data if result.has(path) else None

    value = result.variable(f"/observables/{name}/value")
    title = (value.long_name or name).removesuffix(", data")
    return observable_figure(
        sweep_of(result), value.data, model=read("model_value"), error=read("std_error"),
        name=title, units=value.units, axes=value.dims[len(result.theta_dims) :], pair=pair, at=at,
    )  # fmt: skip


def _over_theta(result: ResultFile, name: str) -> list[tuple[str, Variable]]:
    """What an analysis has one number per setting of, by name.

    A variable with one more axis counts when its attribute `panels` names the places of that axis.
    """
    if result.status(name) != "ok":
        return []
    group, dims = result.group(f"/analyses/{name}"), result.theta_dims
    out = []
    for n in group.variables:
        variable = result.variable(f"{group.path}/{n}")
        words = str(variable.attrs.get("panels", "")).split()
        if variable.dims == dims:
            out.append((n, variable))
        elif variable.dims[:-1] == dims and len(words) == variable.shape[-1]:
            one = [replace(variable, data=variable.data[..., k], dims=dims)
                   for k in range(len(words))]  # fmt: skip
            out += [(f"{n} {word}", v) for word, v in zip(words, one, strict=True)]
    return out


def _usable(result: ResultFile, name: str, variable: str) -> bool:
    return name in result.analyses and result.has(f"/analyses/{name}/{variable}")


def _analysis(result: ResultFile, name: str, pair: Any, at: Any) -> Figure:
    """Maps of an analysis that this file knows nothing about; categories get one colour each."""
    maps, sweep = _over_theta(result, name)[:MOST_PANELS], sweep_of(result)
    with styled():
        figure, axes = panels(len(maps))
        for ax, (label, variable) in zip(axes, maps, strict=True):
            words = str(variable.attrs.get("flag_meanings", "")).split()
            values = np.ravel(np.asarray(variable.attrs.get("flag_values", ())))
            if sweep.k == 1 or not words or len(words) != len(values):
                phase_map(ax, sweep, variable.data, title=label, units=variable.units,
                          label=label, pair=pair, at=at)  # fmt: skip
                continue
            place = np.full(variable.shape, np.nan)
            for n, value in enumerate(values):
                place[variable.data == value] = n
            drawn = phase_map(
                ax, sweep, place, title=label, pair=pair, at=at, signed=False, colour_bar=False,
                limits=(-0.5, len(words) - 0.5), cmap=categories(len(words)),
            )  # fmt: skip
            bar = figure.colorbar(drawn, ax=ax)
            bar.set_ticks(range(len(words)), labels=[plain(word, 16) for word in words])
        figure.suptitle(plain(name), fontsize=8)
    return figure


def categories(count: int) -> ListedColormap:
    """One colour per category; they repeat after twenty."""
    table = colormaps["tab10" if count <= 10 else "tab20"].colors  # type: ignore[attr-defined]
    return ListedColormap([table[n % len(table)] for n in range(count)])


def meanings(result: ResultFile, dimension: str) -> list[str]:
    """Words along a dimension of categories; [] when it has none."""
    scale = result.scales().get(dimension)
    words = str(scale.attrs.get("flag_meanings", "")).split() if scale is not None else []
    if scale is not None and words and len(words) != len(scale.data):
        raise ResultError(
            "a dimension does not name each of its places",
            where=f"{result.path}: {dimension}@flag_meanings",
            value=words,
        )
    return words
