"""Bloqade batches: X on atom 0, failed shots, lost atoms, copies, refusals that name the task."""

from __future__ import annotations

import json

import numpy as np
import pytest
from qdisc import load
from qdisc.errors import ConfigError, DataError
from qdisc.testing import check_plugin

from qdisc_formats.bloqade import loader

ODD = [1] + [0] * 9


def test_the_contract(golden):
    check_plugin(loader, file=golden("bloqade_remote.json"))


def test_x_on_atom_0_from_the_emulator(golden):
    dataset = load(golden("bloqade_local.json"))
    assert dataset.theta_names == ("t",) and dataset.theta[:, 0].tolist() == [0.45, 0.95]
    assert dataset.local_states.tolist() == [0.0, 1.0]
    means = dataset.average(dataset.configurations)
    assert means[1].tolist() == ODD  # a pulse of area pi
    assert 0.4 < means[0, 0] < 0.95 and not means[0, 1:].any()  # area pi / 2: p = 1/2, 20 shots
    assert dataset.sites.tolist() == [[n] for n in range(10)]


def test_what_is_dropped_and_why(golden):
    dataset = load(golden("bloqade_remote.json"))
    assert dataset.theta[:, 0].tolist() == [0.05, 0.1]  # text became numbers, the queue is left out
    assert dataset.shots.tolist() == [6, 8]
    assert dataset.samples[:6].tolist() == [ODD] * 6  # site 10 is empty by design
    mean = dataset.average(dataset.configurations)[:, 0]
    assert mean.tolist() == [1.0, 3 / 8]
    assert dataset.source["dropped"] == (
        "5 of 19 snapshots: 1 with status MissingPostSequence; "
        "2 with status MissingMeasurement; 2 with an atom missing before the pulse"
    )
    notes = dataset.source["notes"]
    assert "empty by design: 10" in notes and "task 2 (00000000)" in notes
    assert "atom_loss = drop" in notes and "theta from the metadata: delta" in notes
    assert json.loads(dataset.source["metadata"])["constant"] == {"omega": 15.7}
    assert dataset.name == "X on atom 0"


def test_a_missing_atom_as_a_third_state(golden):
    dataset = load(golden("bloqade_remote.json"), atom_loss="third_state")
    assert dataset.local_dimension == 3 and dataset.shots.tolist() == [8, 8]
    lost = dataset.samples[(dataset.samples == 2).any(1)]
    assert lost.tolist() == [[1, 0, 0, 0, 2, 0, 0, 0, 0, 0]] * 2
    assert dataset.source["levels"] == "ground, Rydberg, no atom"


def test_a_bad_site_is_masked(golden):
    dataset = load(golden("bloqade_remote.json"), atom_loss="mask")  # site 4: empty in 2 of 16
    assert dataset.n_sites == 9 and dataset.shots.tolist() == [8, 8]
    assert dataset.samples[:8].tolist() == [[1] + [0] * 8] * 8
    np.testing.assert_allclose(dataset.sites[:, 0], [0, 1, 2, 3, 5, 6, 7, 8, 9])
    assert "left out: 4 (12.5 %)" in dataset.source["notes"]
    kept = load(golden("bloqade_remote.json"), atom_loss="mask", mask_above=0.2)
    assert kept.n_sites == 10 and kept.shots.tolist() == [6, 8]
    assert "left out: none" in kept.source["notes"]
    with pytest.raises(ConfigError, match="mask_above"):
        load(golden("bloqade_remote.json"), atom_loss="mask", mask_above=1.5)


def test_copies_are_told_apart_by_the_mapping(golden):
    """The array lists the second atom of each copy first; one of five shots lacks an atom."""
    dataset = load(golden("bloqade_copies.json"))
    assert dataset.n_sites == 2 and dataset.theta[:, 0].tolist() == [4.0, 5.0]
    assert dataset.shots.tolist() == [5 * 3 - 1, 5 * 2 - 1]
    assert np.unique(dataset.samples, axis=0).tolist() == [[1, 0]]
    assert "2 to 3 copies" in dataset.source["notes"] and "4 to 5 um" in dataset.source["notes"]
    with pytest.raises(DataError, match="different numbers of atoms") as caught:
        load(golden("bloqade_copies.json"), copies="together")
    assert "task 0" in str(caught.value) and "task 1" in str(caught.value)


def edit(golden, tmp_path, change, name="bloqade_remote.json"):
    document = json.loads(golden(name).read_text())
    (batch,) = document.values()
    change(batch, [next(iter(task.values())) for _, task in batch["tasks"]])
    path = tmp_path / "edited.json"
    path.write_text(json.dumps(document))
    return path


def refusal(path, **config):
    with pytest.raises(DataError) as caught:
        load(path, **config)
    text = str(caught.value)
    assert path.name in text, text
    return text


