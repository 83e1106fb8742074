"""Which kinds of models a report can show what of: what would have no effect is refused."""

from __future__ import annotations

from w2v.reports.assembling import Request

WORDS, ENCODER, TRANSLATOR, WRITER = "word vectors", "sentence encoders", "translators", "language models"
CLASSIFIER, TAGGER, IMAGES, TOPICS = "text classifiers", "taggers", "image classifiers", "topics"
"""Kinds of models, in the plural."""

_ONE = {
    WORDS: "these are word vectors",
    ENCODER: "this is a sentence encoder",
    TRANSLATOR: "this is a translator",
    WRITER: "this is a language model",
    CLASSIFIER: "this is a text classifier",
    TAGGER: "this is a tagger",
    IMAGES: "this is an image classifier",
    TOPICS: "these are topics",
}
_ASKED = {
    "analogies": ("analogies are", (WORDS,)),
    "word_pairs": ("word pairs are", (WORDS,)),
    "sts": ("scored pairs of sentences are", (WORDS, ENCODER)),
    "classify": ("labelled texts are", (WORDS, ENCODER, CLASSIFIER)),
    "word_order": ("sentences whose words are swapped are", (WORDS, ENCODER)),
    "pairs": ("pairs of texts are", (TRANSLATOR,)),
    "texts": ("texts are", (WRITER,)),
    "against": ("another model is", (WORDS, ENCODER, TRANSLATOR, WRITER)),
    "words": ("nearest words are", (WORDS, ENCODER)),
    "map_words": ("a map of words is", (WORDS, ENCODER)),
    "sentences": ("example sentences are", (WORDS, ENCODER, TRANSLATOR)),
}
"""For each field of `Evaluations` and `CardOptions` that not all kinds of models can use: what it is, and which can."""


def check_request(request: Request, kind: str) -> None:
    """Raise ValueError if something is requested that a model of a kind cannot show, or nothing to compare on."""
    for field, (what, kinds) in _ASKED.items():
        value = getattr(request.files if hasattr(request.files, field) else request.options, field)
        if kind not in kinds and value not in (None, (), []):
            raise ValueError(f"{what} for {_listed(kinds)}, but {_ONE[kind]}; {_instead(kind)}")
    files = request.files
    if files.against is not None and not (files.has_words or files.has_sentences or files.texts or files.pairs):
        raise ValueError("another model is compared on files, but there are none: give some to evaluate both on")


def _instead(kind: str) -> str:
    taken = [what.rpartition(" ")[0] for what, kinds in _ASKED.values() if kind in kinds]
    return f"a report takes {_listed(taken)}" if taken else "a report takes no files, words or other models"


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
