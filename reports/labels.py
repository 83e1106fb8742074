"""Cards of text classifiers, image classifiers and taggers: their quality and their mistakes."""

from __future__ import annotations

import os
import shlex
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.display.wording import decimals, in_words, is_number, percent, shortened
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.images.classifier import ImageClassifier
from w2v.neural.tasks.images.folder import IMAGE_CLASSIFIERS
from w2v.neural.tasks.images.parameters import ImageParameters
from w2v.neural.tasks.labels.classification.folder import CLASSIFIERS
from w2v.neural.tasks.labels.classification.parameters import ClassifierParameters
from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier
from w2v.neural.tasks.labels.parameters import TaggerParameters
from w2v.neural.tasks.labels.tagging import Tagger
from w2v.neural.tasks.labels.tagging_folder import TAGGERS
from w2v.reports.assembling import Request, duration, make_card, name_of, size_on_disk
from w2v.reports.blocks import (
    Block,
    Bullets,
    Card,
    Curves,
    Matrix,
    Paragraph,
    Result,
    Section,
    Series,
    Table,
    Tiles,
)
from w2v.reports.history import pictures_of_labels, records, training_section
from w2v.reports.measures import Measured
from w2v.reports.requests import CLASSIFIER, IMAGES, TAGGER, check_request
from w2v.reports.settings import as_mapping
from w2v.reports.texts import figure_of, settings_of, usage

Model = TextClassifier | Tagger | ImageClassifier

OPENERS: dict[str, Callable[[str | os.PathLike[str]], Model]] = {
    CLASSIFIERS.name: TextClassifier.load,
    TAGGERS.name: Tagger.load,
    IMAGE_CLASSIFIERS.name: ImageClassifier.load,
}
"""The class that opens each kind of model folder."""

MOST_MISTAKES, MOST_TILES, MOST_LABELS = 30, 40, 24
"""Limits on mistakes listed, pictures shown, and labels of a confusion matrix."""
_MOST_CLASSES = 60
_LONGEST = 240
_BIAS = "It reproduces its training labels, with their gaps and biases; check it before you rely on it."
_WHITE = 255.0


class _Kind(NamedTuple):
    """How the cards of these kinds of models differ."""

    name: str
    title: str
    summary: str
    items: str  # what is classified
    figure: str  # the main measure of quality
    file: str
    commands: tuple[str, ...]
    python: str
    tags: tuple[str, tuple[str, ...]]
    defaults: Mapping[str, Any]
    limits: tuple[str, ...]


def card_of_labels(model: Model, request: Request) -> Card:
    """Return the card of a text classifier, an image classifier or a tagger.

    Raises
    ------
    CorpusError
        If a file for the evaluation cannot be used.
    ValueError
        If the request contains something that does not apply to such a model.
    """
    kind = _kind_of(model)
    check_request(request, kind.name)
    measured = Measured()
    if isinstance(model, TextClassifier) and request.files.classify:
        request.tell("classifying")
        _measure(model, request, measured)
    network, history = model.network_, records(model.history_)
    report = as_mapping(network.metadata.get("training", {}).get("report"))
    found, folder = report.get(kind.figure), name_of(request.folder, kind.file)
    if is_number(found) and not measured.results:
        measured.results.append(Result(kind.tags[0], f"held-out {kind.items}", kind.figure, float(found)))
    stack = getattr(network.config, "encoder", None)
    quoted = shlex.quote(folder)
    return make_card(
        kind.title,
        kind.summary,
        [
            *_facts(model, stack),
            (
                f"held-out {'F1' if kind.figure == 'f1' else kind.figure}",
                percent(float(found)) if is_number(found) else None,
            ),
            ("calibration error", _percent_or_none(report.get("calibration_error"))),
            ("training", duration(history)),
            ("size", size_on_disk(request.folder)),
        ],
        [
            usage(*(command.format(quoted) for command in kind.commands), python=kind.python.format(folder)),
            _classes_section(report, kind),
            _calibration_section(report, model),
            _mistakes_section(model, kind),
            training_section(history, "step", pictures_of_labels(history, kind.figure), _kept(model, kind)),
            measured.section(),
            settings_of(network, stack, dict(kind.defaults), [("training is complete", in_words(network.complete))]),
            Section("Limits", (Bullets((*kind.limits, _BIAS)),)),
        ],
        kind.tags,
        measured,
        request,
    )


