"""Pictures are read from every form, and what is wrong with them is told in a sentence."""

from __future__ import annotations

import gzip
import io
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.helpers.examples.pictures import bars, write_folder, write_idx
from w2v.corpora import CorpusError
from w2v.corpora.images import as_labels, as_pictures, picture_names, read_pictures
from w2v.corpora.images.files import PassedOverWarning

Array = NDArray[Any]
PIXELS, LABELS = bars(12)
NUMBERS = (LABELS == "upright").astype(np.uint8)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_with_labels_beside_it_named_and_in_a_folder(tmp_path: Path, suffix: str) -> None:
    images = write_idx(tmp_path / f"train-images-idx3-ubyte{suffix}", PIXELS)
    labels = write_idx(tmp_path / f"train-labels-idx1-ubyte{suffix}", NUMBERS)
    write_idx(tmp_path / f"t10k-images-idx3-ubyte{suffix}", PIXELS[:3])
    for given in (images, [images, labels], [str(labels), str(images)], tmp_path):
        found = read_pictures(given)
        assert np.array_equal(found.pixels, PIXELS[..., None]) and found.pixels.dtype == np.uint8
        assert found.labels is not None and np.array_equal(found.labels, NUMBERS)
        assert found.names[2] == f"{images}#2" and found.names[1:3] == [f"{images}#1", f"{images}#2"]
        assert found.files == [str(images), str(labels)]
    assert read_pictures(tmp_path / f"t10k-images-idx3-ubyte{suffix}").labels is None
    one = read_pictures(f"{images}#5")
    assert np.array_equal(one.pixels[0, ..., 0], PIXELS[5]) and one.names == [f"{images}#5"]


