"""A hardware file to a result file: the recipe carries the options, what was dropped is told."""

from __future__ import annotations

import h5py
import msgspec
from qdisc.cli.main import main


def test_a_recipe_on_a_batch_of_bloqade(golden, tmp_path, capsys):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'[data]\npath = "{golden("bloqade_remote.json")}"\natom_loss = "mask"\n'
        'theta_units = {delta = "MHz"}\n'
        '[model]\nname = "cnn1d_arnn"\nlatent_dim = 1\nconv_layers = 1\nconv_features = 2\n'
        "dense_features = 4\ndecoder_layers = 1\ndecoder_features = 4\n"
        "[train]\nepochs = 0\nbatch_size = 16\ngamma = 0.0\nevidence_samples = 0\n"
        '[analyses]\nrun = ["latent_map"]\n[observables]\nrun = ["magnetisation"]\n'
    )
    out = tmp_path / "out.h5"
    assert main(["run", str(recipe), "-o", str(out), "--quiet", "--no-figures"]) == 0
    messages = capsys.readouterr().err
    assert "bloqade_remote.json: dropped 3 of 19 snapshots" in messages
    assert "atom_loss = mask: sites empty in more than 5 %" in messages
    with h5py.File(out) as file:
        source = msgspec.toml.decode(file["dataset"].attrs["source"])
        assert source["dropped"].startswith("3 of 19 snapshots: 1 with status")
        assert source["loader"] == "bloqade" and source["levels"] == "ground, Rydberg, no atom"
        assert file["theta_delta"].attrs["units"] == "MHz"
        assert file["dataset"].attrs["n_sites"] == 9
        assert 'atom_loss = "mask"' in file["dataset"].attrs["config"]
        assert file["dataset/n_snapshots"][...].tolist() == [8, 8]
