"""`w2v download`: a corpus to start with."""

from __future__ import annotations

from pathlib import Path

import click

from w2v.commands.shared.options import corpus_argument, progress_option
from w2v.commands.shared.output import show_bytes
from w2v.corpora import bundled
from w2v.storage.files import atomic_file


@click.command(
    epilog="""\b
Examples:
  w2v download bible
  w2v download text8 --folder data
  w2v train "$(w2v download text8)" --output text8.model""",
)
@corpus_argument
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path(), help="Where to put the file.  [default: here]"
)
@progress_option
def download(name: str, folder: Path) -> None:
    """Get a corpus to start with, and print the name of its file.

    bible, the World English Bible, and lee, Australian news, come from packages that are installed; text8 and enwik9,
    Wikipedia, are fetched from the internet and checked. A file that is there already is not fetched again.
    """
    if name in bundled.DOWNLOADS:
        with show_bytes(f"Fetching {name}") as progress:
            path = bundled.download(name, folder, progress=progress)
    else:
        path = _write_corpus(bundled.bundled_corpus(name), folder / f"{name}.txt")
    click.echo(path)


def _write_corpus(sentences: list[str], path: Path) -> Path:
    """Write one sentence a line, unless just that is there already."""
    data = "".join(f"{sentence}\n" for sentence in sentences).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not (path.is_file() and path.read_bytes() == data):
        with atomic_file(path, overwrite=False) as file:
            file.write(data)
    return path
