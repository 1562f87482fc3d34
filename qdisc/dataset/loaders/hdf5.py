"""Loader of qdisc's own dataset files (HDF5)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import h5py

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5_read import read_dataset
from qdisc.dataset.loaders.options import DataConfig
from qdisc.dataset.safe_hdf5 import safe_open
from qdisc.dataset.streamed import BUFFER_MB
from qdisc.errors import ConfigError
from qdisc.plugin import LoaderSpec


class Hdf5Config(DataConfig):
    """Options of `qdisc_hdf5`; a value that is given replaces what the file says.

    Attributes:
        stream: Leave the samples in the file and read them when they are needed, in bounded
            memory: true, false, or "auto" for more than 1 GiB of samples that do not repeat.
        buffer_mb: Memory in MB that a training on streamed samples shuffles them in. It reads the
            next ones meanwhile, so that it holds twice as much.
    """

    stream: bool | Literal["auto"] = "auto"
    buffer_mb: int = BUFFER_MB

    def __post_init__(self) -> None:
        """Refuse a buffer that holds nothing."""
        if self.buffer_mb < 1:
            raise ConfigError(
                "the buffer of streamed samples has at least 1 MB", where="data.buffer_mb",
                value=self.buffer_mb, hint=f"{BUFFER_MB}, the default",
            )  # fmt: skip


class Hdf5Loader:
    """Reads the layout described in `qdisc.dataset.hdf5`, whoever wrote it."""

    spec = LoaderSpec(
        name="qdisc_hdf5",
        summary="qdisc dataset files: HDF5 with /samples, /point, /theta or /configurations",
        version="1.0.0",
        site_order="column i of /samples is site i",
    )
    Config = Hdf5Config

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

    def load(self, path: Path, config: Hdf5Config) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: The file is not what it says it is.
        """
        return read_dataset(
            path, overrides=config.given(), stream=config.stream, buffer_mb=config.buffer_mb
        )


loader = Hdf5Loader()
