"""The card of a model: what it is, what it knows, how good it is, and how it was made."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.display.wording import is_number
from w2v.reports.assembling import (
    CardOptions,
    PathLike,
    Request,
    Tell,
    duration,
    make_card,
    name_of,
    shell,
    size_on_disk,
)
from w2v.reports.blocks import Card, Code, Paragraph, Section, Table
from w2v.reports.examples import examples_section
from w2v.reports.history import records, training_section
from w2v.reports.landscape import N_WORDS, Group, draw_map, find_groups
from w2v.reports.measures import Evaluations, Measured, measure_sentences, measure_words
from w2v.reports.requests import ENCODER, WORDS, check_request
from w2v.reports.settings import as_mapping, limits_of_encoder, limits_of_words, settings_section
from w2v.vectors.embeddings import Embeddings
from w2v.vectors.model_folder import read_kind
from w2v.vectors.persistence import KIND

if TYPE_CHECKING:
    from w2v.encoder.model.state import EncoderState
    from w2v.encoder.retrieval.topics.topics import Topics
    from w2v.encoder.sentence_encoder import SentenceEncoder
    from w2v.neural.tasks.images.classifier import ImageClassifier
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier
    from w2v.neural.tasks.labels.tagging import Tagger
    from w2v.neural.tasks.text.language_model import LanguageModel
    from w2v.neural.tasks.text.translation import Translator

    Model = (
        Embeddings | SentenceEncoder | Translator | LanguageModel | TextClassifier | Tagger | ImageClassifier | Topics
    )

_NEIGHBORS, _FREQUENT = 8, 2000
_HOW = {
    "static": "weighted sums of word vectors",
    "attention": "self-attention over word vectors",
    "recurrent": "recurrent layers over word vectors",
    "convolution": "convolutions over word vectors",
}


def model_card(
    model: PathLike | Model,
    *,
    evaluations: Evaluations | None = None,
    options: CardOptions | None = None,
    tell: Tell = lambda step: None,
) -> Card:
    """Describe a model.

    Parameters
    ----------
    model : path-like, Embeddings, SentenceEncoder, Translator, LanguageModel, TextClassifier, Tagger, Topics etc.
        A model folder, or an opened model.
    evaluations : Evaluations, optional
        Files to evaluate it on.
    options : CardOptions, optional
    tell : callable, optional
        Called with a short description when a step begins.

    Returns
    -------
    Card
        For `save_report`.

    Raises
    ------
    ModelError
        If the folder cannot be opened.
    UnknownWordError
        If words to show are not in the vocabulary; the message names all of them.
    EvaluationError, CorpusError
        If a file to evaluate on cannot be used.
    ModuleNotFoundError
        If sacrebleu is needed to evaluate translations, but missing.
    ValueError
        If an option is out of range or does not apply to this kind of model, such as analogies for an encoder.
    """
    folder = Path(model) if isinstance(model, (str, os.PathLike)) else None
    opened = _open(model) if isinstance(model, (str, os.PathLike)) else model
    request = Request(folder, evaluations or Evaluations(), options or CardOptions(), tell)
    if isinstance(opened, Embeddings):
        return _card_of_words(opened, request)
    from w2v.encoder.sentence_encoder import SentenceEncoder

    if isinstance(opened, SentenceEncoder):
        return _card_of_encoder(opened, request)
    from w2v.encoder.retrieval.topics.topics import Topics
    from w2v.neural.tasks.text.language_model import LanguageModel
    from w2v.neural.tasks.text.translation import Translator
    from w2v.reports.labels import card_of_labels
    from w2v.reports.texts import card_of_text
    from w2v.reports.topics.cards import card_of_topics

    if isinstance(opened, (Translator, LanguageModel)):
        return card_of_text(opened, request)
    if isinstance(opened, Topics):
        return card_of_topics(opened, None, request)
    return card_of_labels(opened, request)


def _open(folder: PathLike) -> Model:
    """Open a model folder."""
    kind = read_kind(folder)
    if kind == KIND:
        return Embeddings.load(folder)
    from w2v.reports import labels, texts
    from w2v.reports.topics import cards

    if kind in texts.OPENERS:
        return texts.OPENERS[kind](folder)
    if kind in labels.OPENERS:
        return labels.OPENERS[kind](folder)
    if kind in cards.OPENERS:
        return cards.OPENERS[kind](folder)
    from w2v.encoder.sentence_encoder import SentenceEncoder

    return SentenceEncoder.load(folder)


def _card_of_words(embeddings: Embeddings, request: Request) -> Card:
    """Return the card of word vectors."""
    folder, files = request.folder, request.files
    metadata = embeddings.metadata
    check_request(request, WORDS)
    measured = Measured()
    if files.has_words or files.has_sentences:
        request.tell("evaluating")
    measure_words(embeddings, files, measured)
    if files.has_sentences:
        measure_sentences(_encoder_of(embeddings), files, measured, words=embeddings)
    groups = _find_groups(embeddings, request)
    name, example = shlex.quote(name_of(folder, "my.model")), _example([*request.options.words, *_telling(groups)])
    commands = shell(f"neighbors {name} {example}", f'similar {name} "a sentence" sentences.txt')
    python = f"""from w2v import Embeddings

