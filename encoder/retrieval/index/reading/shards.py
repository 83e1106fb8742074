"""Several indexes of one encoder searched together, with exactly merged results."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from w2v.display.frames import concatenated
from w2v.display.html import html_facts
from w2v.encoder.retrieval.hits import Hit, Hits
from w2v.encoder.retrieval.hybrid.searching import By
from w2v.encoder.retrieval.index.building import Progress
from w2v.encoder.retrieval.index.changes.rewriting import Stored, check_alike, kinds_of
from w2v.encoder.retrieval.index.reading.opened import OpenedIndex
from w2v.encoder.retrieval.index.reading.searchable import Searchable
from w2v.encoder.retrieval.index.searching import Where

if TYPE_CHECKING:
    from pandas import DataFrame

    from w2v.corpora.tokenizers import Tokenizer


class ShardedIndex(Searchable):
    """Indexes of one encoder that are searched together; `SentenceIndex.open` creates it from a list of folders.

    The results are those of a single index of all sentences, in the order of the folders. The exception is a search by
    words: word weights come from each folder, not from all. The `shard` of each `Hit` is the folder it was found in.

    Attributes
    ----------
    shards : tuple of OpenedIndex
    """

    habits = {  # noqa: RUF012
        name: "several folders opened together can only be searched; to change one, open it with SentenceIndex(folder)"
        for name in ("add", "remove", "replace", "compact", "build_graphs")
    }

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        *,
        tokenizer: Tokenizer | None = None,
        workers: int | None = None,
    ) -> None:
        folders = [Path(path) for path in paths]
        if not folders:
            raise ValueError("give the folders of the indexes to search")
        first = OpenedIndex(folders[0], tokenizer=tokenizer, workers=workers)
        stored = [Stored.read(folder) for folder in folders]
        check_alike(stored, by_dtype=False)
        super().__init__(first.state, first.contents.dimension, workers)
        others = [OpenedIndex.of(each.folder, each.contents, first.state, workers) for each in stored[1:]]
        self.shards = (first, *others)
        self._kinds = kinds_of(stored)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the absolute paths of the folders, which must be there when it is unpickled."""
        paths = [os.path.abspath(index.path) for index in self.shards]
        return partial(type(self), paths, **self._reopening()), ()

    def __len__(self) -> int:
        return sum(map(len, self.shards))

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.shards)

    def __repr__(self) -> str:
        return f"ShardedIndex({[str(index.path) for index in self.shards]}, {len(self):,} sentences)"

    def _repr_html_(self) -> str:
        facts = [(str(index.path), f"{len(index):,} sentences") for index in self.shards]
        return html_facts("Sentence index of several folders", facts)

    def to_pandas(self) -> DataFrame:
        """Return the concatenated data frames of the indexes, with the additional column shard; requires pandas."""
        return concatenated([index.to_pandas().assign(shard=str(index.path)) for index in self.shards])

    def count(self, where: Where | None = None) -> int:
        """Return the number of sentences that meet a condition; see `search`."""
        pairs = zip(self.shards, self._chosen(where), strict=True)
        return sum(len(index) if chosen is None else int(np.count_nonzero(chosen)) for index, chosen in pairs)

    def _find(
        self, units: NDArray[np.float32], texts: list[str] | None, top_n: int, exact: bool, where: Where | None
    ) -> list[list[Hit]]:
        found = [
            index.find(units, texts, top_n, exact, chosen)
            for index, chosen in zip(self.shards, self._chosen(where), strict=True)
        ]
        names = [str(index.path) for index in self.shards]
        answers: list[list[Hit]] = []
        for query, of_shards in enumerate(zip(*found, strict=True)):
            text = None if texts is None else texts[query].strip()
            distinct: dict[str, Hit] = {}
            for name, own in zip(names, of_shards, strict=True):
                for hit in own:
                    distinct.setdefault(hit.sentence, hit._replace(shard=name))
            best = sorted(distinct.values(), key=lambda hit: (-hit.similarity, hit.sentence != text))
            answers.append(Hits(best[:top_n]))
        return answers

    def _candidates(
        self,
        texts: list[str],
        units: NDArray[np.float32],
        by: By,
        n: int,
        exact: bool,
        where: Where | None,
        progress: Progress | bool | str | None,
    ) -> list[list[Hit]]:
        found = [
            index.candidates(texts, units, by, n, exact, chosen, progress)
            for index, chosen in zip(self.shards, self._chosen(where), strict=True)
        ]
        names = [str(index.path) for index in self.shards]
        return [
            [hit._replace(shard=name) for name, own in zip(names, of_shards, strict=True) for hit in own]
            for of_shards in zip(*found, strict=True)
        ]

    def has_words(self, query: str) -> bool:
        """Return whether a sentence in any index contains a word of the query."""
        return any(index.has_words(query) for index in self.shards)

    def _chosen(self, where: Where | None) -> Iterator[NDArray[np.bool_] | None]:
        """Yield which rows of each index to search; if an index lacks a column, all its values count as missing."""
        if where is None or isinstance(where, str) or callable(where):
            yield from (None if where is None else index.chosen(where, self._kinds) for index in self.shards)
            return
        met: Any = np.asarray(where)
        if met.shape != (len(self),):
            raise ValueError(f"where must have one boolean for each of the {len(self):,} sentences, not {met.shape}")
        borders = np.cumsum([0, *map(len, self.shards)]).tolist()
        for index, start, stop in zip(self.shards, borders, borders[1:], strict=False):
            yield index.chosen(met[start:stop])
