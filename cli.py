"""The `w2v` command; what its subcommands do is in `commands`, one module a topic."""

from __future__ import annotations

import click

from commands.toolkit import Toolkit


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
141 the reader of the output, such as `head`, closed it.

\b
Environment: W2V_CONFIG, W2V_PROGRESS stand for --config and --progress, W2V_WORKERS for threads, W2V_CACHE_DIR
where compiled kernels and drawn maps are kept; NO_COLOR is respected.""",
)
@click.version_option(package_name="w2v-toolkit", prog_name="w2v")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train word vectors from text, make sentence vectors of them; ask, search, explore, evaluate and exchange them."""


main.add_section(
    "Train",
    {
        "train": "commands.train:train",
        "fit-encoder": "commands.fit_encoder:fit_encoder",
        "phrases": "commands.phrases:phrases",
        "download": "commands.download:download",
    },
)
main.add_section(
    "Ask about words",
    {
        "neighbors": "commands.words:neighbors",
        "analogy": "commands.words:analogy",
        "similarity": "commands.words:similarity",
    },
)
main.add_section(
    "Ask about sentences",
    {
        "encode": "commands.encode:encode",
        "similar": "commands.encode:similar",
        "index": "commands.search:index",
        "search": "commands.search:search",
        "duplicates": "commands.mining:duplicates",
        "cluster": "commands.mining:cluster",
        "attention": "commands.encode:attention",
    },
)
main.add_section(
    "Judge and look",
    {
        "info": "commands.info:info",
        "evaluate": "commands.evaluate:evaluate",
        "compare": "commands.compare:compare",
        "report": "commands.report:report",
        "plot": "commands.plot:plot",
        "explore": "commands.explore:explore",
    },
)
main.add_section(
    "Exchange and store",
    {
        "export": "commands.exchange:export",
        "import": "commands.exchange:import_",
        "prune": "commands.vectors:prune",
    },
)
main.add_section("This shell", {"completion": "commands.completion:completion"})


if __name__ == "__main__":
    from commands.entry import main as run

    run()
