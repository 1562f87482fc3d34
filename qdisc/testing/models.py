"""Checks of model plugins: built for every kind of data they name, with fresh parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.analysis.model import Model
from qdisc.dataset.dataset import Dataset
from qdisc.errors import QdiscError
from qdisc.results import build
from qdisc.testing.datasets import tiny_datasets
from qdisc.testing.storage import stored
from qdisc.train.names import flatten

NAMES = ("discrete_grid", "levels_line", "continuous_grid", "hybrid_grid", "shadow_grid")


def checks(obj: Any, config: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """Checks by name."""
    bench = _Bench(obj, config)
    for name in NAMES:
        yield f"builds[{name}]", partial(bench.builds, name)
    yield "builds_somewhere", bench.builds_somewhere
    yield "same_key_same_bits", bench.same_bits
    yield "rows_are_independent", bench.rows_are_independent
    yield "probabilities_sum_to_one", bench.probabilities_sum_to_one
    yield "sites_see_only_earlier_ones", bench.causal
    yield "samples_look_like_data", bench.samples
    yield "parameters_survive_the_file", bench.survives_the_file


class _Bench:
    """A model plugin with one built and initialised module per dataset."""

    def __init__(self, obj: Any, config: Any) -> None:
        self.obj, self.config = obj, config
        everything = tiny_datasets()
        self.datasets = {name: everything[name] for name in NAMES}
        self.made = cache(self._made)

    def _built(self, name: str) -> Any:
        """The module, or None where the model refuses the data."""
        try:
            return self.obj.build(self.datasets[name].spec, self.config)
        except QdiscError as error:
            assert self.obj.spec.name in str(error), f"this error does not name the model: {error}"
            return None

    def _made(self, name: str) -> Model | None:
        dataset, module = self.datasets[name], self._built(name)
        if module is None:
            return None
        batch, key = jnp.asarray(dataset.configurations[:1]), jax.random.key(0)
        return Model(module, jax.jit(module.init)(key, batch, key), dataset.spec)

    def each(self) -> Iterator[tuple[Dataset, Model]]:
        """One dataset of each kind that the model is built for, and the model."""
        seen = set()
        for name, dataset in self.datasets.items():
            model = None if dataset.data_type in seen else self.made(name)
            if model is not None:
                seen.add(dataset.data_type)
                yield dataset, model

    # -- checks ----------------------------------------------------------------------------

    def builds(self, name: str) -> None:
        """The module gives (mean, logvar, z, cp) of the right shapes and dtype."""
        dataset, module = self.datasets[name], self._built(name)
        if dataset.data_type not in self.obj.spec.data_kinds:
            assert module is None, f"builds for {dataset.data_type} data, which the spec leaves out"
        if module is None:
            return
        batch = jax.ShapeDtypeStruct((3, dataset.input_size), dataset.configurations.dtype)
        mean, logvar, z, cp = jax.eval_shape(  # shapes only: nothing is compiled
            lambda x: module.init_with_output(jax.random.key(0), x, jax.random.key(1))[0], batch
        )
        assert mean.shape == logvar.shape == z.shape, f"{mean.shape}, {logvar.shape}, {z.shape}"
        assert mean.ndim == 2 and mean.shape[0] == 3, f"mean has shape {mean.shape}"
        codes, values = (3, dataset.n_sites, dataset.local_dimension), (3, dataset.n_sites, 2)
        wanted = {"continuous": [values], "hybrid": [codes, values]}.get(dataset.data_type, [codes])
        parts = list(cp) if isinstance(cp, tuple | list) else [cp]
        assert [p.shape for p in parts] == wanted, f"cp {[p.shape for p in parts]}, not {wanted}"
        assert all(p.dtype == jnp.float32 for p in (mean, logvar, *parts)), "not all float32"

    def builds_somewhere(self) -> None:
        """Every data kind that the spec names is really supported."""
        kinds = {dataset.data_type for dataset, _ in self.each()}
        idle = sorted(set(self.obj.spec.data_kinds) - kinds)
        assert not idle, f"spec.data_kinds names {', '.join(idle)}, but it builds for none of them"

    def same_bits(self) -> None:
        """The same parameters and key give the same bits."""
        for dataset, model in self.each():
            first, again = (_leaves(model.apply(_rows(dataset), jax.random.key(1))) for _ in "ab")
            assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
            assert all(np.isfinite(a).all() for a in first), "an output is not finite"

    def rows_are_independent(self) -> None:
        """The posterior of a snapshot does not depend on its neighbours in the batch."""
        for dataset, model in self.each():
            rows = _rows(dataset)
            together = model.encode(rows)
            for shift in range(1, len(rows)):
                turned = model.encode(np.roll(rows, shift, axis=0))
                for a, b in zip(together, turned, strict=True):
                    same = np.allclose(np.roll(a, shift, axis=0), b, atol=1e-4)
                    assert same, f"{dataset.name}: neighbours matter"

    def probabilities_sum_to_one(self) -> None:
        """`cp` are logarithms of normalised conditional probabilities."""
        for dataset, model in self.each():
            cp = model.apply(_rows(dataset), jax.random.key(1))[3]
            if dataset.data_type != "continuous":
                total = np.exp(cp[0] if dataset.data_type == "hybrid" else cp).sum(axis=-1)
                assert np.allclose(total, 1, atol=1e-4), f"{dataset.name}: the sum is {total.max()}"

    def causal(self) -> None:
        """Site i's distribution does not change when later sites (or its own) do."""
        for dataset, model in self.each():
            if not model.can_decode:
                continue
            rows = _rows(dataset)
            z = model.encode(rows)[0]
            changed = np.concatenate([rows[1:], rows[:1]])
            columns = np.arange(dataset.n_sites // 2)  # the first half stays
            place = {"hybrid": [columns, dataset.n_sites + columns],
                     "shadow": [2 * columns, 2 * columns + 1]}  # fmt: skip
            kept = np.concatenate(place.get(dataset.data_type, [columns]))
            changed[:, kept] = rows[:, kept]
            before, after = (_leaves(model.decode(z, x)) for x in (rows, changed))
            for a, b in zip(before, after, strict=True):
                n = columns.size
                assert np.allclose(a[:, :n], b[:, :n], atol=1e-4), (
                    f"{dataset.name}: a site sees later sites, so that p(x|z) is no distribution"
                )

    def samples(self) -> None:
        """Snapshots drawn from the model could be data; the same key draws them again."""
        for dataset, model in self.each():
            if not model.can_sample:
                continue
            rows = _rows(dataset)
            z = model.encode(rows)[0]
            bases = rows[:, ::2] if dataset.data_type == "shadow" else None
            drawn, again = (model.sample(z, jax.random.key(2), bases) for _ in "ab")
            assert drawn.shape == rows.shape and np.array_equal(drawn, again)

    def survives_the_file(self) -> None:
        """Parameters come back from the result file as they were."""
        for dataset, model in self.each():
            params = model.variables.get("params", {})
            flat = flatten(jax.tree.map(np.asarray, params))
            group = build.model_group(
                self.obj.spec.name, self.obj.spec.version, self.config, "elbo", flat, dataset.spec
            )
            tree = stored(dataset, model=group).groups["model"].groups["params"]
            for name, value in flat.items():
                *path, last = name.split("/")
                node = tree
                for part in path:
                    node = node.groups[part]
                assert np.array_equal(node.variables[last].data, value), f"{name} changed"


def _rows(dataset: Dataset) -> np.ndarray:
    return dataset.configurations[:6]


def _leaves(tree: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
