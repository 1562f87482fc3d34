"""What a recipe may say about a sweep whose file does not say it, or says it in many words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qdisc.config import Config
from qdisc.errors import DataError, nearest


class SweepConfig(Config):
    """Options of every loader of sweeps.

    Attributes:
        theta: The settings, when the file does not say them: a table of names, each with one
            number or one number per job in the order of the file (`{delta = [0.1, 0.2]}`); or the
            name of a CSV file beside the data, one column per axis and one row per job.
        theta_names: Which entries of the metadata are theta; default: the numbers that vary.
        theta_units: Units by name (`{delta = "MHz"}`), or one per axis in order.
        local_states: Physical value of each code, in place of the loader's own.
        periodic: Whether the lattice closes on itself, one flag or one per direction.
        name: A short name of the data.
    """

    theta: dict[str, float | tuple[float, ...]] | str | None = None
    theta_names: tuple[str, ...] | None = None
    theta_units: dict[str, str] | tuple[str, ...] | None = None
    local_states: tuple[float, ...] | None = None
    periodic: bool | tuple[bool, ...] | None = None
    name: str | None = None

    def units(self, names: Sequence[str], known: dict[str, str] | None = None) -> list[str]:
        """Units of the axes `names`: those of the recipe, else those the file has.

        Raises:
            DataError: A unit of an axis that is not there, or not one per axis.
        """
        units = dict.fromkeys(names, "1") | (known or {})
        given = self.theta_units
        if isinstance(given, dict):
            for name in given:
                if name not in names:
                    raise DataError(
                        "a unit of an axis that is not there", where="data.theta_units",
                        value=name, hint=nearest(name, names),
                    )  # fmt: skip
            units |= given
        elif given is not None:
            if len(given) != len(names):
                raise DataError("one unit per axis", where="data.theta_units", value=given,
                                  hint=f"the axes are {', '.join(names)}")  # fmt: skip
            units |= dict(zip(names, given, strict=True))
        return [units[name] for name in names]


class BitConfig(SweepConfig):
    """Options of loaders of bit strings.

    Attributes:
        site_order: Which end of a string, or of a list of bits, is site 0, where the file does not
            say it: "left_to_right" (the first one) or "right_to_left" (the last one).
    """

    site_order: Literal["left_to_right", "right_to_left"] | None = None
