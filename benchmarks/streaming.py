"""`python -m benchmarks streaming`: memory of a whole run against the size of its data.

Each size is a file of float64 rows of 128 sites, written in a temporary folder and removed
afterwards, and a process of its own that runs the chain on it: checks and checksum, a training of
one epoch with validation, evidence, latent map, reconstruction and an observable, result file. Its
peak of resident memory is what counts. The model is small, so that reading is not hidden behind
arithmetic.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.measure import Limit, in_child, resident_bytes

SITES, POINTS, BATCH = 128, 100, 4096
SIZES = (0.25, 1.0, 4.0)
MOST = 1.5  # GB that the largest run may take


def write(path: Path, gigabytes: float) -> None:
    """Correlated Gaussian sites with a mean and a spread that follow theta, one point at a time."""
    rng = np.random.default_rng(0)
    shots = int(gigabytes * 1e9) // (8 * SITES * POINTS)
    theta = np.linspace(0, 1, POINTS)
    wave = np.cos(2 * np.pi * np.arange(SITES) / SITES)
    with h5py.File(path, "w") as file:
        file.attrs["data_type"] = "continuous"
        file["theta"], file["point"] = theta[:, None], np.repeat(np.arange(POINTS), shots)
        samples = file.create_dataset(
            "samples", (shots * POINTS, SITES), np.float64, chunks=(1024, SITES)
        )
        for i, t in enumerate(theta):
            rows = rng.standard_normal((shots, SITES))
            rows += t * rng.standard_normal((shots, 1)) * wave + t
            samples[i * shots : (i + 1) * shots] = rows


def models() -> Any:
    """The installed plugins, and a model of 13 000 parameters: sites independent given z."""
    import flax.linen as nn
    import jax
    import jax.numpy as jnp

    from qdisc.plugin import Config, ModelSpec
    from qdisc.plugin.registry import Registry

    class Factor(nn.Module):
        def setup(self) -> None:
            self.hidden, self.out = nn.Dense(32), nn.Dense(4)
            self.wide, self.head = nn.Dense(32), nn.Dense(2 * SITES)

        def encode(self, batch: Any) -> Any:
            return jnp.split(self.out(nn.tanh(self.hidden(batch))), 2, axis=1)

        def decode(self, z: Any, batch: Any) -> Any:
            return 0.3 * self.head(nn.tanh(self.wide(z))).reshape(-1, SITES, 2)

        def __call__(self, batch: Any, key: Any) -> Any:
            mean, logvar = self.encode(batch)
            z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)
            return mean, logvar, z, self.decode(z, batch)

    class Nothing(Config):
        pass

    class Plugin:
        spec = ModelSpec(name="factor", summary="Sites independent given z.")

        Config = Nothing

        def build(self, data_spec: Any, config: Any) -> Any:
            return Factor()

    return Registry(extra=[("model", Plugin())])


def run(path: str, stream: bool) -> dict[str, Any]:
    """The chain on a file, in a process of its own."""
    import jax

    from qdisc import load
    from qdisc.pipeline import discover

    jax.devices()
    before, start = resident_bytes(), time.perf_counter()
    dataset = load(path, stream=stream)
    loaded = time.perf_counter()
    result = discover(
        dataset, 0, str(Path(path).with_suffix(".result.h5")), registry=models(), figures=False,
        **{
            "model.name": "factor", "train.epochs": 1, "train.batch_size": BATCH,
            "train.learning_rate": 3e-3, "train.gamma": 0.0, "train.validation_fraction": 0.05,
            "analyses.run": ["latent_map", "reconstruction"],
            "analyses.reconstruction.n_samples": 20, "observables.run": ["magnetisation"],
        },
    )  # fmt: skip
    loss = result.variable("/training/validation_loss").data
    return {
        "rows": dataset.n_snapshots, "before": before, "load_s": loaded - start,
        "run_s": time.perf_counter() - loaded, "exit_code": result.exit_code,
        "loss": float(np.asarray(loss)[-1]),
    }  # fmt: skip


def measured(sizes: Sequence[float], compare: float) -> Iterator[dict[str, Any]]:
    """One dict per size; sizes up to `compare` GB are run in memory too."""
    with tempfile.TemporaryDirectory(prefix="qdisc-streaming-") as folder:
        for size in sizes:
            path = Path(folder) / "samples.h5"
            write(path, size)
            found = {
                "gb": path.stat().st_size / 1e9,
                **in_child(f"{__name__}:run", str(path), True),
            }
            if size <= compare:
                found["in_memory"] = in_child(f"{__name__}:run", str(path), False)
            path.unlink()
            yield found


def table(lines: Sequence[dict[str, Any]]) -> str:
    """Markdown."""
    out = ["| rows, GB | snapshots | peak, streamed | peak, in memory | load | run | "
           "run in memory | held-out loss, streamed / in memory |",
           "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for line in lines:
        here = line.get("in_memory")
        peak, took, loss = "-", "-", "-"
        if here:
            peak, took = f"{here['peak'] / 1e9:.2f} GB", f"{here['run_s']:.0f} s"
            loss = f"{here['loss']:.2f}"
        out.append(
            f"| {line['gb']:.2f} | {line['rows']} | {line['peak'] / 1e9:.2f} GB | {peak} | "
            f"{line['load_s']:.0f} s | {line['run_s']:.0f} s | {took} | "
            f"{line['loss']:.2f} / {loss} |"
        )
    first = lines[0]["before"] / 1e9
    words = f"Of each peak, {first:.2f} GB are the interpreter and its libraries."
    return "\n".join([*out, "", words])


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 if a run failed or the largest one took too much."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks streaming", description=__doc__)
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES, metavar="GB")
    parser.add_argument("--compare", type=float, default=1.0, metavar="GB",
                        help="largest size that is run in memory too")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the numbers")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    options = parser.parse_args(arguments)
    lines = []
    for line in measured(options.sizes, options.compare):
        print(json.dumps(line), file=sys.stderr, flush=True)
        lines.append(line)
    print(table(lines))
    if options.json:
        options.json.write_text(json.dumps(lines, indent=1) + "\n", encoding="utf-8")
    if options.write:
        from benchmarks.pages import PAGE, replace

        replace(PAGE, "streaming", table(lines))
    limit = Limit("peak GB", max(line["peak"] for line in lines) / 1e9, MOST)
    return int(not limit.met or any(line["exit_code"] for line in lines))
