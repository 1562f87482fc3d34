"""Each rule of the format is broken once with plain h5py, and found."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from qdisc.plugin import Variable
from qdisc.results import findings
from qdisc.results.findings import Finding
from qdisc.results.schema import Group
from qdisc.results.store import file_image
from qdisc.results.validate import validate
from qdisc.results.writer import write_result

BROKEN = []


def breaks(expected):
    def register(function):
        BROKEN.append(pytest.param(function, expected, id=function.__name__))
        return function

    return register


def _copy(file, path, data, **options):
    """Replace a dataset by another of the same attributes and dimensions."""
    old = file[path]
    attrs = {k: old.attrs[k] for k in ("units", "long_name", "dims")}
    scales = [axis[0] for axis in old.dims]
    del file[path]
    new = file.create_dataset(path, data=data, **options)
    for name, value in attrs.items():
        new.attrs[name] = value
    for axis, scale in zip(new.dims, scales, strict=True):
        axis.attach_scale(scale)


LABEL, MU = "/analyses/phases/label", "/analyses/latent_map/mu"


@breaks('QD012 ERROR /analyses/phases/label: no units; add units="1"')
def no_units(file):
    del file[LABEL].attrs["units"]


@breaks('QD013 ERROR /analyses/phases/label: no long_name; add long_name="..."')
def empty_long_name(file):
    file[LABEL].attrs["long_name"] = ""


@breaks("QD014 ERROR /analyses/phases/label: no dims; add one name per axis, in C order")
def no_dims(file):
    del file[LABEL].attrs["dims"]


@breaks("QD014 ERROR /analyses/phases/label: dims ['theta_J'] on an array of shape (2, 3)")
def too_few_dims(file):
    file[LABEL].attrs["dims"] = ["theta_J"]


@breaks("QD014 ERROR /analyses/phases/label: dims ['theta_J', 'theta_J'] on an array of")
def repeated_dims(file):
    file[LABEL].attrs["dims"] = ["theta_J", "theta_J"]


@breaks("QD015 ERROR /observables/magnetisation/std_error: dimension theta_h has 2 entries h")
def swapped_dims(file):
    file["observables/magnetisation/std_error"].attrs["dims"] = ["theta_h", "theta_J"]


@breaks("QD018 ERROR /analyses/phases/label: axis 1 has the scales [], not theta_h; attach")
def detached_scale(file):
    file[LABEL].dims[1].detach_scale(file["theta_h"])


@breaks("QD018 ERROR /theta_h: named like its dimension, but not its scale")
def scale_that_is_none(file):
    del file["theta_h"].attrs["CLASS"]


@breaks("QD016 ERROR /analyses/phases/label: numbers stored as bool; int8-64")
def truth_values(file):
    _copy(file, LABEL, np.ones((2, 3), bool))


@breaks("QD016 ERROR /analyses/phases/label: numbers stored as an enumeration; int8-64")
def named_numbers(file):
    kind = h5py.enum_dtype({"PARA": 0, "FERRO": 1}, "i4")
    _copy(file, LABEL, np.ones((2, 3), np.int32), dtype=kind)


@breaks("QD016 ERROR /analyses/phases/label: numbers stored as complex128; store real and")
def complex_numbers(file):
    _copy(file, LABEL, np.ones((2, 3), complex))


@breaks("QD016 ERROR /analyses/phases/label: numbers stored as float16; int8-64")
def half_precision(file):
    _copy(file, LABEL, np.ones((2, 3), np.float16))


@breaks("QD011 ERROR /analyses/phases/names: text in a dataset; use attributes")
def text_of_variable_length(file):
    file["analyses/phases"].create_dataset("names", data=["para", "ferro"])


@breaks("QD011 ERROR /analyses/phases/names: text in a dataset; use attributes")
def text_of_fixed_length(file):
    file["analyses/phases"].create_dataset("names", data=np.array([b"para", b"ferro"]))


@breaks("QD017 ERROR /analyses/phases/label: filters [3]; gzip and shuffle only")
def checksum(file):
    _copy(file, LABEL, np.ones((2, 3), np.int32), fletcher32=True)


@breaks("QD023 ERROR /analyses/phases/label: flag_values and flag_meanings do not fit")
def a_word_too_many(file):
    file[LABEL].attrs["flag_meanings"] = "para ferro antiferro"


@breaks("QD006 ERROR /analyses/phases: no qdisc_type")
def group_without_type(file):
    del file["analyses/phases"].attrs["qdisc_type"]


@breaks("QD008 ERROR /analyses/two words: a name some readers cannot use")
def name_with_a_blank(file):
    file.create_group("analyses/two words").attrs["qdisc_type"] = "analysis"


@breaks("QD009 ERROR /provenance@command: a text of 60000 bytes; fewer than 60000")
def long_text(file):
    file["provenance"].attrs["command"] = "x" * 60_000


@breaks("QD010 ERROR /provenance@seed: text or numbers are wanted here")
def complex_attribute(file):
    file["provenance"].attrs["seed"] = 1j


@breaks("QD004 ERROR /: no title")
def no_title(file):
    del file.attrs["title"]


@breaks('QD004 ERROR /: no NX_class; add NX_class="NXroot"')
def wrong_class(file):
    file.attrs["NX_class"] = "NXentry"


@breaks("QD004 ERROR /: default='nothing' does not exist")
def wrong_default(file):
    file.attrs["default"] = "nothing"


@breaks("QD005 ERROR /provenance: the group is missing")
def no_provenance(file):
    del file["provenance"]


@breaks("QD005 WARNING /analyses: the group is missing")
def no_analyses(file):
    del file["analyses"]


@breaks("QD005 INFO /training: the group is missing")
def no_training(file):
    del file["training"]


@breaks("QD002 ERROR /: not a qdisc result (qdisc_type is 'dataset'); this is a dataset")
def a_dataset(file):
    file.attrs["qdisc_type"] = "dataset"


@breaks("QD003 ERROR /: the schema version is missing or not of the form 'major.minor'")
def no_schema(file):
    del file.attrs["qdisc_schema"]


@breaks("QD003 ERROR /: schema 2.0, this qdisc knows 1.0; install a qdisc version that knows")
def newer_major_schema(file):
    file.attrs["qdisc_schema"] = "2.0"


@breaks("QD003 WARNING /: schema 1.9 is newer than 1.0; what is new in it is not checked")
def newer_minor_schema(file):
    file.attrs["qdisc_schema"] = "1.9"


@breaks("QD019 ERROR /analyses/latent_map: the signal 'nu' is not a variable here")
def no_signal(file):
    file["analyses/latent_map"].attrs["signal"] = "nu"


@breaks("QD019 ERROR /analyses/latent_map: axes ['latent'], but the dims of mu are ['theta_J'")
def wrong_axes(file):
    file["analyses/latent_map"].attrs["axes"] = ["latent"]


@breaks("QD019 ERROR /analyses/latent_map: the axis latent is not in the group; hard-link")
def unlinked_axis(file):
    del file["analyses/latent_map/latent"]


@breaks("QD020 ERROR /dataset: no theta_names, or no n_snapshots over them")
def no_theta_names(file):
    del file["dataset"].attrs["theta_names"]


@breaks("QD020 ERROR /dataset/n_snapshots: n_snapshots over ['theta_J', 'theta_h'], the sett")
def other_theta_names(file):
    file["dataset"].attrs["theta_names"] = ["J", "g"]


@breaks("QD020 ERROR /theta_h: a setting is not finite")
def infinite_setting(file):
    file["theta_h"][1] = np.inf


@breaks("QD021 WARNING /analyses/latent_map/mu: not finite at 1 of 5 settings with snapshots")
def nan_where_there_are_snapshots(file):
    file[MU][0, 1, 1] = np.nan


@breaks("QD022 ERROR /analyses/phases: status is 'great'; one of ok, skipped, failed")
def unknown_status(file):
    file["analyses/phases"].attrs["status"] = "great"


@breaks("QD022 WARNING /analyses/phases: skipped, but no message says why")
def skipped_without_a_reason(file):
    file["analyses/phases"].attrs["status"] = "skipped"


@pytest.mark.parametrize(("break_it", "expected"), BROKEN)
def test_a_broken_rule_is_found(path, break_it, expected):
    with h5py.File(path, "r+") as file:
        break_it(file)
    lines = [str(finding) for finding in validate(path)]
    assert any(line.startswith(expected) for line in lines), lines
    assert len({line.split(" ")[0] for line in lines}) <= 2, lines  # no flood of consequences


def test_a_setting_that_is_missing(tmp_path, golden):
    path = write_result(tmp_path / "s.h5", golden.golden_tree(scattered=True))
    assert validate(path) == []
    with h5py.File(path, "r+") as file:
        del file["theta_h"]
    assert [str(f) for f in validate(path)] == ["QD020 ERROR /theta_h: the setting is missing"]


def test_a_setting_along_another_dimension(tmp_path, golden):
    tree = golden.golden_tree(scattered=True)
    theta = {**tree.variables, "theta_h": Variable(np.zeros(6), ("other",))}
    path = tmp_path / "s.h5"
    path.write_bytes(file_image(Group(tree.attrs, theta, tree.groups)))
    assert [str(f) for f in validate(path)] == ["QD020 ERROR /theta_h: its dimension is not point"]


@pytest.mark.parametrize("scattered", [False, True])
def test_what_qdisc_writes_is_perfect(tmp_path, golden, scattered):
    assert validate(write_result(tmp_path / "r.h5", golden.golden_tree(scattered))) == []


def test_files_that_are_no_results_give_one_finding(tmp_path):
    (tmp_path / "text.h5").write_text("hello, this is text")
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 3
    for name, code in (("none.h5", "QD001"), ("text.h5", "QD001"), ("foreign.h5", "QD002")):
        found = validate(tmp_path / name)
        assert [(f.code, f.severity, f.path) for f in found] == [(code, "ERROR", "/")]
    assert [f.code for f in validate(tmp_path)] == ["QD001"]


def test_every_code_is_described_and_tested():
    described = {word for word in findings.__doc__.split() if word.startswith("QD0")}
    tested = {param.values[1].split(" ")[0] for param in BROKEN} | {"QD001", "QD007"}
    assert described == tested == {f"QD{i:03}" for i in range(1, 24)}


def test_a_finding_is_one_line():
    assert str(Finding("QD001", "ERROR", "/x", "bad")) == "QD001 ERROR /x: bad"
    assert str(Finding("QD001", "INFO", "/x", "bad", "do")) == "QD001 INFO /x: bad; do"
