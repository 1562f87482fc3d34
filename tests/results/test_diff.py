from __future__ import annotations

from dataclasses import replace

import numpy as np

from qdisc.plugin import Variable
from qdisc.results.diff import diff
from qdisc.results.schema import Group
from qdisc.results.writer import add_group, write_result


def test_equal_results_do_not_differ(path, tree, tmp_path):
    assert diff(path, write_result(tmp_path / "b.h5", tree)) == []


def test_provenance_may_differ(path, tree, tmp_path):
    provenance = tree.groups["provenance"]
    other = Group({**provenance.attrs, "duration_s": 99.0}, groups=provenance.groups)
    assert diff(path, write_result(tmp_path / "b.h5", tree.with_group("/provenance", other))) == []


def test_each_difference_is_one_line(path, tree, tmp_path):
    group = tree.groups["analyses"].groups["latent_map"]
    mu, kl = group.variables["mu"], group.variables["kl"]
    changed = mu.data.copy()
    changed[0, 1, 0] += 0.5
    variables = {
        **group.variables,
        "mu": replace(mu, data=changed),
        "kl": Variable(kl.data.astype(np.float64), kl.dims, "bit", kl.long_name),
        "extra": Variable(np.float64(1), ()),
    }
    other = add_group(
        write_result(tmp_path / "b.h5", tree),
        "/analyses/latent_map",
        Group({**group.attrs, "version": "9", "new": 1}, variables),
    )
    assert diff(path, other) == [
        "/analyses/latent_map@new: only in the second file",
        "/analyses/latent_map@version: '' and '9'",
        "/analyses/latent_map/extra: only in the second file",
        "/analyses/latent_map/kl@units: 'nat' and 'bit'",
        "/analyses/latent_map/kl: float32 (2, 3, 2) and float64 (2, 3, 2)",
        "/analyses/latent_map/mu: 1 of 12 numbers differ, by at most 0.5; "
        "first at (0, 1, 0): 0.25 and 0.75",
    ]
    assert diff(other, path)[0] == "/analyses/latent_map@new: only in the first file"


def test_a_missing_group_is_one_line(path, tree, tmp_path):
    groups = {name: group for name, group in tree.groups.items() if name != "training"}
    other = write_result(tmp_path / "b.h5", Group(tree.attrs, tree.variables, groups))
    assert "/training: only in the first file" in diff(path, other)
