"""`w2v explore`: a model in the browser."""

from __future__ import annotations

import threading
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from w2v.commands.shared.options import file_option, model_argument, progress_option
from w2v.commands.shared.output import say, show_work
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
    help="Points on the map: the N most frequent words. All words can be searched for.",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="The address to listen on. Any but the default lets others in your network in, without a password.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    help="The port to listen on.  [default: 8642, or a free one where that is in use]",
)
@file_option(
    "--metadata", help="Of an index: columns to filter and colour by, a row for each sentence, in .csv or .jsonl."
)
@click.option("--color", metavar="COLUMN", help="Of an index: colour by a column at first.  [default: by regions]")
@click.option("--no-browser", is_flag=True, help="Print the address and open no browser.")
@click.option("--no-cache", is_flag=True, help="Make the map anew, and do not keep it.")
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
    """Explore MODEL in the browser: words, an index of sentences, or what was trained on texts or pictures.

    Of an index the page has a map of its sentences: regions with names, search by meaning, filters by metadata, and
    selections that can be saved.

    Of words the page has a map, nearest words as you type, analogies, and two sentences side by side with what their
    words attend to. A translator shows how probable each piece of a translation is, which others were, and what it
    looked at; a language model does so while it writes, and shows what surprises it in a text. A classifier shows what
    each word contributes to a label, a tagger what else a word might be, a classifier of pictures what it looks at; and
    all of them their mistakes on what was held out.

    The page is served by this machine to this machine, and loads nothing from elsewhere. Ctrl-C ends it. A finished
    map is kept in the cache folder (W2V_CACHE_DIR), so that it is there at once the next time.

    Needs the extra `explore`.
    """
    from w2v.explorer.opening import map_of, open_explored
    from w2v.explorer.server import address_of, is_loopback, listen, require_server, serve

    require_server()
    cache = None if no_cache else cache_folder() / "maps"
    explored = open_explored(model, n_words=points, cache=cache, metadata=metadata, color=color)
    listening = listen(host, port)
    address = address_of(listening)

    def tell() -> None:
        click.echo(printable(f"Exploring {model} at {address}"))
        say("Ctrl-C ends it.")
        if not is_loopback(listening):
            say("Everybody who can reach this machine can look at the model; there is no password.")
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
