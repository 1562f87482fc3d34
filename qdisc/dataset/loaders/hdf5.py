"""Loader of qdisc's own dataset files (HDF5)."""

from __future__ import annotations

from pathlib import Path

import h5py

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5_read import read_dataset
from qdisc.dataset.loaders.options import DataConfig
from qdisc.dataset.safe_hdf5 import safe_open
from qdisc.plugin import LoaderSpec


class Hdf5Loader:
    """Reads the layout described in `qdisc.dataset.hdf5`, whoever wrote it."""

    spec = LoaderSpec(
        name="qdisc_hdf5",
        summary="qdisc dataset files: HDF5 with /samples, /point, /theta or /configurations",
        version="1.0.0",
        site_order="column i of /samples is site i",
    )
    Config = DataConfig

    def guess(self, path: Path) -> bool:
        """True for HDF5 files with `qdisc_type`, or with /theta and samples.

        Raises:
            DataError: It is HDF5, but damaged or refused; the message says why.
        """
        if not h5py.is_hdf5(path):
            return False
        with safe_open(path) as file:
            ours = "theta" in file and ("samples" in file or "configurations" in file)
            return ours or "qdisc_type" in file.attrs

    def load(self, path: Path, config: DataConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: The file is not what it says it is.
        """
        return read_dataset(path, overrides=config.given())


loader = Hdf5Loader()
