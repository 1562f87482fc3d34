"""The peer's side: pythae's VAE and HVAE, timed on request. Needs torch and pythae, not qdisc.

Started as `PYTHON hvae_pythae.py WEIGHTS.npz OUT.npz CORE`: takes over the weights, writes what its
networks make of the data, then answers each line `NAME STEPS` with the CPU seconds of a step.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import torch
from pythae.models import HVAE, VAE, HVAEConfig, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from torch import nn


class Encoder(BaseEncoder):
    def __init__(self, columns: int, width: int, latents: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(columns, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )
        self.mean, self.logvar = nn.Linear(width, latents), nn.Linear(width, latents)

    def forward(self, x: torch.Tensor) -> ModelOutput:
        h = self.body(x.reshape(x.shape[0], -1))
        return ModelOutput(embedding=self.mean(h), log_covariance=self.logvar(h))


class Decoder(BaseDecoder):
    def __init__(self, columns: int, width: int, latents: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(latents, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
            nn.Linear(width, columns), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, z: torch.Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.body(z))


def models(weights: dict[str, np.ndarray], settings: dict[str, float]) -> dict[str, nn.Module]:
    columns, width = weights["encoder/0/kernel"].shape
    latents = weights["mean/kernel"].shape[1]
    common = {"input_dim": (columns,), "latent_dim": latents, "reconstruction_loss": "bce"}
    hvae = HVAEConfig(
        **common, n_lf=int(settings["steps"]), eps_lf=settings["step_size"],
        beta_zero=settings["beta0"],
    )  # fmt: skip
    made = {}
    for name, kind, config in (("vae", VAE, VAEConfig(**common)), ("hvae", HVAE, hvae)):
        encoder, decoder = (part(columns, width, latents) for part in (Encoder, Decoder))
        places = {"encoder/0": encoder.body[0], "encoder/1": encoder.body[2],
                  "mean": encoder.mean, "logvar": encoder.logvar,
                  **{f"decoder/{i}": decoder.body[2 * i] for i in range(3)}}  # fmt: skip
        for place, layer in places.items():
            layer.weight.data = torch.tensor(weights[f"{place}/kernel"].T.copy())
            layer.bias.data = torch.tensor(weights[f"{place}/bias"])
        made[name] = kind(config, encoder, decoder)
    return made


def main() -> None:
    source, out, core = sys.argv[1:4]
    os.sched_setaffinity(0, {int(core)})
    torch.set_num_threads(1)
    with np.load(source) as file:
        arrays = dict(file)
    x = torch.tensor(arrays.pop("x"))
    settings = {name: float(arrays.pop(name)) for name in ("steps", "step_size", "beta0")}
    made = models(arrays, settings)
    with torch.no_grad():
        code = made["vae"].encoder(x)
        image = made["vae"].decoder(code.embedding).reconstruction
    np.savez(out, mean=code.embedding, logvar=code.log_covariance, image=image)
    steppers = {name: stepper(model, x) for name, model in made.items()}
    print("ready", flush=True)
    for line in sys.stdin:
        name, count = line.split()
        start = time.process_time()
        for _ in range(int(count)):
            steppers[name]()
        print((time.process_time() - start) / int(count), flush=True)


def stepper(model: nn.Module, x: torch.Tensor):
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> float:
        optimizer.zero_grad()
        loss = model({"data": x}).loss
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


if __name__ == "__main__":
    main()
