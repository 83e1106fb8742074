"""BLEU, computed by the package sacrebleu, so that scores are comparable with published ones."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple


class Bleu(NamedTuple):
    """A BLEU score with its signature.

    Attributes
    ----------
    score : float
        From 0 to 100.
    signature : str
        sacrebleu's description of the settings, to report with the score.
    """

    score: float
    signature: str


def has_sacrebleu() -> bool:
    """Return whether the package sacrebleu is installed."""
    return find_spec("sacrebleu") is not None


def require_sacrebleu() -> None:
    """Raise ModuleNotFoundError, which says what to install, if sacrebleu is missing."""
    if not has_sacrebleu():
        raise ModuleNotFoundError("BLEU needs the package sacrebleu: pip install 'w2v-toolkit[translate]'")


def bleu(found: Sequence[str], wanted: Sequence[str], *, tokenize: str | None = None, lowercase: bool = False) -> Bleu:
    """Return BLEU of a corpus of translations.

    Parameters
    ----------
    found, wanted : sequence of str
        Translations, and their references.
    tokenize : str, optional
        See sacrebleu; by default "zh" if most of `wanted` is Chinese, else "13a".
    lowercase : bool, default False

    Returns
    -------
    Bleu

    Raises
    ------
    ValueError
        If the numbers of translations and references differ or are 0, or if sacrebleu has no such tokenizer.
    ModuleNotFoundError
        If the package sacrebleu is missing.

    References
    ----------
    .. [1] Papineni et al. 2002, BLEU: a method for automatic evaluation of machine translation.
    .. [2] Post 2018, A call for clarity in reporting BLEU scores, arXiv:1804.08771.
    """
    require_sacrebleu()
    if len(found) != len(wanted) or not found:
        raise ValueError(f"BLEU needs one translation for each reference, not {len(found)} for {len(wanted)}")
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