def test_account_numbers_go(golden, tmp_path):
    arn = "arn:aws:braket:us-east-1:123456789012:quantum-task/15a7c882-d840-451c"

    def change(batch, tasks):
        tasks[0]["task_id"] = arn
        tasks[0]["backend"] = {"device_arn": "arn:aws:braket:us-east-1::device/qpu/quera/Aquila"}
        batch["name"] = "of 123456789012"

    dataset = load(edit(golden, tmp_path, change))
    assert "123456789012" not in json.dumps(dataset.source)
    assert "device/qpu/quera/Aquila" in dataset.source["metadata"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda b, t: t[1]["metadata"].pop("delta"), ("lacks 'delta'", "task 1", "theta = ")),
        (lambda b, t: t[1]["metadata"].update(delta="fast"), ("'fast'", "task 1", "delta")),
        (lambda b, t: t[1]["metadata"].update(delta=float("nan")), ("nan", "task 1")),
        (
            lambda b, t: [x["metadata"].update(delta=1) for x in t] + [t[1]["task_ir"].update(x=1)],
            ("at which setting", "task 0", "task 1", "theta = "),
        ),
        (lambda b, t: t[0]["metadata"].update(delta=0.1, tag="a") or t[1]["metadata"].update(
            tag="b"), ("differ in 'tag' only", "'a' and 'b'", "theta = ")),
        (lambda b, t: t[0]["task_result_ir"]["shot_outputs"][1]["pre_sequence"].append(1),
         ("one entry per site", "task 0", "shot 1", "12 entries")),
        (lambda b, t: t[1]["task_result_ir"]["shot_outputs"][0]["post_sequence"].__setitem__(3, 7),
         ("0 or 1", "task 1", "shot 0, site 3", "value: 7")),
        (lambda b, t: t[0]["task_ir"]["lattice"]["sites"][3].__setitem__(0, "far"),
         ("position", "sites[3]", "far")),
        (lambda b, t: [x["task_result_ir"].update(shot_outputs=[]) for x in t],
         ("no task has results", "3 tasks")),
        (lambda b, t: b.update(tasks=[]), ("no task", "tasks")),
        (lambda b, t: b["tasks"].append(7), ("a list is wanted", "tasks[3]")),
    ],
)  # fmt: skip
def test_refusals_name_task_value_and_key(golden, tmp_path, change, words):
    text = refusal(edit(golden, tmp_path, change))
    for word in words:
        assert word in text, text


def test_a_wrong_mapping_is_refused(golden, tmp_path):
    def change(batch, tasks):
        tasks[0]["parallel_decoder"]["mapping"][0]["global_location_index"] = 1

    text = refusal(edit(golden, tmp_path, change, "bloqade_copies.json"))
    assert "names a site twice" in text and "task 0" in text and "mapping[1]" in text


def test_damaged_files(golden, tmp_path):
    path = tmp_path / "cut.json"
    path.write_bytes(golden("bloqade_remote.json").read_bytes()[:-700])
    assert "cut off" in refusal(path)
    path.write_text('{"remote_batch": {"tasks": [], "tasks": []}}')
    assert "one key twice" in refusal(path)


def test_theta_from_the_recipe_and_from_a_table(golden, tmp_path):
    path = golden("bloqade_remote.json")
    given = load(path, theta={"ramp": [1, 2, 3]}, theta_units={"ramp": "us"})
    assert given.theta[:, 0].tolist() == [1.0, 2.0]  # the third task is not finished
    assert given.theta_names == ("ramp",) and given.theta_units == ("us",)
    one = load(path, theta={"ramp": 2.5})
    assert one.theta.tolist() == [[2.5]] and one.shots.tolist() == [14]
    copy = tmp_path / "batch.json"
    copy.write_bytes(path.read_bytes())
    rows = "task,Delta (MHz)\n" + "".join(
        f"00000000-0000-4000-8000-00000000000{n},{n / 2}\n" for n in (3, 2, 1)
    )
    (tmp_path / "settings.csv").write_text(rows)
    table = load(copy, theta="settings.csv")
    assert table.theta[:, 0].tolist() == [0.5, 1.0] and table.theta_units == ("MHz",)
    assert table.theta_names == ("Delta",)
    with pytest.raises(DataError, match="one per job"):
        load(path, theta={"ramp": [1, 2]})
    with pytest.raises(DataError, match="did you mean 'delta'"):
        load(path, theta_names=["detla"])
    assert load(path, theta_names=["omega"]).theta_names == ("omega",)


# -- hardware files, when they are there -----------------------------------------------------


def test_aquila_lattice_gauge_theory(aquila):
    dataset = load(aquila("lgt-job.json"))
    assert dataset.n_sites == 13 and dataset.n_points == 21
    assert dataset.theta_names == ("run_time",)
    np.testing.assert_allclose(dataset.theta[:, 0], np.arange(21) * 0.05, atol=1e-12)
    assert dataset.n_snapshots == 9693
    assert dataset.source["dropped"].startswith("807 of 10500 snapshots: 807 with an atom missing")
    every = load(aquila("lgt-job.json"), atom_loss="third_state")
    assert set(every.shots.tolist()) == {500} and every.n_snapshots == 10500
    whole = every.samples[~(every.samples == 2).any(1)]
    assert whole.shape[0] == 9693 and whole.sum() == dataset.samples.sum()


def test_aquila_two_atoms_in_copies(aquila):
    dataset = load(aquila("two-qubit-adiabatic-job.json"))
    assert dataset.n_sites == 2
    assert dataset.theta[:, 0].tolist() == [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]  # text in the file
    assert dataset.source["dropped"].startswith("84 of 8000 snapshots")  # 6 x 1200 + 1 x 800
    assert "000000000000" not in json.dumps(dataset.source)
    both = dataset.average((dataset.configurations == 1).all(1).astype(float))
    assert both[0] < 0.05 < 0.5 < both[-1]  # the blockade at 4 um, none at 10 um


def test_aquila_one_task_of_many_atoms(aquila):
    path = aquila("striated-phase-hardware.json")
    dataset = load(path)
    assert dataset.n_sites == 9 and dataset.n_points == 1  # four copies of 3 x 3
    assert dataset.theta_names == ("setting",)
    assert dataset.spec.lattice.tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    together = load(path, copies="together")
    assert together.n_sites == 36 and together.n_snapshots == 88