def _kind_of(model: Model) -> _Kind:
    if isinstance(model, TextClassifier):
        one = bool(model.network_.config.one_of_many)
        return _Kind(
            CLASSIFIER,
            "Text classifier",
            f"Predicts which of {len(model.classes_):,} labels a text has{'' if one else ', any number of them'}, and "
            "how confident it is.",
            "texts", "accuracy", "my.classifier",
            ("classify {} texts.txt", "classify {} texts.txt --why", "explore {}"),
            'from w2v import TextClassifier\n\nmodel = TextClassifier.load({!r})\nmodel.predict(["A text."])\n'
            'model.explain_words("A text.")  # contributions of the words',
            ("text-classification", ("text-classification",)), vars(ClassifierParameters()),
            ("It is reliable only for texts like those of the training, but gives an answer for every text.",
             "It never predicts a label that the training data did not have."),
        )  # fmt: skip
    if isinstance(model, Tagger):
        spans = model.scheme_ is not None
        return _Kind(
            TAGGER,
            "Tagger",
            f"Tags {'spans of words' if spans else 'each word'} in a sentence: "
            f"{len(model.tags_):,} tags.",
            "sentences", "f1" if spans else "accuracy", "my.tagger",
            ("tag {} texts.txt", "explore {}"),
            'from w2v import Tagger\n\ntagger = Tagger.load({!r})\ntagger.tag(["A text."])\n'
            'tagger.explain(["A text."])  # with the probability of each label',
            ("token-classification", ("token-classification",)), vars(TaggerParameters()),
            ("Each sentence is tagged independently of the text around it.",
             "Texts that are tokenised differently from the training data are tagged worse."),
        )  # fmt: skip
    return _Kind(
        IMAGES,
        "Image classifier",
        f"Predicts which of {len(model.classes_):,} labels a picture has: a Vision Transformer, which reads a picture "
        "as patches.",
        "pictures", "accuracy", "my.images",
        ("label-images {} PICTURES", "explore {}"),
        'from w2v import ImageClassifier\n\nmodel = ImageClassifier.load({!r})\nmodel.predict("pictures")\n'
        'model.attention("pictures")  # what it looks at',
        ("image-classification", ("image-classification",)), vars(ImageParameters()),
        ("It is reliable only for pictures like those of the training, but gives an answer for every picture.",
         "Pictures of another size, background or colour are labelled worse."),
    )  # fmt: skip


def _facts(model: Model, stack: StackConfig | None) -> Iterator[tuple[str, str | None]]:
    """Yield the main facts about a model."""
    is_tagger = isinstance(model, Tagger)
    yield "tags" if is_tagger else "labels", f"{len(model.tags_ if is_tagger else model.classes_):,}"
    mixture = model.network_.metadata.get("mixture", [])
    if mixture:
        yield "together", ", ".join(f"{one['classifier']} ({one['weight']:.2f})" for one in mixture)
    elif stack is None:
        yield "architecture", "no layers"
    else:
        yield "architecture", stack.mixer
        yield "layers × heads × width", f"{stack.layers} × {stack.heads} × {stack.dim}"
    yield "parameters", f"{model.network_.parameters.n_parameters:,}"


def _classes_section(report: Mapping[str, Any], kind: _Kind) -> Section | None:
    """Return precision and recall of each label, and the confusion matrix; None if nothing was held out."""
    rows = [*_rows_by_class(report)][:_MOST_CLASSES]
    if not rows:
        return None
    blocks: list[Block] = [Table(("label", ">precision", ">recall", ">F1", ">number"), tuple(rows))]
    labels, counts = report.get("classes"), report.get("confusion")
    if isinstance(labels, list) and isinstance(counts, list):
        blocks += _confusions([str(label) for label in labels], counts)
    n = report.get("n_texts", report.get("sentences"))
    told = f"Results for {n:,} {kind.items}" if type(n) is int else f"Results for {kind.items}"
    return Section("How good it is", (Paragraph(f"{told} held out from training."), *blocks))


