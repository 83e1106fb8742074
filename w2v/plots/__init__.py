"""Pictures of a model: a map of words, analogies as arrows, training as curves.

Each function returns a `matplotlib.figure.Figure`, drawn without a window; `save_figure` writes it to a file. Notebooks
display it after ``%matplotlib inline``. Pictures need the extra ``plot``, or ``umap`` for that method. Its packages are
imported only when a picture is drawn.
"""

from __future__ import annotations

from w2v.plots.analogies import plot_analogies
from w2v.plots.figures import MissingGlyphWarning, check_picture_path, save_figure
from w2v.plots.history import plot_history
from w2v.plots.layout import METHODS
from w2v.plots.words import plot_words

__all__ = [
    "METHODS",
    "MissingGlyphWarning",
    "check_picture_path",
    "plot_analogies",
    "plot_history",
    "plot_words",
    "save_figure",
]
