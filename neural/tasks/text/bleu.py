"""BLEU, by the package sacrebleu, so that figures can be compared with those of others."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple


class Bleu(NamedTuple):
    """A score and how it was made.

    Attributes
    ----------
    score : float
        From 0 to 100.
    signature : str
        What has to be said beside the score.
    """

    score: float
    signature: str


def has_sacrebleu() -> bool:
    """Tell whether the package that computes BLEU is there."""
    return find_spec("sacrebleu") is not None


def require_sacrebleu() -> None:
    """Raise ModuleNotFoundError, which says what to install, if that package is missing."""
    if not has_sacrebleu():
        raise ModuleNotFoundError("BLEU needs the package sacrebleu: pip install 'w2v-toolkit[translate]'")


def bleu(found: Sequence[str], wanted: Sequence[str], *, tokenize: str | None = None, lowercase: bool = False) -> Bleu:
    """Return BLEU of a corpus of translations.

    Parameters
    ----------
    found, wanted : sequence of str
        Translations, and what they should be.
    tokenize : str, optional
        See sacrebleu; "zh" where most of `wanted` is Chinese, else "13a".
    lowercase : bool, default False

    Returns
    -------
    Bleu

    Raises
    ------
    ValueError
        If there is not one for each of the other, or none; if sacrebleu has no such tokenizer.
    ModuleNotFoundError
        If the package sacrebleu is missing.

    References
    ----------
    .. [1] Papineni et al. 2002, BLEU: a method for automatic evaluation of machine translation.
    .. [2] Post 2018, A call for clarity in reporting BLEU scores, arXiv:1804.08771.
    """
    require_sacrebleu()
    if len(found) != len(wanted) or not found:
        raise ValueError(f"BLEU needs a translation for each reference, not {len(found)} for {len(wanted)}")
    from sacrebleu.metrics.bleu import BLEU

    if tokenize is not None and tokenize not in BLEU.TOKENIZERS:
        raise ValueError(f"tokenize must be one of {', '.join(BLEU.TOKENIZERS)}, not {tokenize!r:.80}")
    sample = "".join(wanted[:1000])
    if tokenize is None:
        chinese = sum("\u4e00" <= character <= "\u9fff" for character in sample)
        tokenize = "zh" if chinese > len(sample) / 3 else "13a"
    metric = BLEU(tokenize=tokenize, lowercase=lowercase)
    result = metric.corpus_score(list(found), [list(wanted)])
    return Bleu(float(result.score), str(metric.get_signature()))
