"""`w2v push`: a model to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

import click

from w2v.commands.shared.options import json_option, model_argument, progress_option
from w2v.commands.shared.output import note, print_json, say, show_work


@click.command(
    epilog="""\b
Examples:
  w2v push my.encoder me/my-encoder
  w2v push my.model me/my-vectors --private
  w2v export my.encoder my-folder --format sentence-transformers && w2v push my-folder me/my-encoder""",
)
@model_argument
@click.argument("repository", metavar="OWNER/NAME")
@click.option("--private", is_flag=True, help="If the repository is new, make it private.")
@click.option("--revision", metavar="NAME", help="Branch to push to.")
@click.option("--message", metavar="TEXT", help="Commit message.")
@json_option
@progress_option
def push(model: Path, repository: str, private: bool, revision: str | None, message: str | None, as_json: bool) -> None:
    """Push MODEL, or a folder that `w2v export` wrote, to the Hugging Face Hub, and print the address of its page.

    The command uploads safetensors, JSON and text files and a README, without local paths and without examples of the
    training text. You need a token with write access: `hf auth login`, or HF_TOKEN.
    """
    from w2v.formats.publishing import push_folder

    with show_work(f"pushing {model.name}"):
        pushed = push_folder(model, repository, private=private, revision=revision, message=message, bars=False)
    if as_json:
        print_json(pushed._asdict())
        return
    click.echo(pushed.url)
    if pushed.left_out:
        say(f"Note: {', '.join(pushed.left_out)} stayed here: examples of what the model was trained on.")
    note(f"Others get it with: w2v import hub:{pushed.repository} --output {pushed.repository.partition('/')[2]}")
