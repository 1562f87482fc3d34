"""What validation says: one line per broken rule, with a stable code.

| code  | rule |
|-------|------|
| QD001 | the file can be opened and read to the end |
| QD002 | it is a result (`qdisc_type`) |
| QD003 | its schema version is one this qdisc knows |
| QD004 | the root has Conventions, title, NX_class and default, and default exists |
| QD005 | the groups of a result are there |
| QD006 | every group has a `qdisc_type` |
| QD007 | nothing points out of the file or declares what it does not store |
| QD008 | names are letters, digits and _ . + - |
| QD009 | a text in an attribute is shorter than 60 kB |
| QD010 | attributes are text or numbers |
| QD011 | no dataset holds text |
| QD012 | every variable has units |
| QD013 | every variable has a long_name |
| QD014 | every variable has dims, one different name per axis |
| QD015 | a dimension has one size in the whole file |
| QD016 | numbers are int8-64, uint8-64, float32 or float64 |
| QD017 | no filters but gzip and shuffle |
| QD018 | the scale of each dimension is attached |
| QD019 | signal and axes of NXdata groups exist and fit |
| QD020 | the settings theta are there and fit the sweep |
| QD021 | maps are finite where there are snapshots |
| QD022 | analyses and observables say what became of them |
| QD023 | flag_values and flag_meanings fit |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ERROR", "WARNING", "INFO"]


@dataclass(frozen=True)
class Finding:
    """A broken rule.

    Attributes:
        code: QD001 ... QD023.
        severity: ERROR (other programs will stumble), WARNING or INFO.
        path: Place in the file.
        message: What is wrong.
        hint: What to do.
    """

    code: str
    severity: Severity
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.code} {self.severity} {self.path}: {self.message}{hint}"