embeddings = Embeddings.load({name_of(folder, "my.model")!r})
embeddings.neighbors({example!r})
embeddings.to_gensim()  # as gensim's KeyedVectors"""
    history = records(metadata.get("history"))
    words_of_text = as_mapping(metadata.get("corpus")).get("words")
    algorithm = {"skipgram": " by skip-gram", "cbow": " by CBOW"}.get(
        str(as_mapping(metadata.get("parameters")).get("algorithm")), ""
    )
    return make_card(
        "Word vectors",
        f"{len(embeddings):,} word vectors with {embeddings.vector_size} dimensions{algorithm}: "
        "words that are used in similar ways are near each other.",
        [
            ("words", f"{len(embeddings):,}"),
            ("columns", f"{embeddings.vector_size:,}"),
            ("words of text", f"{words_of_text:,}" if is_number(words_of_text) else None),
            ("epochs", f"{len(history):,}" if history else None),
            ("training", duration(history)),
            ("size", size_on_disk(folder)),
        ],
        [
            Section("How to use it", (commands, Code(python, "python"))),
            *_word_sections(embeddings, groups, request),
            _examples_section(lambda: _encoder_of(embeddings), request),
            training_section(history, "epoch"),
            measured.section(),
            settings_section(metadata, embeddings),
            limits_of_words(embeddings),
        ],
        ("feature-extraction", ("word2vec", "word-embeddings")),
        measured,
        request,
    )


def _card_of_encoder(encoder: SentenceEncoder, request: Request) -> Card:
    """Return the card of an encoder."""
    folder, files = request.folder, request.files
    check_request(request, ENCODER)
    state = encoder.state
    measured = Measured()
    if files.has_sentences:
        request.tell("evaluating")
    measure_sentences(encoder, files, measured)
    rows = Embeddings(state.vocabulary, state.table, tokenizer=state.tokenizer)
    groups = _find_groups(rows, request)
    name, network = shlex.quote(name_of(folder, "my.encoder")), state.network
    encode = f"encode {name} sentences.txt --output vectors.npy"
    commands = shell(encode, f'similar {name} "a sentence" sentences.txt')
    python = f"""from w2v.encoder import SentenceEncoder

encoder = SentenceEncoder.load({name_of(folder, "my.encoder")!r})
vectors = encoder.encode(["A sentence.", "Another one."])
vectors @ vectors.T  # cosines"""
    history = records(state.metadata.get("history"))
    how = _HOW[state.architecture]
    note = "Words as the encoder reads them, before they are combined into a sentence."
    return make_card(
        "Sentence encoder",
        f"Sentence vectors with {encoder.dimension} dimensions, computed by {how}: their cosines measure similarity.",
        [
            ("columns", f"{encoder.dimension:,}"),
            ("words", f"{len(state.vocabulary):,}"),
            ("architecture", state.architecture),
            ("layers × heads", None if network is None else f"{network.layers} × {network.heads}"),
            ("training", duration(history)),
            ("size", size_on_disk(folder)),
        ],
        [
            Section("How to use it", (commands, Code(python, "python"))),
            _examples_section(lambda: encoder, request),
            *_word_sections(rows, groups, request, note=note),
            _weights_section(state),
            training_section(history, "step"),
            measured.section(),
            settings_section(state.metadata, rows),
            limits_of_encoder(state),
        ],
        ("sentence-similarity", ("sentence-embeddings", "feature-extraction")),
        measured,
        request,
    )


