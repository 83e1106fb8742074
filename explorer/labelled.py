"""A text classifier or tagger behind its page: predictions, probabilities and contributions of words."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from w2v.corpora.offsets import token_spans
from w2v.corpora.tokenizers import get_tokenizer
from w2v.explorer.explored import check_text
from w2v.explorer.texts import LONGEST_TEXT, MOST_LINES, Loaded, lines_of, rounded
from w2v.neural.tasks.folder import TextNetwork
from w2v.neural.tasks.labels.answers import TaggedText
from w2v.neural.tasks.labels.classification.folder import CLASSIFIERS
from w2v.neural.tasks.labels.classification.ngrams.linear import LinearConfig
from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier
from w2v.neural.tasks.labels.spans import OUTSIDE
from w2v.neural.tasks.labels.tagging import Tagger
from w2v.neural.tasks.labels.tagging_answers import labels_of
from w2v.neural.tasks.labels.tagging_folder import TAGGERS

LONGEST_LEFT_OUT = 1_000
"""Maximum number of characters of a text that is classified again without each of its words."""
MOST_LABELS = 12
"""Maximum number of labels shown for a text or a word."""


class ExploredClassifier(Loaded):
    """Answers the requests of a classifier's page."""

    questions = {"classify": ({"text": "text"}, {}), "examples": ({}, {})}  # noqa: RUF012

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._model = TextClassifier.load(path)
        self._is_exact = self._model.is_exact
        self._longest = LONGEST_TEXT if self._is_exact else LONGEST_LEFT_OUT

    def describe(self) -> dict[str, Any]:
        """Return the description of the classifier for the page."""
        network = self._model.network_
        mixture = network.metadata.get("mixture", [])
        if mixture:
            how = f"{len(mixture)} classifiers together"
        elif isinstance(network.config, LinearConfig):
            how = f"no layers, the {'sum' if network.config.is_sum else 'mean'} of its features"
        else:
            how = architecture_of(network)
        return {
            "name": self.path.resolve().name,
            "kind": "text classifier",
            "facts": f"{len(self._model.classes_):,} labels · {how}, {network.parameters.n_parameters:,} parameters",
            "isExact": self._is_exact,
            "oneOfMany": bool(network.config.one_of_many),
            "limits": {"text": self._longest},
        }

    def classify(self, text: str) -> dict[str, Any]:
        """Return the most probable labels of a text, and the contribution of each word to each label.

        Returns
        -------
        dict
            ``pieces``, the text cut at its words, each with the number of its ``word`` if it is one; ``labels``, each
            with ``label``, ``probability``, whether it is assigned (``said``), ``words``, their contributions to its
            log-odds, ``rest``, the part that belongs to no word, and ``against``, the label that it is compared with,
            or None for all others.

        Raises
        ------
        ValueError
            If the text is too long.
        """
        check_text(text, self._longest, "a text")
        [answer] = self._model.explain([text])
        found, p = self._model.explain_words(text), answer.probabilities
        order = np.argsort(-p, kind="stable").tolist()
        is_compared = found.is_exact and self._model.network_.config.one_of_many
        labels = []
        for k in order[:MOST_LABELS]:
            values, rest, against = found.values[:, k], found.rest[k], None
            if is_compared:
                rival = order[1] if k == order[0] else order[0]
                values, rest, against = values - found.values[:, rival], rest - found.rest[rival], rival
            labels.append({
                "label": str(answer.classes[k]),
                "probability": rounded(p[k]),
                "said": answer.classes[k] in answer.labels,
                "words": [rounded(value, 4) for value in values.tolist()],
                "rest": rounded(float(rest), 4),
                "against": None if against is None else str(answer.classes[against]),
            })  # fmt: skip
        return {"pieces": self._pieces(text, found.words), "labels": labels}

    def examples(self) -> dict[str, Any]:
        """Return predictions for held-out texts, mistakes first; ``held_out`` is None if none are stored."""

        def shown(one: dict[str, Any]) -> dict[str, Any]:
            names = {name: ", ".join(map(str, one[name])) for name in ("labels", "answer")}
            return {"text": one["text"], **names, "probability": rounded(one["probability"])}

        return described_examples(self._model.network_, shown)

    def _pieces(self, text: str, words: Sequence[str]) -> list[dict[str, Any]]:
        try:
            places = token_spans(text, get_tokenizer(self._model.tokenizer))
        except ValueError:  # the tokenizer changes the text
            places = []
        if len(places) == len(words):
            return cut(text, places)
        return [piece for i, word in enumerate(words) for piece in ({"piece": word, "word": i}, {"piece": " "})]


