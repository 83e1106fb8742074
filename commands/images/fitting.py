"""`w2v fit-images`: an image classifier from labelled pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

import click

from w2v.commands.shared.fitting import fit_options, train_network
from w2v.commands.shared.long_help import LongCommand
from w2v.neural.tasks.images.parameters import MAX_SIDE, ImageParameters

size_option = click.option(
    "--size", type=click.Tuple([click.IntRange(1, MAX_SIDE)] * 2), metavar="H W",
    help="Scale all pictures to this height and width, in training and prediction.",
)  # fmt: skip


@click.command(
    "fit-images",
    cls=LongCommand,
    first="output resume validation size patch architecture layers hidden-size epochs max-time workers seed",
    epilog="""\b
Examples:
  w2v fit-images digits --output digits.images --max-time 10s
  w2v fit-images mnist/train-images-idx3-ubyte.gz --output mnist.images --max-time 10m
  w2v fit-images flowers/ --size 64 64 --flip --cutout 16 --output flowers.images
  w2v fit-images photos.npz -v others.npz --output photos.images
  w2v fit-images --resume mnist.images""",
)
@click.argument("pictures", metavar="FILE|FOLDER...", nargs=-1)
@fit_options(
    "classifier", "Pictures for validation; by default, some of the training pictures. May be repeated.",
    ImageParameters,
    [one.name for one in fields(ImageParameters) if one.name != "image_shape"],
)  # fmt: skip
@size_option
def fit_images(
    pictures: tuple[str, ...],
    validation: tuple[str, ...],
    size: tuple[int, int] | None,
    **options: Any,
) -> None:
    """Train an image classifier: a Vision Transformer, which cuts pictures into patches.

    FOLDER has one folder of PNG or JPEG files per class, or IDX files like those of MNIST. FILE is an IDX file with its
    labels beside it, or an .npz archive of pictures and labels. `digits` are the pictures that come with scikit-learn.

    Training keeps the parameters that were best on held-out pictures. During training, the output holds the best of the
    last checkpoint. Ctrl-C and SIGTERM save once more. `--resume DIR` continues and ends with exactly the same model.
    """
    from w2v.neural.tasks.images.classifier import ImageClassifier

    def begin(classifier: ImageClassifier) -> Callable[..., object]:
        return partial(classifier.fit, list(pictures), validation=list(validation) or None, size=size)

    def facts(classifier: ImageClassifier) -> dict[str, Any]:
        return {"classes": len(classifier.classes_), "pictures": classifier.network_.metadata["pictures"]}

    train_network(ImageClassifier, pictures, "FILE|FOLDER", options, begin, facts)
