"""`qdisc result` on the golden file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from qdisc.cli.main import main

GOLDEN = Path(__file__).parents[1] / "golden" / "result_1_0.h5"


def test_info_prints_the_summary_and_the_content(capsys):
    assert main(["result", "info", str(GOLDEN)]) == 0
    out = capsys.readouterr().out
    assert "golden: discrete, 4 sites, 55 snapshots" in out
    assert "analyses: broken (failed), latent_map, phases" in out
    assert max(len(line) for line in out.splitlines() if str(GOLDEN) not in line) <= 80


def test_validate_exits_1_on_an_error_only(capsys, tmp_path):
    assert main(["result", "validate", str(GOLDEN)]) == 0
    assert capsys.readouterr().out == ""
    broken = tmp_path / "cut.h5"
    broken.write_bytes(GOLDEN.read_bytes()[:3000])
    assert main(["result", "validate", str(broken)]) == 1
    assert capsys.readouterr().out.startswith("QD001 ERROR ")


def test_diff_exits_1_on_a_difference(capsys, tmp_path):
    from qdisc.results.reader import read_tree
    from qdisc.results.schema import Group
    from qdisc.results.writer import write_result

    assert main(["result", "diff", str(GOLDEN), str(GOLDEN)]) == 0
    assert capsys.readouterr().out == ""
    tree = read_tree(GOLDEN)
    other = write_result(
        tmp_path / "b.h5", Group({**tree.attrs, "title": "other"}, tree.variables, tree.groups)
    )
    assert main(["result", "diff", str(GOLDEN), str(other)]) == 1
    assert "title" in capsys.readouterr().out


def test_a_file_that_is_no_result_is_a_mistake(capsys, tmp_path):
    (tmp_path / "x.h5").write_text("nothing")
    assert main(["result", "info", str(tmp_path / "x.h5")]) == 2
    assert main(["result", "plot", str(tmp_path / "missing.h5")]) == 2
    err = capsys.readouterr().err
    assert "Traceback" not in err and "missing.h5" in err


def test_plot_writes_all_figures_or_one(capsys, tmp_path):
    assert main(["result", "plot", str(GOLDEN), "-o", str(tmp_path)]) == 0
    written = capsys.readouterr().out.split()
    names = [Path(path).name.removeprefix("result_1_0_") for path in written]
    assert names == [
        "latent_map.png", "training.png", "snapshots.png", "magnetisation.png", "phases.png",
    ]  # fmt: skip
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in written)
    one = tmp_path / "one.pdf"
    what = ["--what", "magnetisation", "--pair", "1", "0"]
    assert main(["result", "plot", str(GOLDEN), "-o", str(one), *what]) == 0
    assert one.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--what", "magnetization"], "did you mean 'magnetisation'?"),
        (["-o", "all.png"], "all figures do not fit into one file"),
        (["--pair", "1", "0"], "--pair and --at belong to one figure"),
        (["-o", "nowhere"], "the output folder does not exist"),
        (["--what", "phases", "--pair", "0", "5"], "a pair of theta axes names two different"),
    ],
)
def test_what_cannot_be_drawn_is_explained(capsys, tmp_path, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    shutil.copy(GOLDEN, "a.h5")
    assert main(["result", "plot", "a.h5", *options]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["a.h5"]
