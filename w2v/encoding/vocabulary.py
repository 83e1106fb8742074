"""The words of a model: their order, their counts, and the error for an unknown word."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.storage.files import ModelError

_NAMED = 10
"""Most unknown words that a message names."""


class UnknownWordError(KeyError):
    """A requested word is not in the vocabulary.

    Attributes
    ----------
    words : tuple of str
        The unknown word or words, as the caller wrote them.

    Notes
    -----
    `suggest` returns similar spellings of a word. It is called only when `suggestions` or the message is read, so
    ``try: embeddings[word] except KeyError`` stays cheap.
    """

    def __init__(self, words: str | Sequence[str], suggest: Callable[[str], Sequence[str]] | None = None) -> None:
        self.words: tuple[str, ...] = (words,) if isinstance(words, str) else tuple(words)
        super().__init__(*self.words)
        self._suggest = suggest
        self._suggestions: dict[str, list[str]] | None = None

    @property
    def suggestions(self) -> dict[str, list[str]]:
        """Similar spellings of each unknown word; words without any are left out."""
        if self._suggestions is None:
            found = {word: list(self._suggest(word)) for word in self.words} if self._suggest else {}
            self._suggestions = {word: near for word, near in found.items() if near}
        return self._suggestions

    def __str__(self) -> str:
        sentences = []
        for word in self.words[:_NAMED]:
            sentence = f"the word {word!r:.80} is not in the vocabulary"
            near = self.suggestions.get(word)
            if near:
                sentence += f"; did you mean {_join_or([f'{other!r:.80}' for other in near])}?"
            sentences.append(sentence)
        if len(self.words) > _NAMED:
            sentences.append(f"nor are {len(self.words) - _NAMED:,} others")
        return "\n".join(sentences)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the words and the suggestions found, not the model that found them."""
        return UnknownWordError, (self.words,), {"_suggestions": self.suggestions}


def _join_or(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " or " + items[-1]


class Vocabulary:
    """The words of a model in the order of its rows, usually by falling count. Immutable.

    Parameters
    ----------
    words : sequence of str, V of them
        Distinct words. Any text is allowed, also the empty string and white space.
    counts : ndarray of shape (V,), integer, optional
        How often each word occurs in the training corpus, >= 0; copied to int64. None if unknown, as in most files of
        other tools.

    Attributes
    ----------
    index_to_key : list of str
        Word of each row. Not to be modified.
    key_to_index : dict of str to int
        Row of each word. Not to be modified.
    counts : ndarray of shape (V,), int64, read-only, or None
        As given.

    Raises
    ------
    TypeError
        If `words` is a single str or holds anything but str, or `counts` is not of integers.
    ValueError
        If a word occurs twice or cannot be encoded in UTF-8, or `counts` has another length or a negative entry.
    """

    __slots__ = ("_origin", "_rows", "counts", "index_to_key")

    index_to_key: list[str]
    counts: NDArray[np.int64] | None
    _rows: dict[str, int] | None
    _origin: str | None

    def __init__(self, words: Sequence[str], counts: NDArray[np.integer[Any]] | None = None) -> None:
        if isinstance(words, (str, bytes)):
            raise TypeError("words must be a sequence of words, not one string")
        index_to_key = _plain_strings(words)
        self._set(index_to_key, counts, _rows=_index_words(index_to_key), _origin=None)

    @classmethod
    def read_from(cls, origin: str, words: list[str], counts: NDArray[np.integer[Any]] | None = None) -> Vocabulary:
        """Return a vocabulary of words decoded from UTF-8, which builds its index at the first lookup.

        `counts` has shape (V,). A model of 400,000 words then opens in a third of the time. A duplicate word is also
        found only at the first lookup: it raises a ModelError that names `origin`, the file.
        """
        vocabulary = cls.__new__(cls)
        vocabulary._set(words, counts, _rows=None, _origin=origin)
        return vocabulary

    def _set(self, words: list[str], counts: NDArray[np.integer[Any]] | None, **further: Any) -> None:
        checked = None if counts is None else _check_counts(counts, len(words))
        for name, value in {"index_to_key": words, "counts": checked, **further}.items():
            object.__setattr__(self, name, value)

    @property
    def key_to_index(self) -> dict[str, int]:
        """Row of each word. Not to be modified."""
        if self._rows is None:
            try:
                object.__setattr__(self, "_rows", _index_words(self.index_to_key))
            except ValueError as error:
                raise ModelError(f"{self._origin} is damaged: {error}") from error
        assert self._rows is not None
        return self._rows

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Vocabulary is immutable: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Vocabulary is immutable: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return Vocabulary, (self.index_to_key, self.counts)

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self.key_to_index

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words{'' if self.counts is None else ' with counts'})"


def _plain_strings(words: Sequence[str]) -> list[str]:
    """Return the words as a list of exactly str; instances of subclasses such as numpy.str_ are converted."""
    copied = list(words)
    if set(map(type, copied)) <= {str}:
        return copied
    for word in copied:
        if not isinstance(word, str):
            raise TypeError(f"every word must be a str, not {type(word).__name__}: {word!r:.80}")
    return [str(word) for word in copied]


