"""Whether a model is made for a dataset: said in words before anything is trained."""

from __future__ import annotations

from typing import Any

import numpy as np

from qdisc.dataset.dataset import Dataset
from qdisc.errors import TrainingError


def check_agreement(model: Any, dataset: Dataset) -> None:
    """Compare what encoder and decoder say of the data with the dataset.

    Shapes alone do not tell: two codes per site and a mean with a log variance look the same.

    Raises:
        TrainingError: They disagree on data type, number of codes or number of sites.
    """
    for role in ("encoder", "decoder"):
        part = getattr(getattr(model, "vae", model), role, None)  # a Hamiltonian VAE is around one
        if part is None:
            continue
        where = f"{role} {type(part).__name__}"
        kind = getattr(part, "data_type", None)
        if kind is not None and kind != dataset.data_type:
            raise _differs(where, "data_type", kind, dataset.data_type)
        dimension = getattr(part, "local_dimension", None)
        coded = kind is not None and dataset.data_type != "continuous"
        if coded and dimension not in (None, dataset.local_dimension):
            raise _differs(where, "local_dimension", dimension, dataset.local_dimension)
        topology = getattr(part, "lattice_topology", None)
        places = 0 if topology is None else np.size(topology)
        # without a data type, an encoder takes every column as a site
        sites = dataset.input_size if kind is None else dataset.n_sites
        if topology is not None and places != sites:
            raise TrainingError(
                f"the {role}'s lattice topology has {places} sites, the dataset {sites}",
                where=where, value=f"{dataset.n_sites} sites, {dataset.input_size} columns",
                hint="lattice_topology is the (rows, columns) array of your site indices; give "
                "data_type as well for hybrid or shadow data",
            )  # fmt: skip


def _differs(where: str, field: str, theirs: Any, ours: Any) -> TrainingError:
    return TrainingError(
        f"model and dataset disagree on {field}",
        where=where, value={"model": theirs, "dataset": ours}, hint=f"{field}={ours!r}",
    )  # fmt: skip
