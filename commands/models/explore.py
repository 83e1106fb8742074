"""`w2v explore`: a model in the browser."""

from __future__ import annotations

import threading
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from w2v.commands.shared.option_names import refuse_given
from w2v.commands.shared.options import file_option, model_argument, number_option, progress_option
from w2v.commands.shared.output import say, show_work
from w2v.commands.shared.parameters import DescribedOption
from w2v.display.wording import printable
from w2v.settings.environment import cache_folder

if TYPE_CHECKING:
    from w2v.explorer.layout import Layout


@click.command(
    epilog="""\b
Examples:
  w2v explore my.model
  w2v explore my.encoder --port 8000 --no-browser
  w2v explore my.model --points 30000
  w2v explore my.index
  w2v explore my.index --metadata talks.csv --color speaker
  w2v explore my.translator
  w2v explore my.lm
  w2v explore my.classifier""",
)
@model_argument
@click.option(
    "--points",
    type=click.IntRange(1, 300_000),
    default=100_000,
    show_default=True,
    metavar="N",
    help="Show the N most frequent words on the map; the search finds all words.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Address to listen on; any other than the default gives your network access without a password.",
)
@number_option("--port", least=0, most=65535, unset="8642, or a free one if that is in use", help="Port to listen on.")
@file_option("--metadata", help="For an index: .csv or .jsonl table with a row per sentence, to filter and colour by.")
@click.option(
    "--color",
    metavar="COLUMN",
    cls=DescribedOption,
    unset="colours of regions",
    help="For an index: column to colour by at first.",
)
@click.option("--no-browser", is_flag=True, help="Print the address, but open no browser.")
@click.option("--no-cache", is_flag=True, help="Compute the map again, and do not store it.")
@progress_option
def explore(
    model: Path,
    points: int,
    host: str,
    port: int | None,
    metadata: Path | None,
    color: str | None,
    no_browser: bool,
    no_cache: bool,
) -> None:
    """Explore MODEL in the browser: word vectors, encoders, sentence indexes, and models of texts or pictures.

    For word vectors and encoders, the page has a map of the words, nearest words as you type, analogies, and a
    comparison of two sentences with their attention.

    For an index, it has a map of the sentences: named regions, search by meaning, filters by metadata, and selections
    that you can save.

    For a translator, it shows the probability of each piece, its alternatives and the cross-attention. A language model
    shows the same while it writes, and what surprises it in a text. Classifiers and taggers show what a label depends
    on, and their mistakes on held-out data.

    The page is served from this machine only and loads nothing from the internet. Ctrl-C ends it. Finished maps are
    stored in the cache folder (W2V_CACHE_DIR) and open at once the next time.

    Needs the extra `explore`.
    """
    from w2v.explorer.explored import ExploredModel
    from w2v.explorer.opening import map_of, open_explored
    from w2v.explorer.server import address_of, is_loopback, listen, require_server, serve

    require_server()
    cache = None if no_cache else cache_folder() / "maps"
    explored = open_explored(model, n_words=points, cache=cache, metadata=metadata, color=color)
    if not isinstance(explored, ExploredModel):
        refuse_given(("points",), f"is for word vectors and encoders, and {model} is neither")
    listening = listen(host, port)
    address = address_of(listening)

    def tell() -> None:
        click.echo(printable(f"Exploring {model} at {address}"))
        say("Ctrl-C ends it.")
        if not is_loopback(listening):
            say("Everybody who can reach this machine can see the model; there is no password.")
        if not no_browser:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    with ExitStack() as shown:
        shown_map = map_of(explored)
        if shown_map is not None:
            progress = shown.enter_context(show_work("arranging the map"))

            def tell_map(layout: Layout) -> None:
                if progress is not None:
                    progress("arranging the map", round(100 * layout.progress), 100)
                if layout.stage == "final":
                    shown.close()

            shown_map.told = tell_map
        serve(explored, listening, started=tell)
