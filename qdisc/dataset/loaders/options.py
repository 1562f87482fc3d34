"""What a user may say about a file that the file does not say, or says wrongly."""

from __future__ import annotations

from typing import Any

from qdisc.config import Config


class DataConfig(Config):
    """Options of the built-in loaders; a value that is given replaces what the file says.

    Attributes:
        data_type: discrete, continuous, hybrid or shadow.
        local_dimension: Number of codes per site.
        local_states: Physical value of each code.
        theta_names: Names of the theta axes.
        theta_units: Their units.
        periodic: Whether the lattice closes on itself, one flag or one per direction.
        name: A short name of the data.
    """

    data_type: str | None = None
    local_dimension: int | None = None
    local_states: tuple[float, ...] | None = None
    theta_names: tuple[str, ...] | None = None
    theta_units: tuple[str, ...] | None = None
    periodic: bool | tuple[bool, ...] | None = None
    name: str | None = None

    def given(self) -> dict[str, Any]:
        """The options that were set, as keywords of `Dataset.from_points`."""
        values = {field: getattr(self, field) for field in DataConfig.__struct_fields__}
        return {key: value for key, value in values.items() if value is not None}
