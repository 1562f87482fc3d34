"""Which HDF5 types say how large they are and point nowhere else."""

from __future__ import annotations

from typing import Any

import h5py.h5t as h5t


def type_problem(kind: Any, allow_strings: bool) -> str:
    """Say what in an HDF5 type points elsewhere or has no stated size; "" when nothing does."""
    code = kind.get_class()
    if code == h5t.REFERENCE:
        return "references"
    if code == h5t.VLEN:
        return "variable-length arrays"
    if code == h5t.STRING and not allow_strings and kind.is_variable_str():
        return "variable-length strings"
    if code == h5t.ARRAY:
        return type_problem(kind.get_super(), allow_strings)
    if code == h5t.COMPOUND:
        members = (kind.get_member_type(i) for i in range(kind.get_nmembers()))
        return next((p for p in (type_problem(m, allow_strings) for m in members) if p), "")
    return ""
