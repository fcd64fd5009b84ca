"""Reads with h5py what Lyceum wrote: `checkpoint PATH`, `live PATH ROWS` (SWMR), `closed PATH ROWS`.

Exit 0 when everything is as the C test wrote it, 77 without h5py.
"""
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    sys.exit(77)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def check_checkpoint(path):
    with h5py.File(path, "r") as f:
        assert text(f.attrs["format"]) == "lyceum checkpoint 1"
        assert f.attrs["step"] == 42
        assert len(text(f.attrs["checksum"])) == 32
        params = f["student/params"]
        assert params.dtype == np.dtype("<f4") and np.array_equal(params[:], np.arange(100) * 0.5)
        assert f["cursor/step"].dtype == np.dtype("<u8") and f["cursor/step"][0] == 2**63 + 1
        assert text(f["require/data/fingerprint"][()]) == "äbc"


def check_run(path, rows, swmr):
    with h5py.File(path, "r", swmr=swmr) as f:
        assert text(f.attrs["format"]) == "lyceum run 1"
        tables = [text(name) for name in f["committed"].attrs["tables"]]
        count = dict(zip(tables, f["committed"][:]))["wide"]
        assert count == rows, count
        wide = f["wide"]
        step = np.arange(rows)
        assert np.array_equal(wide["step"][:count], step)
        place = np.arange(12).reshape(3, 4)
        expected = (step[:, None, None] * 31 + 4 * 7 + place * 3) % 251
        assert np.array_equal(wide["matrix"][:count], expected)
        assert np.array_equal(np.isnan(wide["reward"][:count]), step % 7 == 3)
        assert wide["nothing"].shape == (rows, 0)
        assert text(wide["step"].attrs["doc"]) == "number of the row"
        assert [text(name) for name in f["teachers/name"][:]] == ["cnn", "schön", ""]
        assert np.array_equal(f["teachers/matrix"][:], [[1, 2, 3], [4, 5, 6]])


mode, path = sys.argv[1:3]
if mode == "checkpoint":
    check_checkpoint(path)
else:
    check_run(path, int(sys.argv[3]), mode == "live")
