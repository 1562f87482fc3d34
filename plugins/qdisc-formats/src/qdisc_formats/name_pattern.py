"""Numbers in the names of files: a pattern with fields, read in one way or not at all."""

from __future__ import annotations

import re

from qdisc.errors import ConfigError, DataError

_FIELD = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)(?::(float|int)?(?::([^{}]*))?)?\}")
_FORMS = {  # never a part of a longer number
    "float": r"((?>[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?))",
    "int": r"((?>[+-]?\d+))",
}
_STAR = "\0"  # no name of a file holds it
_MOST_STARS = 3  # between two slashes: the time of a match grows with their power


class Pattern:
    """A path with fields for the numbers in it.

    Args:
        text: "delta={delta:float:MHz}/run_*.csv".

    Raises:
        ConfigError: A field of another form, one name twice, a field right behind a star or
            another field, or many stars.
    """

    def __init__(self, text: str) -> None:
        self.names: list[str] = []
        self.units: dict[str, str] = {}
        parts, place = [], 0  # of an expression, where "*" is still to be filled in
        for field in _FIELD.finditer(text):
            name, form, unit = field.groups()
            if name in self.names:
                raise ConfigError("a field is there twice", where="data.pattern", value=name)
            before = text[place : field.start()]
            if before.endswith("*") or (self.names and not before):
                raise ConfigError(
                    "nothing says where the number of a field begins", where="data.pattern",
                    value=text[: field.end()], hint="write out some of the name in front of it",
                )  # fmt: skip
            self.names.append(name)
            if unit:
                self.units[name] = unit
            parts += [_plain(before), _FORMS[form or "float"]]
            place = field.end()
        parts += [_plain(text[place:]), r"\Z"]
        bare = _FIELD.sub("", text)  # a unit may hold slashes
        if re.search(r"[{}]", bare) or not text.strip():
            raise ConfigError(
                "a field of the pattern has another form", where="data.pattern", value=text,
                hint="{name}, {name:float}, {name:int} or {name:float:unit}",
            )  # fmt: skip
        if max(part.count("*") for part in bare.split("/")) > _MOST_STARS:
            raise ConfigError("many stars between two slashes", where="data.pattern", value=text,
                              hint=f"at most {_MOST_STARS}")  # fmt: skip
        self.depth = bare.count("/")
        expression = "".join(parts)
        self._shortest = re.compile(expression.replace(_STAR, "[^/]*?"))
        self._longest = re.compile(expression.replace(_STAR, "[^/]*"))

    def match(self, path: str) -> dict[str, float] | None:
        """Numbers in a path, or None when it does not match.

        Raises:
            DataError: It matches in two ways that give different numbers.
        """
        first, second = self._shortest.match(path), self._longest.match(path)
        if first is None or second is None:
            return None
        numbers, others = (tuple(map(float, way.groups())) for way in (first, second))
        if numbers != others:
            raise DataError("the pattern reads a name in two ways", where=path,
                            value=f"{numbers} and {others}",
                            hint="write out more of the name, in place of *")  # fmt: skip
        return dict(zip(self.names, numbers, strict=True))


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key to sort by: q2 before q10."""
    parts = re.split(r"(\d{1,18})", text)
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts]


def _plain(text: str) -> str:
    """An expression of a text without fields; its stars are marked."""
    return _STAR.join(map(re.escape, text.split("*")))
