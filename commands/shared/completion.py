"""`w2v completion`, and the completion of words of a model."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

_OFFERED = 50


@click.command(
    epilog="""\b
Examples:
  w2v completion bash > ~/.local/share/bash-completion/completions/w2v
  w2v completion zsh > "${fpath[1]}/_w2v"
  w2v completion fish > ~/.config/fish/completions/w2v.fish
  eval "$(w2v completion bash)"        only in this shell

\b
Commands, options, their values and the words of a model are completed:
  w2v neighbors my.model photos<TAB>""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and words."""
    found = get_completion_class(shell)
    assert found is not None, f"click completes for {shell}"
    root = click.get_current_context().find_root().command
    click.echo(found(root, {}, "w2v", "_W2V_COMPLETE").source())


def complete_words(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the most frequent words of the model that begin with the typed letters; none if no model can be opened."""
    from w2v.vectors.embeddings import Embeddings

    folder = context.params.get("model")
    if folder is None:
        return []
    try:
        words = Embeddings.load(Path(folder)).index_to_key
    except (ValueError, OSError):
        return []
    fitting = (word for word in words if word.startswith(incomplete) and word.isprintable() and " " not in word)
    return [CompletionItem(word) for word in islice(fitting, _OFFERED)]
