"""The `w2v` command; what its subcommands do is in `commands`, one module a topic."""

from __future__ import annotations

import click

from commands.compare import compare
from commands.download import download
from commands.encode import attention, encode, similar
from commands.evaluate import evaluate
from commands.exchange import export, import_
from commands.fit_encoder import fit_encoder
from commands.info import info
from commands.options import Toolkit
from commands.phrases import phrases
from commands.plot import plot
from commands.train import train
from commands.vectors import index, prune
from commands.words import analogy, neighbors, similarity


@click.group(
    cls=Toolkit,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  w2v train corpus.txt --output my.model
  w2v neighbors my.model river
  w2v analogy my.model man king woman
`w2v COMMAND --help` explains a command and shows examples of it.""",
)
@click.version_option(package_name="w2v-toolkit", prog_name="w2v")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train word vectors from text, and query, evaluate, exchange and compare them."""


for _command in (
    train, neighbors, analogy, similarity, info, download, evaluate, phrases, compare, plot, export, import_, index,
    prune, fit_encoder, encode, similar, attention,
):  # fmt: skip
    main.add_command(_command)


if __name__ == "__main__":
    main()