def _rows_by_class(report: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    labels = report.get("by_class")
    given = [as_mapping(one) for one in labels] if isinstance(labels, list) else []
    given += [{"label": name, **as_mapping(one)} for name, one in as_mapping(report.get("labels")).items()]
    for one in given:
        figures = (_percent_or_none(one.get(name)) or "-" for name in ("precision", "recall", "f1"))
        yield str(one.get("label")), *figures, in_words(one.get("texts", one.get("wanted")))


def _confusions(labels: Sequence[str], given: Sequence[Any]) -> list[Block]:
    """Return the confusion matrix, for many labels only of the most confused ones; empty without one."""
    try:
        counts = np.array(given, np.int64)
    except (OverflowError, TypeError, ValueError):
        return []
    if counts.shape != (len(labels), len(labels)) or not len(labels) or counts.min() < 0:
        return []
    wrong = counts - np.diag(np.diag(counts))
    kept = np.sort(np.argsort(-(wrong.sum(axis=0) + wrong.sum(axis=1)), kind="stable")[:MOST_LABELS])
    few = "" if len(kept) == len(labels) else f", the {len(kept)} labels with the most mistakes"
    matrix = Matrix(
        "confusion", f"Confusion matrix{few}", tuple(labels[k] for k in kept.tolist()),
        tuple(map(tuple, counts[np.ix_(kept, kept)].tolist())),
    )  # fmt: skip
    order = np.argsort(-wrong, axis=None, kind="stable")[:10]
    pairs = [divmod(int(place), len(labels)) for place in order if wrong.flat[place]]
    rows = tuple((labels[i], labels[j], f"{counts[i, j]:,}", percent(counts[i, j] / counts[i].sum())) for i, j in pairs)
    header = ("label", "predicted as", ">number", ">of the label")
    return [matrix, *([Table(header, rows, "The most frequent confusions", is_detail=True)] if rows else [])]


def _calibration_section(report: Mapping[str, Any], model: Model) -> Section | None:
    """Return the calibration: accuracy by confidence."""
    bins = [
        (float(one[1]), float(one[2]), int(one[0]))
        for one in report.get("reliability") or []
        if isinstance(one, (list, tuple)) and len(one) == 3 and all(map(is_number, one))
    ]
    if len(bins) < 2:
        return None
    points = tuple((100 * p, 100 * right) for p, right, _ in sorted(bins))
    low, high = points[0][0], points[-1][0]
    curves = Curves(
        "calibration", "Accuracy by confidence", "confidence, %", "correct, %",
        (Series("held out", points), Series("perfect calibration", ((low, low), (high, high)))),
    )  # fmt: skip
    text = f"On average, confidence and accuracy differ by {_percent_or_none(report.get('calibration_error'))}."
    if isinstance(model, TextClassifier):
        calibration = model.calibration_
        text += f" Its scores are divided by a temperature of {calibration.temperature:.3g}, fitted on held-out texts"
        before = figure_of(calibration.error_before, 3)
        text += f"; the error was {before} with temperature 1, and with one fitted on the other half " if before else ""
        text += f"{calibration.error:.3f}." if before and calibration.error is not None else "."
    rows = tuple((percent(p), percent(right), f"{n:,}") for p, right, n in sorted(bins))
    counted = Table((">confidence", ">correct", ">predictions"), rows, "Predictions per point", is_detail=True)
    return Section("Calibration", (curves, Paragraph(text), counted))


def _mistakes_section(model: Model, kind: _Kind) -> Section | None:
    """Return the mistakes on held-out data, the most confident first; None if no examples are stored."""
    examples = model.network_.examples
    if examples is None:
        return None
    text = f"{examples.n_wrong:,} of {examples.n:,} held-out {kind.items} were predicted wrongly"
    if not examples.mistakes:
        return Section("Mistakes", (Paragraph(f"{text}."),))
    shown = len(examples.mistakes[: MOST_TILES if isinstance(model, ImageClassifier) else MOST_MISTAKES])
    introduction = Paragraph(
        f"{text}; here are {shown:,}, the most confident first." if shown > 1 else f"{text}; the most confident one:"
    )
    if isinstance(model, ImageClassifier):
        return Section("Mistakes", (introduction, *_tiles(model)))
    rows = _tagging_row if isinstance(model, Tagger) else _text_row
    header = ("answer", "should be", ">how sure", "text")
    table = Table(header, tuple(rows(one) for one in examples.mistakes[:MOST_MISTAKES]))
    return Section("Mistakes", (introduction, table))


def _text_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    said, wanted = (", ".join(map(str, one[name])) or "(none)" for name in ("answer", "labels"))
    return said, wanted, percent(one["probability"]), shortened(one["text"], _LONGEST)


def _tagging_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the words of a sentence, and the tags of words that were tagged wrongly."""
    words, wanted, said = (list(map(str, one[name])) for name in ("words", "tags", "answer"))
    wrong = [(word, tag, own) for word, tag, own in zip(words, wanted, said, strict=False) if tag != own]
    told = (", ".join(f"{each[0]} {each[place]}" for each in wrong) for place in (2, 1))
    cells = (shortened(each, _LONGEST) for each in told)
    return *cells, percent(one["probability"]), shortened(" ".join(words), _LONGEST)


def _tiles(model: ImageClassifier) -> list[Block]:
    examples = model.network_.examples
    assert examples is not None
    top = float(model.network_.metadata["pixels"]["top"])
    tiles = tuple(
        (png(picture * (_WHITE / top)), f"{one['answer']}, not {one['label']}\n{percent(one['probability'])}")
        for picture, one in zip(model.examples_.pixels, examples.mistakes[:MOST_TILES], strict=False)
    )
    return [Tiles("mistakes", "Predicted and true labels", tiles)] if tiles else []


def png(pixels: NDArray[Any]) -> bytes:
    """Return pixels from 0 to 255, shape (H, W, C), as the content of a PNG file: grey, or in colour if C is 3."""
    height, width, channels = pixels.shape
    values = np.clip(np.rint(pixels[..., : 3 if channels == 3 else 1]), 0, _WHITE).astype(np.uint8)
    rows = np.concatenate([np.zeros((height, 1), np.uint8), values.reshape(height, -1)], axis=1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _measure(model: TextClassifier, request: Request, measured: Measured) -> None:
    """Evaluate on files of labelled texts; add the results to `measured`."""
    rows = []
    for path in request.files.classify:
        report = model.evaluate(path)
        majority = max((one.texts for one in report.by_class), default=0) / max(len(report), 1)
        figures = (percent(report.accuracy), percent(report.macro_f1), decimals(report.loss), percent(majority))
        rows.append((Path(path).name, f"{len(report):,}", *figures))
        measured.results.append(Result("text-classification", Path(path).stem, "accuracy", report.accuracy))
    header = ("texts with labels", ">number", ">accuracy", ">macro F1", ">loss, nats", ">most frequent label")
    measured.tables.append(Table(header, tuple(rows)))


def _kept(model: Model, kind: _Kind) -> str:
    """Return the criterion by which parameters were kept."""
    if isinstance(model, ImageClassifier):
        return "the lowest held-out loss"
    if model.network_.metadata.get("mixture"):
        return "the best of each member, with the mixture weights of the lowest held-out loss"
    layers = getattr(model.network_.config, "encoder", None)
    return "the end of training" if layers is None else f"the highest {kind.figure} on held-out data"


def _percent_or_none(value: object) -> str | None:
    return percent(float(value)) if is_number(value) else None