def _index_words(words: list[str]) -> dict[str, int]:
    """Return the row of each word, after checking that words are distinct and can be encoded in UTF-8."""
    key_to_index = dict(zip(words, range(len(words)), strict=True))
    if len(key_to_index) != len(words):
        repeated = next(word for index, word in enumerate(words) if key_to_index[word] != index)
        raise ValueError(f"the word {repeated!r:.80} occurs more than once in the vocabulary")
    try:
        "".join(words).encode()
    except UnicodeEncodeError as error:
        wrong = next(word for word in words if any("\ud800" <= character <= "\udfff" for character in word))
        raise ValueError(
            f"the word {wrong!r:.80} contains half a surrogate pair and cannot be written as UTF-8"
        ) from error
    return key_to_index


def _check_counts(counts: NDArray[np.integer[Any]], n_words: int) -> NDArray[np.int64]:
    given = np.asarray(counts)
    if given.dtype.kind not in "iu" and given.size:
        raise TypeError(f"counts must be integers, not {given.dtype}")
    if given.shape != (n_words,):
        raise ValueError(f"counts must have shape ({n_words},), one count a word, not {given.shape}")
    copied = np.array(given, dtype=np.int64)
    if n_words and copied.min() < 0:
        raise ValueError(f"counts must not be negative: entry {int(copied.argmin())} is {copied.min()}")
    copied.setflags(write=False)
    return copied


def known_rows(words: Sequence[str], key_to_index: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the row of each word, -1 if unknown; shape (n,), int64."""
    return np.fromiter((key_to_index.get(word, -1) for word in words), np.int64, len(words))


def words_of_list(words: Sequence[str]) -> Callable[[NDArray[np.int64]], list[str]]:
    """Return a function from positions in a list, int64, to the words there."""
    return lambda places: [words[place] for place in places.tolist()]


def choose_words(
    words_of: Callable[[NDArray[np.int64]], list[str]],
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    min_count: int,
    max_vocab: int | None,
    known: Vocabulary | None = None,
) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Return the vocabulary of a text, and the row of each of its n entries.

    The vocabulary has the words that occur at least `min_count` times, at most `max_vocab` of them, by falling count
    and then first occurrence. Words of `known` all stay: see `grow_vocabulary`. `words_of` returns the words of given
    entries. `counts` and `first`, shape (n,), are the count and the first position of each entry. The rows have shape
    (n,), int32, -1 for a dropped entry.
    """
    if known is not None:
        return grow_vocabulary(known, words_of(np.arange(len(counts))), counts, first, min_count, max_vocab)
    frequent = np.flatnonzero(counts >= min_count)
    order = frequent[np.lexsort((first[frequent], -counts[frequent]))][:max_vocab]
    ids = np.full(len(counts), -1, np.int32)
    ids[order] = np.arange(len(order), dtype=np.int32)
    return Vocabulary(words_of(order), counts[order]), ids


def grow_vocabulary(
    known: Vocabulary,
    words: list[str],
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    min_count: int,
    max_vocab: int | None = None,
) -> tuple[Vocabulary, NDArray[np.int32]]:
    """Add the words of a new text to a vocabulary with counts, and keep all its words.

    Words that occur at least `min_count` times in the new text are added, up to a total of `max_vocab`. For `counts`,
    `first` and the returned rows see `choose_words`. Words are sorted by falling total count, then by the order of
    `known`, then by first occurrence. The counts of the result are those of the new text alone and may be 0.
    """
    assert known.counts is not None
    rows = known_rows(words, known.key_to_index)
    added = np.flatnonzero((rows < 0) & (counts >= min_count))
    room = None if max_vocab is None else max(0, max_vocab - len(known))
    added = added[np.lexsort((first[added], -counts[added]))][:room]
    found = np.flatnonzero(rows >= 0)
    rows[added] = np.arange(len(known), len(known) + len(added))
    here = np.zeros(len(known) + len(added), np.int64)
    here[rows[found]], here[rows[added]] = counts[found], counts[added]
    before = np.concatenate([known.counts, np.zeros(len(added), np.int64)])
    order = np.argsort(-(before + here), kind="stable")
    place = np.empty(len(order) + 1, np.int32)
    place[order], place[-1] = np.arange(len(order)), -1
    names = known.index_to_key + [words[entry] for entry in added.tolist()]
    return Vocabulary([names[row] for row in order.tolist()], here[order]), place[rows]


def keep_probabilities(counts: NDArray[np.int64], sample: float) -> NDArray[np.float32]:
    """Return the probability, shape (V,), that subsampling keeps a token of each word.

    It is min(1, sqrt(t / f) + t / f), where f is the word's fraction of all tokens by `counts`, shape (V,), and t =
    `sample`; a sample of 0 keeps all tokens. word2vec.c and gensim do the same; the paper's formula (arXiv:1310.4546,
    equation 5) lacks the second term. The values for words of count 0 do not matter.
    """
    if sample == 0:
        return np.ones(len(counts), np.float32)
    ratio = sample * counts.sum() / np.maximum(counts, 1)
    keep: NDArray[np.float32] = np.minimum(1, np.sqrt(ratio) + ratio).astype(np.float32)
    return keep


def noise_distribution(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.float64]:
    """Return the probability, shape (V,), of drawing each word as noise: in proportion to count ** ns_exponent.

    A word of count 0 is never drawn, whatever the exponent. At least one count must be above 0. The exponent is 0.75 in
    the paper (arXiv:1310.4546, section 2.2).
    """
    logarithms = np.where(counts > 0, ns_exponent * np.log(np.maximum(counts, 1)), -np.inf)
    weights: NDArray[np.float64] = np.exp(logarithms - logarithms.max())
    weights /= weights.sum()
    return weights