def _find_groups(embeddings: Embeddings, request: Request) -> list[Group]:
    """Return the topics if the map or the examples need them."""
    n_words = _map_words(request)
    if not n_words and request.options.words:
        return []
    request.tell("finding topics")
    return find_groups(embeddings, n_words=n_words or N_WORDS)


def _map_words(request: Request) -> int:
    """Return the number of words on the map."""
    return N_WORDS if request.options.map_words is None else request.options.map_words


def _telling(groups: Sequence[Group]) -> list[str]:
    """Return the word nearest to the centre of each topic."""
    return [group.telling[0] for group in groups]


def _word_sections(embeddings: Embeddings, groups: list[Group], request: Request, *, note: str = "") -> list[Section]:
    """Return the sections on nearest words and the map."""
    words = list(request.options.words) or _telling(groups)
    sections = []
    if words:
        request.tell("looking for the nearest words")
        found = embeddings.neighbors_batch(words, top_n=_NEIGHBORS)
        rows = tuple(
            (word, ", ".join(other for other, _ in near), f"{near[0][1]:.2f}" if near else "-")
            for word, near in zip(words, found, strict=True)
        )
        table = Table(("word", "nearest words", ">cosine of the first"), rows)
        sections.append(Section("Nearest words", (Paragraph(note), table) if note else (table,)))
    if _map_words(request) and groups:
        request.tell("drawing the map")
        word_map = draw_map(embeddings, groups)
        if word_map is not None:
            sections.append(Section("Map", (word_map,)))
    return sections


def _encoder_of(embeddings: Embeddings) -> SentenceEncoder:
    """Return the untrained encoder of word vectors."""
    from w2v.encoder.sentence_encoder import SentenceEncoder

    return SentenceEncoder(embeddings)


def _examples_section(encoder: Callable[[], SentenceEncoder], request: Request) -> Section | None:
    """Return sentences with their nearest sentences, if there is a file of sentences."""
    if request.options.sentences is None:
        return None
    request.tell("looking for the nearest sentences")
    return examples_section(encoder(), request.options.sentences)


def _weights_section(state: EncoderState) -> Section | None:
    """Return the frequent words with the largest and smallest weights."""
    weights, words = state.gains[:_FREQUENT], state.vocabulary.index_to_key
    if len(weights) < 2 * _NEIGHBORS or np.ptp(weights) == 0:
        return None
    order = np.argsort(weights, kind="stable").tolist()
    rows = tuple(
        (name, ", ".join(words[row] for row in chosen), f"{weights[chosen].mean():.3g}")
        for name, chosen in (("most", order[::-1][:_NEIGHBORS]), ("least", order[:_NEIGHBORS]))
    )
    text = f"The largest and smallest word weights in sentence vectors, among the {len(weights):,} most frequent words."
    return Section("Weights", (Paragraph(text), Table(("count", "words", ">mean weight"), rows)))


def _example(words: Sequence[str]) -> str:
    """Return an example word that needs no quotes, in a shell or in Python."""
    return next((word for word in words if word.isascii() and word.isalpha()), "WORD")
