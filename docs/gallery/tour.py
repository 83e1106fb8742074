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
# # A tour in a notebook
#
# Models and results display themselves: end a cell with one, and a table or a picture appears. This page is the output
# of `docs/gallery/tour.py`, which Jupyter opens as a notebook if jupytext is installed. The other worked examples are
# made in the same way.

# %%
import tempfile
from pathlib import Path

from w2v import Word2Vec
from w2v.corpora import bundled_corpus
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import SentenceIndex, cluster_sentences
from w2v.evaluation import evaluate_analogies
from w2v.plots import plot_history, plot_words
from w2v.reports import model_card, to_markdown

# %matplotlib inline
verses = bundled_corpus("bible")
len(verses)

# %% [markdown]
# ## Train
#
# A fiftieth of the text is held out, to show whether the model generalises.

# %%
model = Word2Vec(epochs=15, holdout=0.02, workers=1, random_state=1).fit(verses)
model

# %%
plot_history({"bible": model.history_})

# %% [markdown]
# ## Ask
#
# The result is independent of the training.

# %%
embeddings = model.embeddings_
embeddings

# %%
embeddings.neighbors("bread", top_n=5)

# %%
embeddings.neighbors_batch(["gold", "mountain", "night", "rejoice"], top_n=7)

# %% [markdown]
# Man is to woman as brother is to …

# %%
embeddings.analogy("man", "woman", "brother", top_n=4)

# %%
plot_words(embeddings, ["bread", "gold", "mountain", "sheep"], neighbors=7)

# %% [markdown]
# ## Measure
#
# The questions have the format of Google's analogies, and are about families and verbs. Every model must beat the
# baseline "nearest", which answers with the word nearest to the third one, whatever the first two are.

# %%
folder = tempfile.TemporaryDirectory()
pairs = {
    "family": "man woman, son daughter, brother sister, father mother, king queen, he she",
    "past": "go went, come came, see saw, give gave, speak spoke, know knew, eat ate",
}
lines = []
for section, listed in pairs.items():
    words = [pair.split() for pair in listed.split(", ")]
    lines.append(f": {section}")
    lines += [" ".join([*a, *b]) for a in words for b in words if a != b]
questions = Path(folder.name, "questions.txt")
questions.write_text("\n".join(lines), encoding="utf-8")

report = evaluate_analogies(embeddings, questions)
report

# %%
baseline = evaluate_analogies(embeddings, questions, method="nearest")
baseline

# %% [markdown]
# ## Sentences
#
# Word vectors can already encode sentences: by a weighted sum, in which rare words count more.

# %%
encoder = SentenceEncoder(embeddings)
encoder

# %%
index = SentenceIndex.build(encoder, verses, Path(folder.name, "bible.index"))
index.search("fishermen were frightened by a storm on the lake", top_n=4)

# %%
cluster_sentences(index, n_clusters=8)

# %% [markdown]
# ## Share
#
# `w2v report` writes a page like [this one](../models/reporting.md), or a card for a model hub. It begins like this:

# %%
print(to_markdown(model_card(embeddings))[:420])

# %%
folder.cleanup()
