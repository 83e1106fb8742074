"""Sentence encoders built on word vectors: models, training and evaluation.

The names below are loaded on first use, so that `import w2v.encoder` is fast and needs no compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.lazy import offer

if TYPE_CHECKING:
    from w2v.encoder.distillation.distilling import distill as distill
    from w2v.encoder.model.inference import Encoded as Encoded
    from w2v.encoder.model.state import EncoderState as EncoderState
    from w2v.encoder.model.state import sif_state as sif_state
    from w2v.encoder.sentence_encoder import SentenceEncoder as SentenceEncoder
    from w2v.encoder.training.fit_options import FitOptions as FitOptions
    from w2v.encoder.training.training import fit_encoder as fit_encoder

_HOME = {
    "Encoded": "model.inference",
    "EncoderState": "model.state",
    "FitOptions": "training.fit_options",
    "SentenceEncoder": "sentence_encoder",
    "distill": "distillation.distilling",
    "fit_encoder": "training.training",
    "sif_state": "model.state",
}

offer(__name__, _HOME)