class ExploredTagger(Loaded):
    """Answers the requests of a tagger's page."""

    questions = {"tag": ({"text": "text"}, {}), "examples": ({}, {})}  # noqa: RUF012

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._tagger = Tagger.load(path)
        self._of_spans = self._tagger.scheme_ is not None

    def describe(self) -> dict[str, Any]:
        """Return the description of the tagger for the page."""
        network = self._tagger.network_
        labels = list(dict.fromkeys(labels_of(self._tagger.tags_, self._of_spans)))
        what = "labels of spans" if self._of_spans else "tags"
        return {
            "name": self.path.resolve().name,
            "kind": "tagger",
            "facts": f"{len(labels) - self._of_spans:,} {what} · {architecture_of(network)}, "
            f"{network.parameters.n_parameters:,} parameters",
            "labels": sorted(label for label in labels if not (self._of_spans and label == OUTSIDE)),
            "outside": OUTSIDE if self._of_spans else None,
            "limits": {"text": LONGEST_TEXT, "lines": MOST_LINES},
        }

    def tag(self, text: str) -> dict[str, Any]:
        """Return the tags of each line that is not blank.

        Returns
        -------
        dict
            ``lines``, each with ``pieces``, the line cut at its words, and ``words``, each with ``tag``, ``label``,
            ``probability`` and ``alternatives``.

        Raises
        ------
        ValueError
            If the text is too long or has too many lines, or if the tagger needs columns besides the text.
        """
        check_text(text, LONGEST_TEXT, "a text")
        found = self._tagger.explain(lines_of(text), workers=1)
        return {"lines": [{"pieces": cut(one.text, one.places), "words": self._words(one)} for one in found]}

    def examples(self) -> dict[str, Any]:
        """Return predictions for held-out sentences, mistakes first; ``held_out`` is None if none are stored."""

        def shown(one: dict[str, Any]) -> dict[str, Any]:
            words = [
                {"word": str(word), "wanted": str(wanted), "answer": str(answer)}
                for word, wanted, answer in zip(one["words"], one["tags"], one["answer"], strict=False)
            ]
            return {"words": words, "probability": rounded(one["probability"])}

        return described_examples(self._tagger.network_, shown)

    def _words(self, tagged: TaggedText) -> list[dict[str, Any]]:
        labels = labels_of(tagged.tags, self._of_spans)
        words = []
        for tag, label, probable in zip(tagged.tags, labels, tagged.probable or [], strict=True):
            alternatives = [{"label": other, "probability": rounded(p)} for other, p in probable[:MOST_LABELS]]
            words.append({
                "tag": tag, "label": label, "probability": rounded(dict(probable)[label]), "alternatives": alternatives
            })  # fmt: skip
        return words


OPENERS: dict[str, Callable[[str | os.PathLike[str]], Loaded]] = {
    CLASSIFIERS.name: ExploredClassifier,
    TAGGERS.name: ExploredTagger,
}
"""The class that opens each kind of model folder."""


def architecture_of(network: TextNetwork) -> str:
    """Return a description of the layers of an encoder."""
    stack = network.config.encoder
    return f"{stack.mixer}, {stack.layers} × {stack.dim}"


def described_examples(network: TextNetwork, shown: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Return the stored examples of a model in JSON types; `shown` converts one for the page."""
    examples = network.examples
    if examples is None:
        return {"heldOut": None, "wrong": 0, "examples": []}
    return {"heldOut": examples.n, "wrong": examples.n_wrong, "examples": [shown(one) for one in examples.kept]}


def cut(text: str, places: Sequence[tuple[int, int]]) -> list[dict[str, Any]]:
    """Return a text cut at its words: a list of pieces, in which words have their number."""
    pieces, end = list[dict[str, Any]](), 0
    for number, (start, stop) in enumerate(places):
        pieces += [{"piece": text[end:start]}] if end < start else []
        pieces.append({"piece": text[max(start, end) : stop], "word": number})
        end = max(end, stop)
    return pieces + ([{"piece": text[end:]}] if end < len(text) else [])
