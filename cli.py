"""The `w2v` command; what its subcommands do is in `commands`, one module a topic."""

from __future__ import annotations

import click

from commands.compare import compare
from commands.completion import completion
from commands.download import download
from commands.encode import attention, encode, similar
from commands.evaluate import evaluate
from commands.exchange import export, import_
from commands.explore import explore
from commands.fit_encoder import fit_encoder
from commands.info import info
from commands.mining import cluster, duplicates
from commands.phrases import phrases
from commands.plot import plot
from commands.report import report
from commands.search import index, search
from commands.toolkit import Toolkit
from commands.train import train
from commands.vectors import prune
from commands.words import analogy, neighbors, similarity


@click.group(
    cls=Toolkit,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  w2v train corpus.txt --output my.model
  w2v neighbors my.model river
  w2v analogy my.model man king woman
`w2v COMMAND --help` explains a command and shows examples of it.

\b
Exit codes: 0 done, 1 something is wrong with a file or a value, 2 with the command line itself,
130 interrupted by Ctrl-C, 143 by SIGTERM; training saves what it has before it ends so.

\b
Environment: W2V_CONFIG names a file for --config, W2V_WORKERS the threads to use, W2V_CACHE_DIR
where compiled kernels and drawn maps are kept; NO_COLOR is respected.""",
)
@click.version_option(package_name="w2v-toolkit", prog_name="w2v")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train word vectors from text, make sentence vectors of them; ask, search, explore, evaluate and exchange them."""


main.add_section("Train", train, fit_encoder, phrases, download)
main.add_section("Ask about words", neighbors, analogy, similarity)
main.add_section("Ask about sentences", encode, similar, index, search, duplicates, cluster, attention)
main.add_section("Judge and look", info, evaluate, compare, report, plot, explore)
main.add_section("Exchange and store", export, import_, prune)
main.add_section("This shell", completion)


if __name__ == "__main__":
    main()
