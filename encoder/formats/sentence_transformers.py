"""A folder for sentence-transformers: static, or with a network that is arranged as BERT."""

from __future__ import annotations

import os

from w2v.encoder.formats.static_folder import write_static_encoder
from w2v.encoder.model.state import EncoderState


def write_sentence_transformers(state: EncoderState, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write an encoder for ``sentence_transformers.SentenceTransformer(folder)``.

    Parameters
    ----------
    state : EncoderState
        Without a network, or with one that is arranged as BERT; see `w2v.encoder.formats.bert_names.check_bert`.
    path : str or path-like
        The folder. Of a static encoder it is the one that model2vec opens too.
    overwrite : bool, default False
        Replace a folder that holds nothing but such files.

    Raises
    ------
    ModelError
        If the encoder or its tokenizer cannot be expressed, the folder holds something else, or it cannot be written.
    """
    if state.network is None:
        write_static_encoder(state, path, overwrite=overwrite)
    else:
        from w2v.encoder.formats.bert_folder import write_bert

        write_bert(state, path, overwrite=overwrite)