def test_idx_of_other_types(tmp_path: Path) -> None:
    wanted = np.array([[[1, -2], [300, 4]]])
    for code, dtype in ((0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")):
        array = wanted.astype(dtype)
        found = read_pictures(write_idx(tmp_path / f"{code}.idx", array, code))
        assert found.pixels.dtype == np.float32 and np.array_equal(found.pixels[..., 0], array.astype(np.float32))


def test_archive(tmp_path: Path) -> None:
    for names in (("x_train", "y_train"), ("images", "labels"), ("arr_0", "arr_1")):
        arrays: dict[str, Any] = {names[0]: np.asfortranarray(PIXELS), names[1]: LABELS[:, None]}
        np.savez_compressed(tmp_path / "p.npz", **arrays)
        found = read_pictures(tmp_path / "p.npz")
        assert np.array_equal(found.pixels[..., 0], PIXELS) and found.labels is not None
        assert found.labels.tolist() == LABELS.tolist()
    np.savez(tmp_path / "p.npz", data=PIXELS.astype(np.float64).reshape(12, -1) / 255)
    found = read_pictures(tmp_path / "p.npz")
    assert found.labels is None and found.pixels.shape == (12, 8, 8, 1) and found.pixels.dtype == np.float32


def test_folder_of_classes_grey_and_in_colour(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", PIXELS, LABELS)
    (folder / ".hidden").mkdir()
    (folder / "lying" / "notes.txt").write_text("no picture")
    order = np.argsort(LABELS, kind="stable")
    found = read_pictures(folder)
    assert np.array_equal(found.pixels[..., 0], PIXELS[order]) and found.labels is not None
    assert found.labels.tolist() == LABELS[order].tolist()
    assert found.names == picture_names(folder) and found.files == [str(folder)]
    colourful = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(colourful).save(folder / "upright" / "999.PNG")
    found = read_pictures(folder)
    assert found.pixels.shape == (13, 8, 8, 3) and np.array_equal(found.pixels[-1], colourful)
    assert np.array_equal(found.pixels[0, ..., 2], PIXELS[order][0])
    assert read_pictures(folder, channels=1).pixels.shape == (13, 8, 8, 1)
    assert read_pictures(folder / "lying").labels is None
    (folder / "empty").mkdir()
    Image.fromarray(colourful).save(folder / "upright" / "a.gif")
    with pytest.warns(PassedOverWarning) as told:
        assert len(read_pictures(folder)) == 13
    gif, empty = (str(one.message) for one in told)
    assert gif == f"{folder}: 1 pictures are neither PNG nor JPEG and are passed over: {folder / 'upright' / 'a.gif'}"
    assert empty == f"{folder}: 1 folders have no PNG or JPEG and are passed over: empty"


def test_pictures_lie_on_white_upright_and_in_eight_bits(tmp_path: Path) -> None:
    seen = np.zeros((2, 3, 4), np.uint8)
    seen[0, :, 3] = 255
    Image.fromarray(seen).save(tmp_path / "a.png")
    Image.fromarray((np.arange(6).reshape(2, 3) * 10000).astype(np.uint16)).save(tmp_path / "b.png")
    Image.fromarray(np.array([[True, False, True]] * 2)).save(tmp_path / "c.png")
    read = [
        read_pictures(tmp_path / name, channels=1).pixels[0, ..., 0].tolist() for name in ("a.png", "b.png", "c.png")
    ]
    assert read == [[[0] * 3, [255] * 3], [[0, 39, 78], [117, 156, 195]], [[255, 0, 255]] * 2]
    exif = Image.Exif()
    exif[0x0112] = 6  # a camera that was held upright
    Image.fromarray(np.zeros((8, 16), np.uint8)).save(tmp_path / "d.jpg", exif=exif)
    assert read_pictures(tmp_path / "d.jpg").pixels.shape == (1, 16, 8, 1)


def test_sizes_are_told_and_brought_to_one(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "p", PIXELS, LABELS)
    Image.fromarray(np.full((5, 9), 7, np.uint8)).save(folder / "lying" / "wide.png")
    with pytest.raises(CorpusError, match=r"2 sizes.*8 × 8 \(12\), 5 × 9 \(1\); scale all with --size 8 8"):
        read_pictures(folder)
    found = read_pictures(folder, size=(4, 6))
    assert (
        found.pixels.shape == (13, 4, 6, 1)
        and (found.pixels[found.names.index(str(folder / "lying/wide.png"))] == 7).all()
    )
    write_idx(tmp_path / "a.idx", PIXELS)
    for pixels in (PIXELS, PIXELS.astype(np.float32)):
        np.savez(tmp_path / "p.npz", x=pixels)
        scaled = read_pictures(tmp_path / "p.npz", size=(4, 4)).pixels
        assert scaled.shape == (12, 4, 4, 1) and scaled.dtype == pixels.dtype
        assert abs(float(scaled.mean()) - float(PIXELS.mean())) < 3
    with pytest.raises(CorpusError, match="2 sizes"):
        read_pictures([folder / "lying" / "wide.png", f"{tmp_path}/a.idx#0"])
    both = read_pictures([picture_names(folder)[0], f"{tmp_path}/a.idx#3"])
    assert np.array_equal(both.pixels[1, ..., 0], PIXELS[3]) and both.names[1] == f"{tmp_path}/a.idx#3"


def test_digits_come_with_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = read_pictures("digits")
    assert found.pixels.shape == (1797, 8, 8, 1) and found.pixels.max() == 255 and found.files == ["digits"]
    assert found.labels is not None and found.labels[:5].tolist() == [0, 1, 2, 3, 4]
    assert np.array_equal(read_pictures("digits#7").pixels[0], found.pixels[7])
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "digits", PIXELS, LABELS)
    assert len(read_pictures("digits")) == 12  # what is there goes before what is built in


def archive(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(f"{name}.npy", data)
    return path


def npy(shape: str, data: bytes = b"") -> bytes:
    """Return the file of an array that says that it is of some shape."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n" + data


class Unpickled:
    """Says when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("unpickled",)


def hostile(folder: Path) -> dict[str, Path]:
    """Return files that are not what they say they are."""
    pickled = io.BytesIO()
    np.save(pickled, np.array([Unpickled()], dtype=object), allow_pickle=True)
    head = struct.pack(">HBB3I", 0, 8, 3, 12, 8, 8)
    files = {
        "pickles": archive(folder / "pickles.npz", x=pickled.getvalue()),
        "absurd": archive(folder / "absurd.npz", x=npy("(1000000, 99999, 99999)")),
        "negative": archive(folder / "negative.npz", x=npy("(-4, 8, 8)")),
        "short": archive(folder / "short.npz", x=npy("(60000, 28, 28)", bytes(99))),
        "code": archive(folder / "code.npz", x=npy("(__import__('os').getpid(),)")),
        "no array": archive(folder / "no_array.npz", x=b"hello"),
        "others": archive(folder / "others.npz", weights=npy("(1,)", b"x")),
        "no zip": folder / "no_zip.npz",
        "truncated": folder / "truncated-images-idx3-ubyte",
        "more": folder / "more-images-idx3-ubyte",
        "promises": folder / "promises-images-idx3-ubyte.gz",
        "cut": folder / "cut-images-idx3-ubyte.gz",
        "text": folder / "text.idx",
        "empty": folder / "empty.idx",
        "no png": folder / "no.png",
        "half png": folder / "half.png",
        "bomb": folder / "bomb.png",
    }  # fmt: skip
    files["no zip"].write_bytes(b"PK\x03\x04 hello")
    files["truncated"].write_bytes(head + PIXELS.tobytes()[:-1])
    files["more"].write_bytes(head + PIXELS.tobytes() + b"x")
    files["promises"].write_bytes(gzip.compress(struct.pack(">HBB3I", 0, 8, 3, 4_000_000_000, 28, 28)))
    files["cut"].write_bytes(gzip.compress(head + np.random.default_rng(1).bytes(768))[:-40])
    files["text"].write_text("hello, I am no picture")
    files["empty"].write_bytes(b"")
    files["no png"].write_text("hello")
    noise = np.random.default_rng(1).integers(0, 256, (40, 40), np.uint8)
    Image.fromarray(noise).save(files["half png"])
    files["half png"].write_bytes(files["half png"].read_bytes()[:900])
    data = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(data, "png")
    changed = bytearray(data.getvalue())
    changed[16:24] = struct.pack(">II", 60_000, 60_000)
    changed[29:33] = struct.pack(">I", zipfile.crc32(bytes(changed[12:29])))  # type: ignore[attr-defined]
    files["bomb"].write_bytes(bytes(changed))
    return files


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pickles", "x.npy holds object, not numbers or text; Python objects are never unpickled"),
        ("absurd", "claims to hold 1000000 × 99999 × 99999 values"),
        ("negative", "claims to hold -4"),
        ("short", r"truncated: its header promises 47,040,000 bytes, but only 99 follow"),
        ("code", "is not an .npz archive of arrays, or is damaged"),
        ("no array", "is not an .npz archive of arrays, or is damaged"),
        ("others", "holds weights; expected pictures named"),
        ("no zip", "is not an .npz archive"),
        ("truncated", "truncated: its header promises 768 bytes, but only 767 follow"),
        ("more", "it continues after the 12 × 8 × 8 values"),
        ("promises", "claims to hold 4000000000 × 28 × 28 values"),
        ("cut", "is truncated"),
        ("text", "contains no readable pictures"),
        ("empty", "contains no readable pictures"),
        ("no png", "no.png is not a PNG or JPEG, or is damaged"),
        ("half png", "half.png is not a PNG or JPEG, or is damaged"),
        ("bomb", "60,000 × 60,000 pixels, too many|bomb.png is not a PNG or JPEG, or is damaged"),
    ],
)
def test_hostile_files_cost_nothing_and_are_named(tmp_path: Path, name: str, message: str) -> None:
    file = hostile(tmp_path)[name]
    tracemalloc.start()
    with pytest.raises(CorpusError, match=message) as caught:
        read_pictures(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(file) in str(caught.value) and "\n" not in str(caught.value)
    assert peak < 32 << 20


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "no pictures were given"),
        ("absent.idx", "absent.idx: there is no such file or folder"),
        ("absent.png", "absent.png: there is no such file or folder"),
        ("absent.idx#3", "absent.idx#3: there is no such file or folder"),
        ("a.idx#x", "a.idx#x: there is no such file"),
        ("a.idx#12", "a.idx has 12 pictures, numbered from 0"),
        ("nothing", "nothing has no pictures: expected a folder of PNG or JPEG files for each class, or IDX"),
        (["a.idx", "a.idx", "b.idx"], "expected one IDX file of pictures"),
        (["a.idx", "b.idx"], "a.idx: there are 12 pictures but 5 labels"),
        ("cube.npz", "cube.npz must have shape"),
        ("complex.npz", "holds complex128, not numbers"),
        ("nan.npz", "nan.npz holds NaN or infinity"),
        ("none.npz", "none.npz holds no picture"),
    ],
)
def test_other_mistakes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Any, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nothing").mkdir()
    write_idx(tmp_path / "a.idx", PIXELS)
    write_idx(tmp_path / "b.idx", NUMBERS[:5])
    np.savez("cube.npz", x=np.zeros((2, 3, 4, 5, 6)))
    np.savez("complex.npz", x=np.zeros((2, 3, 4), complex))
    np.savez("nan.npz", x=np.full((2, 3, 4), np.nan))
    np.savez("none.npz", x=np.zeros((0, 3, 4)))
    with pytest.raises(CorpusError, match=message):
        read_pictures(given)


