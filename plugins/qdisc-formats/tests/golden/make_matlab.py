"""Golden MATLAB files. In an environment of its own: pip install scipy==1.17.1 hdf5storage==0.2.2

Versions 4, 5 and 7 are written by SciPy, 7.3 by hdf5storage in MATLAB's layout. `snapshots` has the
axes (x, y, shot, delta) = (2, 3, 4, 2): only site (x, y) = (0, 1) is 1, at the second delta in all
shots, at the first in none. `data` is a struct with the same array and `detuning`.
`matlab_v4.mat` has two axes: (shot, site) with 1 at site 0 of three.
"""

import hdf5storage
import numpy as np
from card import FOLDER, record
from scipy.io import savemat

SNAPSHOTS = np.zeros((2, 3, 4, 2), np.uint8)
SNAPSHOTS[0, 1, :, 1] = 1
DETUNING = np.array([[-1.5, 2.5]])
CONTENT = {
    "snapshots": SNAPSHOTS,
    "detuning": DETUNING,
    "data": {"snapshots": SNAPSHOTS, "detuning": DETUNING, "note": "X on (0, 1)"},
}


def main() -> None:
    what = "X on site (0, 1) of 2 x 3 at the second of two detunings"
    savemat(FOLDER / "matlab_v5.mat", CONTENT, do_compression=False)
    savemat(FOLDER / "matlab_v7.mat", CONTENT, do_compression=True)
    savemat(FOLDER / "matlab_v4.mat", {"snapshots": np.eye(1, 3).repeat(4, 0)}, format="4")
    for name in ("matlab_v5.mat", "matlab_v7.mat"):
        raw = bytearray((FOLDER / name).read_bytes())
        raw[:116] = b"MATLAB 5.0 MAT-file Platform: posix, Created by SciPy".ljust(116)  # no date
        (FOLDER / name).write_bytes(raw)
        record(name, ["scipy"], __file__, what)
    record("matlab_v4.mat", ["scipy"], __file__, "X on site 0 of three")
    path = FOLDER / "matlab_v73.mat"
    path.unlink(missing_ok=True)
    hdf5storage.write(
        CONTENT, filename=str(path), matlab_compatible=True, store_python_metadata=False
    )
    raw = bytearray(path.read_bytes())
    raw[:116] = b"MATLAB 7.3 MAT-file, Platform: hdf5storage".ljust(116)
    path.write_bytes(raw)
    record("matlab_v73.mat", ["hdf5storage", "h5py"], __file__, what)


if __name__ == "__main__":
    main()
