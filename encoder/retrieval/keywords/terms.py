"""The words of texts, and pairs of words, counted once and then usable for any grouping of the texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from w2v.corpora.tokenizers import Tokenizer, WordsTokenizer
from w2v.encoder.model.lookup import WordLookup
from w2v.encoder.model.state import EncoderState
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.sentence_index import SentenceIndex
from w2v.encoder.retrieval.keywords.stop_words import OWN, StopWords, listed_stop_words, own_stop_words
from w2v.encoder.retrieval.keywords.weights import class_tfidf, mutual_information
from w2v.encoding.stream import EmptyVocabularyError, WorkFolder, encode_corpus

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_BLOCK_TEXTS = 1 << 13
_MEMORY = 1 << 26
_LEAST_TEXTS = 3  # of a group that must contain a word for it to be a keyword; a tenth of small groups
_ONCE_IN = 64  # words of a text; see `Terms.matrix`
_LEAST_PAIRS = 5  # occurrences of a pair of words
_TIED = 0.3  # least normalised pointwise mutual information of a pair


class Keyword(NamedTuple):
    """A word, or a pair of words, that distinguishes a group of texts from the others.

    Attributes
    ----------
    word : str
        A pair of words is separated by a space.
    weight : float
        Class-based TF-IDF.
    """

    word: str
    weight: float


class Terms:
    """The words of S texts, counted once; `keywords` finds the keywords of any grouping of the texts.

    Parameters
    ----------
    names : sequence of str
        The V words.
    ids : ndarray of shape (N,), int32
        Words of all texts, concatenated.
    offsets : ndarray of shape (S + 1,), int64
        Text s consists of the words ids[offsets[s]:offsets[s + 1]]; it may be empty.
    n_single : int, optional
        Number of names that are single words, all by default; the rest are pairs.

    Examples
    --------
    >>> from w2v.encoder.retrieval import Terms
    >>> terms = Terms.of(["a ship at sea", "the ship sails", "bread and butter", "butter the bread"])
    >>> [words[0].word for words in terms.keywords([0, 0, 1, 1])]
    ['ship', 'bread']
    """

    def __init__(
        self, names: Sequence[str], ids: NDArray[np.int32], offsets: NDArray[np.int64], n_single: int | None = None
    ) -> None:
        self.names, self.ids, self.offsets = list(names), ids, offsets
        self.n_single = len(self.names) if n_single is None else n_single
        self._matrix: csr_array | None = None

    @classmethod
    def of(
        cls,
        texts: SentenceIndex | Sequence[str],
        *,
        tokenizer: Tokenizer | None = None,
        progress: Progress | None = None,
    ) -> Terms:
        """Count the words of texts.

        Parameters
        ----------
        texts : SentenceIndex or sequence of str
        tokenizer : Tokenizer, optional
            By default the tokenizer of the index's encoder, if it splits texts into whole words, else `WordsTokenizer`.
        progress : callable, optional
            See `Progress`; "naming".

        Notes
        -----
        Memory is about 12 bytes per word of text.
        """
        return _scan(texts, tokenizer or word_tokenizer(texts), progress)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"Terms({len(self.names):,} words of {len(self):,} texts)"

    @property
    def matrix(self) -> csr_array:
        """How often each word counts in each text, shape (S, V), int32: at most once per 64 words of the text.

        A word repeated in a news item says little more about its topic; one repeated in a chapter does.
        """
        if self._matrix is None:
            from scipy.sparse import csr_array

            shape, ones = (len(self), len(self.names)), np.ones(len(self.ids), np.int32)
            self._matrix = csr_array((ones, self.ids.copy(), self.offsets.copy()), shape=shape)
            self._matrix.sum_duplicates()
            most = np.repeat(-(-np.diff(self.offsets) // _ONCE_IN), np.diff(self._matrix.indptr))
            self._matrix.data = np.minimum(self._matrix.data, most).astype(np.int32)
        return self._matrix

    def stop_words(self, labels: ArrayLike | None = None, stop_words: StopWords = OWN) -> list[str]:
        """Return the stop words among these words.

        Parameters
        ----------
        labels : array-like of shape (S,), int, optional
            Groups of the texts, see `in_groups`: words that are frequent in all of them are stop words too. This works
            best with a hundred groups or fewer.
        stop_words : {"text", "english"}, collection of str or None, default "text"
            The words that are frequent everywhere in these texts, see `own_stop_words`; in addition, English stop words
            or the given ones; or no words, if None.

        Raises
        ------
        ValueError
            If `stop_words` is another string, or as for `in_groups`.
        """
        listed = listed_stop_words(self.names, stop_words)
        if stop_words is None:
            return []
        of_texts, n_groups = self._checked(np.zeros(len(self), np.int64) if labels is None else labels, None)
        of_texts = np.where(of_texts < 0, n_groups, of_texts)
        sizes = np.bincount(of_texts, minlength=n_groups + 1)
        counts = self.texts_in_groups(of_texts, n_groups + 1).tocsc()
        own = dict.fromkeys(self.names[word] for word in own_stop_words(self.ids, self.offsets, counts, sizes))
        return [*own, *(name for name in self.names if name in listed and name not in own)]

    def without(self, words: Iterable[str]) -> Terms:
        """Return the terms without the given words."""
        left_out = set(words)
        is_kept = np.array([name not in left_out for name in self.names], bool)
        number = np.cumsum(is_kept, dtype=np.int32) - 1
        kept = is_kept[self.ids]
        offsets = np.concatenate([[0], np.cumsum(kept)])[self.offsets]
        names = [name for name, stays in zip(self.names, is_kept.tolist(), strict=True) if stays]
        return Terms(names, number[self.ids[kept]], offsets)

    def with_bigrams(self) -> Terms:
        """Return the terms with pairs of adjacent words that occur together more often than by chance.

        A pair occurs at least five times and has a normalised pointwise mutual information [1]_ of at least 0.3.

        References
        ----------
        .. [1] Bouma 2009, Normalized (pointwise) mutual information in collocation extraction, GSCL.
        """
        n_words = len(self.names)
        text = np.repeat(np.arange(len(self)), np.diff(self.offsets))
        follows = text[1:] == text[:-1]
        pairs = (self.ids[:-1].astype(np.int64) * n_words + self.ids[1:])[follows]
        codes, number, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        is_kept = (counts >= _LEAST_PAIRS) & (mutual_information(codes, counts, self.ids, n_words) >= _TIED)
        new_ids = np.cumsum(is_kept) - 1 + n_words
        kept = is_kept[number]
        ids = np.concatenate([self.ids, new_ids[number[kept]]])
        texts = np.concatenate([text, text[1:][follows][kept]])
        order = np.argsort(texts, kind="stable")
        offsets = np.searchsorted(texts[order], np.arange(len(self) + 1))
        names = [f"{self.names[code // n_words]} {self.names[code % n_words]}" for code in codes[is_kept].tolist()]
        return Terms([*self.names, *names], ids[order].astype(np.int32), offsets, n_words)

    def in_groups(self, labels: ArrayLike, n_groups: int | None = None) -> csr_array:
        """Return how often each word counts in each group, shape (G, V), int64; see `matrix`.

        Parameters
        ----------
        labels : array-like of shape (S,), int
            The group of each text, from 0. Texts with negative labels are in no group.
        n_groups : int, optional
            By default one more than the largest label.

        Raises
        ------
        ValueError
            If there are not S labels, or one is not below `n_groups`.
        """
        return self._summed(self.matrix, labels, n_groups)

    def texts_in_groups(self, labels: ArrayLike, n_groups: int | None = None) -> csr_array:
        """Return the number of texts in each group that contain each word, shape (G, V), int64; see `in_groups`."""
        return self._summed(self.matrix > 0, labels, n_groups)

    def _summed(self, of_texts: csr_array, labels: ArrayLike, n_groups: int | None) -> csr_array:
        """Return the sums of the rows of each group, with sorted column indices."""
        from scipy.sparse import csr_array

        groups, n_groups = self._checked(labels, n_groups)
        texts = np.flatnonzero(groups >= 0)
        ones = np.ones(len(texts), np.int64)
        counts: csr_array = csr_array((ones, (groups[texts], texts)), shape=(n_groups, len(self))) @ of_texts
        counts.sort_indices()
        return counts

    def keywords(self, labels: ArrayLike, n_words: int = 10, n_groups: int | None = None) -> list[list[Keyword]]:
        """Return the keywords of each group, which distinguish it from the others, the best first.

        Words are weighted by `class_tfidf`; texts in no group form an additional group [1]_. A keyword must occur in at
        least three texts of the group, or a tenth of a small one, and in a larger fraction of the group than of all
        texts, unless there is only one group.

        Parameters
        ----------
        labels, n_groups
            See `in_groups`.
        n_words : int, default 10
            Maximum number of keywords per group.

        Returns
        -------
        list of G lists of Keyword

        Raises
        ------
        ValueError
            As for `in_groups`.

        References
        ----------
        .. [1] Grootendorst 2022, BERTopic, arXiv:2203.05794, section 3.3.
        """
        of_texts, n_groups = self._checked(labels, n_groups)
        of_texts = np.where(of_texts < 0, n_groups, of_texts)
        n_weighed = n_groups + 1 if (of_texts == n_groups).any() else n_groups
        weights = class_tfidf(self.in_groups(of_texts, n_weighed))
        counts = self.texts_in_groups(of_texts, n_groups + 1)  # the same words in the same order
        sizes = np.bincount(of_texts, minlength=n_groups + 1)
        overall = counts.sum(axis=0) / max(1, len(self))
        found = []
        for group, size in enumerate(sizes[:n_groups].tolist()):
            entries = slice(counts.indptr[group], counts.indptr[group + 1])
            words, count = counts.indices[entries], counts.data[entries]
            is_telling = count >= min(_LEAST_TEXTS, -(-size // 10))
            if n_weighed > 1:
                is_telling &= count > overall[words] * size
            words, count, weight = (values[is_telling] for values in (words, count, weights.data[entries]))
            order = np.lexsort((words, -weight))
            found.append(self._chosen(words[order], count[order], weight[order], n_words))
        return found

    def _chosen(
        self, words: NDArray[Any], counts: NDArray[Any], weights: NDArray[np.float64], n_words: int
    ) -> list[Keyword]:
        """Return the first words; a pair replaces its words if they rarely occur without it."""
        chosen: dict[str, tuple[int, float]] = {}
        for word, count, weight in zip(words.tolist(), counts.tolist(), weights.tolist(), strict=True):
            name = self.names[word]
            parts = {part for part in name.split(" ") if part in chosen} if word >= self.n_single else set()
            if any(2 * count < chosen[part][0] for part in parts) or self._is_said(name, chosen):
                continue
            if len(chosen) - len(parts) >= n_words:
                break
            chosen[name] = count, max([weight, *(chosen.pop(part)[1] for part in parts)])
        best = sorted(chosen.items(), key=lambda entry: -entry[1][1])
        return [Keyword(name, weight) for name, (_, weight) in best]

    def _is_said(self, name: str, chosen: dict[str, tuple[int, float]]) -> bool:
        """Return whether a chosen pair contains a word, or either word of a pair."""
        if self.n_single == len(self.names):
            return False
        parts = set(name.split(" "))
        return any(" " in one and parts.intersection(one.split(" ")) for one in chosen)

    def _checked(self, labels: ArrayLike, n_groups: int | None) -> tuple[NDArray[np.int64], int]:
        of_texts = np.asarray(labels, np.int64)
        if of_texts.shape != (len(self),):
            raise ValueError(f"labels must have shape ({len(self):,},), one for each text, not {of_texts.shape}")
        largest = int(of_texts.max(initial=-1))
        if n_groups is not None and largest >= n_groups:
            raise ValueError(f"labels of {n_groups:,} groups must be below {n_groups:,}, but one is {largest:,}")
        return of_texts, largest + 1 if n_groups is None else n_groups


def group_keywords(
    texts: SentenceIndex | Sequence[str],
    labels: ArrayLike,
    *,
    n_words: int = 10,
    stop_words: StopWords = OWN,
    bigrams: bool = False,
    tokenizer: Tokenizer | None = None,
    progress: Progress | None = None,
) -> list[list[Keyword]]:
    """Return the keywords of each group of texts, which distinguish it from the others, the best first.

    Parameters
    ----------
    texts, tokenizer, progress
        See `Terms.of`.
    labels : array-like of shape (S,), int
        The group of each text, from 0; texts with negative labels are in no group.
    n_words : int, default 10
        Maximum number of keywords per group.
    stop_words
        See `Terms.stop_words`.
    bigrams : bool, default False
        Count pairs of adjacent words as well; see `Terms.with_bigrams`.

    Returns
    -------
    list of G lists of Keyword
        See `Terms.keywords`. For several groupings of the same texts, count the words once, by ``Terms.of(texts)``.

    Raises
    ------
    ValueError
        If the number of labels differs from that of texts, or `stop_words` is an unknown name.
    """
    terms = Terms.of(texts, tokenizer=tokenizer, progress=progress)
    terms = terms.without(terms.stop_words(labels, stop_words))
    return (terms.with_bigrams() if bigrams else terms).keywords(labels, n_words)


def word_tokenizer(texts: Any) -> Tokenizer:
    """Return the tokenizer of an index's encoder if it splits texts into whole words: subwords make poor keywords."""
    if isinstance(texts, SentenceIndex) and isinstance(texts.state, EncoderState):
        tokenizer = texts.state.tokenizer
        return WordsTokenizer() if tokenizer.to_config()["name"] == "pieces" else tokenizer
    return WordsTokenizer()


def _scan(texts: SentenceIndex | Sequence[str], tokenizer: Tokenizer, progress: Progress | None) -> Terms:
    """Read texts twice: for the vocabulary, then for the words of each text."""
    n = len(texts)
    with WorkFolder() as work:
        try:
            vocabulary, _ = encode_corpus(iter(texts), tokenizer, min_count=1, max_memory=_MEMORY, work_folder=work)
        except EmptyVocabularyError:
            return Terms([], np.empty(0, np.int32), np.zeros(n + 1, np.int64))
    lookup = WordLookup(vocabulary, tokenizer)
    ids, lengths = [], [np.zeros(1, np.int64)]
    for start in range(0, n, _BLOCK_TEXTS):
        stop = min(start + _BLOCK_TEXTS, n)
        block = texts.sentences(start, stop) if isinstance(texts, SentenceIndex) else texts[start:stop]
        found = lookup.find(block, first=start)
        ids.append(found.ids.copy())
        lengths.append(np.diff(found.offsets))
        if progress is not None:
            progress("naming", stop, n)
    return Terms(vocabulary.index_to_key, np.concatenate(ids), np.cumsum(np.concatenate(lengths)))