def test_pillow_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_folder(tmp_path / "p", PIXELS, LABELS)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"Pillow, which is missing; install it with: pip install 'w2v-toolkit\[images\]'"
    ):
        read_pictures(folder)


def test_arrays_of_every_form() -> None:
    assert as_pictures(PIXELS).shape == (12, 8, 8, 1) and as_pictures(PIXELS.tolist()).dtype == np.float32
    assert as_pictures(PIXELS.reshape(12, 64)).shape == (12, 8, 8, 1)
    assert as_pictures(np.zeros((2, 3, 8, 9))).shape == (2, 8, 9, 3)
    assert as_pictures(np.zeros((2, 24)), (2, 4, 3)).shape == (2, 2, 4, 3)
    assert as_pictures(np.zeros((2, 5))).shape == (2, 1, 5, 1)
    assert as_pictures(PIXELS > 200).dtype == np.uint8
    assert as_pictures(PIXELS)[0].base is not None  # eight bits are not copied
    for wrong, message in (
        (np.zeros((2, 24)), r"X has 24 features, but image_shape is 5 × 5, 25"),
        ([[1, 2], [3]], "one size|inhomogeneous"),
        (np.zeros(3), "must have shape"),
        (np.zeros((2, 0, 3)), r"0 feature\(s\)"),
        (np.full((1, 2, 2), 1e300), "too large for float32"),
    ):
        with pytest.raises(ValueError, match=message):
            as_pictures(wrong, (5, 5))
    with pytest.raises(TypeError, match="must hold numbers, not"):
        as_pictures(np.array([["a"]]))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([1, 2], "there are 3 pictures but 2 labels; each picture needs one label"),
        ([[1, 2], [3, 4], [5, 6]], "a label for each picture"),
        ([1.0, float("nan"), 2.0], "a label is missing"),
    ],
)
def test_labels_that_are_none_are_refused(labels: Any, message: str) -> None:
    assert as_labels([[3], [4]], 2).tolist() == [3, 4]
    with pytest.raises(ValueError, match=message):
        as_labels(labels, 3)
