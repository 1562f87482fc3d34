"""Read a stranger's JSON: bounded size, no key twice, and messages that name the place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from qdisc.errors import DataError

MAX_BYTES = 256 << 20
MAX_PARTS = 20_000_000  # lists, objects and texts: 56 bytes each at least, however short
HEAD_BYTES = 64 << 10

T = TypeVar("T")


def peek(path: Path, size: int = HEAD_BYTES) -> bytes:
    """First and last bytes of a regular file, b"" for anything else: enough to know a format."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            head = stream.read(size)
            end = stream.seek(0, 2)
            if end <= size:
                return head
            stream.seek(max(size, end - size))
            return head + stream.read(size)
    except OSError:
        return b""


def peek_json(path: Path) -> bytes:
    """`peek`, but b"" when the file does not begin like a JSON object or list."""
    seen = peek(path).removeprefix(b"\xef\xbb\xbf")
    return seen if seen.lstrip()[:1] in (b"{", b"[") else b""


def read_json(path: Path) -> Any:
    """Parse a JSON file.

    Raises:
        DataError: Too large, not UTF-8, not JSON, cut off, nested without end, or an object that
            holds one key twice.
    """
    where = str(path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise DataError(
            "the file is larger than JSON is read here", where=where, value=f"{size} bytes",
            hint=f"at most {MAX_BYTES} bytes a file: split it into a folder of files "
            "(loader = \"folder\"), or convert it to a qdisc dataset file",
        )  # fmt: skip
    raw = path.read_bytes()
    if raw.count(b"[") + raw.count(b"{") + raw.count(b'"') // 2 > MAX_PARTS:
        raise DataError(
            "the file holds more lists, objects and texts than are read here", where=where,
            value=f"more than {MAX_PARTS}", hint="split it into a folder of files",
        )  # fmt: skip
    return parse_json(raw, where)


def parse_json(raw: bytes, where: str) -> Any:
    """Parse the bytes of a JSON document; `where` names it in messages."""
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_object)
    except _Twice as error:
        raise DataError("an object holds one key twice", where=where, value=str(error),
                        hint="keep one of the two") from None  # fmt: skip
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8 text", where=f"{where}, byte {error.start}",
                        value=raw[error.start : error.start + 8]) from error  # fmt: skip
    except json.JSONDecodeError as error:
        end = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated")
        raise DataError(
            "the file ends too early: it is cut off" if end else "the file is not JSON",
            where=f"{where}, line {error.lineno}, column {error.colno}",
            value=error.doc[max(0, error.pos - 20) : error.pos + 20],
            hint="copy it again",
        ) from error
    except (RecursionError, ValueError) as error:  # nested without end; a number without end
        raise DataError("the file is not JSON that can be read", where=where,
                        value=f"{type(error).__name__}: {error}") from error  # fmt: skip


class _Twice(Exception):
    """A key that an object holds twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out = dict(pairs)
    if len(out) != len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise _Twice(twice)
    return out


_WORDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    int: "a whole number",
    float: "a number",
}


def want(value: Any, kind: type[T], where: str) -> T:
    """The value, once it is known to be of a kind (a bool is no number).

    Raises:
        DataError: It is something else.
    """
    if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, float)):
        raise DataError(f"{_WORDS.get(kind, kind.__name__)} is wanted here", where=where,
                        value=value)  # fmt: skip
    return value


def member(obj: Any, key: str, kind: type[T], where: str) -> T:
    """An entry of an object.

    Raises:
        DataError: Not an object, no such entry, or an entry of another kind.
    """
    if key not in want(obj, dict, where):
        there = ", ".join(map(str, list(obj)[:12])) or "nothing"
        raise DataError(f"{key!r} is missing", where=where, value=f"holds {there}")
    return want(obj[key], kind, f"{where}.{key}" if where else key)


def first_key(obj: Any, test: Callable[[str], bool]) -> str | None:
    """The first key of an object that passes, or None."""
    return next((k for k in obj if test(k)), None) if isinstance(obj, dict) else None
