"""Skip-gram and CBOW with hierarchical softmax: a word's probability is that of its path through a Huffman tree.

Every inner node of the tree has an output row; the sigmoid of its score with an input is the probability of one of its
two branches. `w2v.training.huffman` builds the tree. A target is paired with the dozen or so rows of its path instead
of its own row and noise words.

The root is on every path and the nodes below it are on many: if a chunk of targets were trained at the same values, it
would move them much too far at once. So targets are trained one after another, each with the output rows updated by the
one before. Matrix products cover only a single target: its path, and up to INPUTS of its inputs at a time.

The path of word v is ``path_steps[path_offsets[v] : path_offsets[v + 1]]``, starting at the root: the index of each
node, or its complement (~) if the path takes the branch of code 1. At least LANES entries follow the last path.

The formulae are derived in docs/derivations/hierarchical_softmax.md and written again, in float64 NumPy, in
tests/helpers/twins/naive_hierarchical.py.

References
----------
Morin & Bengio 2005, AISTATS (hierarchical softmax); Mikolov et al. 2013, arXiv:1310.4546, section 2.1.
"""

from w2v.kernels.hierarchical.cbow import CbowScratch, make_cbow_scratch, train_cbow_hs
from w2v.kernels.hierarchical.paths import Paths
from w2v.kernels.hierarchical.skipgram import INPUTS, SkipgramScratch, make_skipgram_scratch, train_skipgram_hs

__all__ = [
    "INPUTS",
    "CbowScratch",
    "Paths",
    "SkipgramScratch",
    "make_cbow_scratch",
    "make_skipgram_scratch",
    "train_cbow_hs",
    "train_skipgram_hs",
]
