"""Small BERT folders in the layout of other programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from tests.helpers.examples.static_folders import wordpiece

PIECES = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "river",
    "##s",
    "##side",
    "日",
    "本",
    ".",
    "don",
    "'",
    "t",
]
TEXTS = ["The rivers.", "", "don't zzz the riverside", "日本 the", "the " * 40, "the\nriver\t."]
DIM, LAYERS, POSITIONS = 8, 2, 16
POOLING = {"word_embedding_dimension": DIM, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
CONFIG = {
    "model_type": "bert", "architectures": ["BertModel"], "hidden_size": DIM, "num_hidden_layers": LAYERS,
    "num_attention_heads": 2, "intermediate_size": 20, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
    "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "vocab_size": len(PIECES), "pad_token_id": 0,
}  # fmt: skip
HEADED = CONFIG | {"architectures": ["BertForSequenceClassification"]}
POST_PROCESSOR = {
    "type": "TemplateProcessing",
    "single": [
        {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
        {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
    ],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {
        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
        "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
    },
}


def make_arrays(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the arrays of a small BERT, under the names that transformers uses."""

    def numbers(*shape: int) -> np.ndarray:
        return rng.normal(scale=0.3, size=shape).astype(np.float32)

    arrays = {
        "embeddings.word_embeddings.weight": numbers(len(PIECES), DIM),
        "embeddings.position_embeddings.weight": numbers(POSITIONS, DIM),
        "embeddings.token_type_embeddings.weight": numbers(2, DIM),
        "embeddings.LayerNorm.weight": 1 + numbers(DIM),
        "embeddings.LayerNorm.bias": numbers(DIM),
        "pooler.dense.weight": numbers(DIM, DIM),
        "pooler.dense.bias": numbers(DIM),
    }
    for layer in range(LAYERS):
        for name, shape in (
            ("attention.self.query", (DIM, DIM)), ("attention.self.key", (DIM, DIM)),
            ("attention.self.value", (DIM, DIM)), ("attention.output.dense", (DIM, DIM)),
            ("intermediate.dense", (20, DIM)), ("output.dense", (DIM, 20)),
        ):  # fmt: skip
            arrays[f"encoder.layer.{layer}.{name}.weight"] = numbers(*shape)
            arrays[f"encoder.layer.{layer}.{name}.bias"] = numbers(shape[0])
        for name in ("attention.output", "output"):
            arrays[f"encoder.layer.{layer}.{name}.LayerNorm.weight"] = 1 + numbers(DIM)
            arrays[f"encoder.layer.{layer}.{name}.LayerNorm.bias"] = numbers(DIM)
    return arrays


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def write_bert(
    folder: Path, arrays: dict[str, np.ndarray], *parts: tuple[str, dict[str, Any]], config: Any = CONFIG
) -> Path:
    """Write a folder as sentence-transformers does; without parts it is one of transformers."""
    folder.mkdir()
    save_file(arrays, folder / "model.safetensors")
    write_json(folder / "config.json", config)
    added = [
        {"id": PIECES.index(piece), "content": piece, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for piece in PIECES[:5]
    ]  # fmt: skip
    write_json(folder / "tokenizer.json", wordpiece(PIECES, post_processor=POST_PROCESSOR, added_tokens=added))
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "BertTokenizer", "do_lower_case": True, **special})
    modules = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, (kind, content) in enumerate(parts, 1):
        path = f"{number}_{kind}"
        modules.append(
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        )
        write_json(folder / path / "config.json", content)
    if parts:
        write_json(folder / "modules.json", modules)
        write_json(folder / "sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": False})
    return folder


def write_cross_encoder(folder: Path, rng: np.random.Generator) -> Path:
    """Write a folder of a small cross-encoder as transformers does."""
    arrays = {f"bert.{name}": array for name, array in make_arrays(rng).items()}
    arrays["classifier.weight"] = rng.normal(size=(1, DIM)).astype(np.float32)
    arrays["classifier.bias"] = rng.normal(size=1).astype(np.float32)
    return write_bert(folder, arrays, config=HEADED)
