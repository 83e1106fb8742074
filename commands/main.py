"""The `w2v` command; its subcommands are in `commands`, one module per topic."""

from __future__ import annotations

import click

from w2v.commands.shared.long_help import add_help_all
from w2v.commands.shared.toolkit import Toolkit


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
Exit codes: 0 success; 1 error in a file or a value; 2 error in the command line;
130 interrupted by Ctrl-C, 143 by SIGTERM (training saves its progress first);
141 the reader of the output, such as `head`, closed it.

\b
Environment: W2V_CONFIG and W2V_PROGRESS set --config and --progress; W2V_WORKERS sets the number of threads;
W2V_CACHE_DIR is the folder for compiled kernels and drawn maps; NO_COLOR is respected.""",
)
@click.version_option(package_name="w2v-toolkit", prog_name="w2v")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Train word vectors and sentence encoders on text; then query, explore and exchange them."""


add_help_all(main)
main.add_section(
    "Train",
    {
        "train": "w2v.commands.words.train:train",
        "align": "w2v.commands.words.aligning:align",
        "fit-encoder": "w2v.commands.sentences.fit_encoder:fit_encoder",
        "distill": "w2v.commands.sentences.distilling:distill",
        "fit-translator": "w2v.commands.text.translating:fit_translator",
        "fit-lm": "w2v.commands.text.writing:fit_lm",
        "fit-images": "w2v.commands.images.fitting:fit_images",
        "fit-classifier": "w2v.commands.labels.classifying:fit_classifier",
        "fit-tagger": "w2v.commands.labels.tagging:fit_tagger",
        "phrases": "w2v.commands.words.phrases:phrases",
        "download": "w2v.commands.models.download:download",
    },
)
main.add_section(
    "Query words",
    {
        "neighbors": "w2v.commands.words.queries:neighbors",
        "analogy": "w2v.commands.words.queries:analogy",
        "similarity": "w2v.commands.words.queries:similarity",
    },
)
main.add_section(
    "Work with sentences",
    {
        "encode": "w2v.commands.sentences.encode:encode",
        "similar": "w2v.commands.sentences.encode:similar",
        "index": "w2v.commands.sentences.indexing:index",
        "search": "w2v.commands.sentences.search:search",
        "edit-index": "w2v.commands.sentences.editing:edit_index",
        "merge-index": "w2v.commands.sentences.editing:merge_index",
        "duplicates": "w2v.commands.sentences.mining:duplicates",
        "cluster": "w2v.commands.sentences.mining:cluster",
        "topics": "w2v.commands.sentences.topics:topics",
        "pivots": "w2v.commands.sentences.pairs:pivots",
        "mine": "w2v.commands.sentences.pairs:mine",
        "attention": "w2v.commands.sentences.attending:attention",
    },
)
main.add_section(
    "Translate and write",
    {
        "translate": "w2v.commands.text.translating:translate",
        "write": "w2v.commands.text.writing:write",
        "score": "w2v.commands.text.writing:score",
    },
)
main.add_section(
    "Label",
    {
        "label-images": "w2v.commands.images.labelling:label_images",
        "classify": "w2v.commands.labels.classifying:classify",
        "tag": "w2v.commands.labels.tagging:tag",
    },
)
main.add_section(
    "Evaluate and visualise",
    {
        "info": "w2v.commands.models.info:info",
        "evaluate": "w2v.commands.models.evaluate:evaluate",
        "compare": "w2v.commands.words.compare:compare",
        "report": "w2v.commands.models.report:report",
        "plot": "w2v.commands.models.plot:plot",
        "explore": "w2v.commands.models.explore:explore",
    },
)
main.add_section(
    "Exchange and store",
    {
        "export": "w2v.commands.models.exchange:export",
        "import": "w2v.commands.models.exchange:import_",
        "push": "w2v.commands.models.push:push",
        "prune": "w2v.commands.words.vectors:prune",
    },
)
main.add_section("Shell", {"completion": "w2v.commands.shared.completion:completion"})
