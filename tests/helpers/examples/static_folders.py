"""Small folders of static encoders in the layout of other programs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

PIECES = ["[PAD]", "[UNK]", "the", "river", "##s", "##side", "日", "本", "."]


def wordpiece(vocabulary: list[str] = PIECES, **more: Any) -> dict[str, Any]:
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": {
            "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None,
            "lowercase": True,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"}, "post_processor": None, "decoder": None,
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": {piece: row for row, piece in enumerate(vocabulary)},
        },
        **more,
    }  # fmt: skip


def write_folder(
    folder: Path, tensors: dict[str, np.ndarray], config: dict[str, Any] | None = None, modules: Any = None, **more: Any
) -> Path:
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors")
    for name, content in (("tokenizer.json", wordpiece(**more)), ("config.json", config), ("modules.json", modules)):
        if content is not None:
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def import_quietly(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)
