"""Training steps of VAE and Hamiltonian VAE against pythae's, on one core, in turns.

pythae runs in the Python that QDISC_PYTHAE names, or in this one where it has torch and pythae.
Without either, its rows say that they were skipped, and how to install it.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from benchmarks import hvae_ours
from benchmarks.measure import ROOT, Row, check, compiles_quickly, deviation

PEER = "QDISC_PYTHAE"
INSTALL = (
    "python -m venv peer; peer/bin/pip install torch numpy scipy cloudpickle pydantic tqdm imageio;"
    f" peer/bin/pip install --no-deps pythae==0.1.2; export {PEER}=peer/bin/python"
)
TEXTBOOK = "textbook leapfrog in jax, jitted: 2 K forces, one device call per step"
KIND = {
    "vae": "VAE step against pythae",
    "stopped": "HVAE step, force taken for a constant by both, against pythae",
    "exact": "HVAE step, exact gradient, against pythae's inexact one",
}
NOTE = {
    "vae": "",
    "stopped": "autodiff_stop: the gradients of either are biased",
    "exact": "ours differentiates through the force, second derivatives of the decoder, which "
    "takes about as long again as the rest; pythae's gradients lack them and are wrong",
}
TARGET = {"vae": 1.0, "stopped": 1.5, "exact": None}


class Worker:
    """A process on one core that times steps when it is asked to."""

    def __init__(self, command: list[str], source: Path, folder: Path, core: int) -> None:
        out = folder / f"{len(list(folder.iterdir()))}.npz"
        one = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1"} if compiles_quickly() else {}
        flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        self.process = subprocess.Popen(
            [*command, str(source), str(out), str(core)], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, **one, **quick, "XLA_FLAGS": flags},
        )  # fmt: skip
        line = self._line()
        assert line == "ready", f"{command[0]} answered {line!r}"
        with np.load(out) as file:
            self.networks = dict(file)

    def seconds(self, name: str, steps: int) -> float:
        """CPU seconds of one step."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{name} {steps}\n")
        self.process.stdin.flush()
        return float(self._line())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"the timing process ended: {self.process.args}")
        return line


def rows(small: bool) -> Iterator[Row]:
    """The textbook form, which is always there, then the peer's three."""
    columns, width, latents, batch = (12, 8, 2, 6) if small else (784, 512, 16, 256)
    repeats, steps = (1, 5) if small else (7, 10)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "weights.npz"
        found = prepare(source, columns, width, latents, batch)
        core = max(os.sched_getaffinity(0))
        module = [sys.executable, "-m", "benchmarks.hvae_ours"]
        size = f"batch {batch}, {columns}-{width}-{width}-{latents}, K=3"
        ours = Worker(module, source, Path(folder), core)
        peer = None
        try:
            times = in_turns(repeats, steps, (ours, "textbook"), (ours, "exact"))
            path = f"HVAE step, exact gradient, {size}"
            yield Row(path, TEXTBOOK, *times, deviation=found, tolerance=1e-3, toy=small)
            python = peer_python()
            if python is None:
                print(f"  skipped, torch and pythae are not here: {INSTALL}", file=sys.stderr)
            else:
                script = Path(__file__).with_name("hvae_pythae.py")
                peer = Worker([python, str(script)], source, Path(folder), core)
            for name in KIND:
                theirs = "vae" if name == "vae" else "hvae"
                path = f"{KIND[name]}, {size.removesuffix(', K=3') if name == 'vae' else size}"
                if peer is None:
                    note = "skipped: torch and pythae are not here"
                    yield Row(path, "pythae 0.1.2", (), (), note=note, toy=small)
                    continue
                same = check(path, deviation(ours.networks, peer.networks), 1e-4)
                times = in_turns(repeats, steps, (peer, theirs), (ours, name))
                yield Row(
                    path, "pythae 0.1.2, torch on the CPU, the same weights; CPU time, one core",
                    *times, target=TARGET[name], deviation=same, tolerance=1e-4, note=NOTE[name],
                    toy=small,
                )  # fmt: skip
        finally:
            ours.close()
            if peer is not None:
                peer.close()


def peer_python() -> str | None:
    """A Python that has torch and pythae."""
    if os.environ.get(PEER):
        return os.environ[PEER]
    here = all(importlib.util.find_spec(name) for name in ("torch", "pythae"))
    return sys.executable if here else None


def in_turns(repeats: int, steps: int, *work: tuple[Worker, str]) -> list[list[float]]:
    """CPU seconds of a step, in turns after an unmeasured round."""
    for worker, name in work:
        worker.seconds(name, steps)
    rounds = [[worker.seconds(name, steps) for worker, name in work] for _ in range(repeats)]
    return [list(times) for times in zip(*rounds, strict=True)]


def prepare(source: Path, columns: int, width: int, latents: int, batch: int) -> float:
    """Write weights and data; compare the exact step with the textbook one, gradients included."""
    rng = np.random.default_rng(0)
    x = (rng.random((batch, columns)) < 0.3).astype(np.float32)
    module = hvae_ours.Perceptrons(columns, width, latents)
    params = jax.jit(module.init)(jax.random.key(0), x[:1], jax.random.key(0))["params"]
    settings = {"steps": 3, "step_size": 1e-3, "beta0": 0.3}
    np.savez(source, x=x, **hvae_ours.flat(params), **settings)  # type: ignore[arg-type]
    long = {**settings, "step_size": 0.1}  # where the second derivatives matter
    made = hvae_ours.HVAE(
        module, **long, learn_step_size=False, learn_beta0=False, data_type="discrete"
    )
    ours = hvae_ours.Stepper(made, {"vae": params}, x.astype(np.uint8))
    value, gradient = ours.gradient({"vae": params})
    reference = hvae_ours.Textbook(params, x, long).gradient(ours.key)
    return check("HVAE step", deviation((value, gradient["vae"]), reference), 1e-3)
