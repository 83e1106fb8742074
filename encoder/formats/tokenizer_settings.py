"""Settings beside ``tokenizer.json`` that change tokenisation; in transformers they take precedence over the file.

transformers rebuilds the tokenizers of BERT, DistilBERT and MPNet from their vocabulary and their settings. Only
generic classes, such as ``PreTrainedTokenizerFast``, use the file as it is. For the other classes, the normalizer and
the special tokens around a text are determined by ``tokenizer_config.json`` and ``special_tokens_map.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from w2v.encoder.formats.folders import (
    TOKENIZER,
    TOKENIZER_CONFIG,
    bert_normalizer,
    entry,
    read_settings,
    token_text,
    tokens_around,
)
from w2v.storage.files import ModelError
from w2v.vectors.model_folder import parse_json

ADDED_TOKENS = "added_tokens.json"
_AS_DESCRIBED = frozenset({"PreTrainedTokenizer", "TokenizersBackend"})
"""Tokenizer classes, without "Fast", that use the definition as it is."""
_AROUND = {"cls": ("[CLS]", "<s>"), "sep": ("[SEP]", "</s>"), "unk": ("[UNK]", "[UNK]")}
"""The tokens around a text and the unknown token, for BERT and for MPNet."""
_ADDED = ("lstrip", "normalized", "rstrip", "single_word", "special")


def with_settings(definition: dict[str, Any], folder: Path, kind: str | None) -> dict[str, Any]:
    """Return a tokenizer's definition as transformers uses it in this folder; a new one if anything changes.

    `definition` is the content of ``tokenizer.json``, `kind` the type of the network, such as ``bert``. ModelError if a
    file is damaged or a setting is not supported.
    """
    settings, file = read_settings(folder), folder / TOKENIZER_CONFIG
    if settings.get("truncation_side", "right") != "right":
        raise ModelError(f"{file}: truncation_side asks to cut the start of long texts, but only the end can be cut")
    model = definition.get("model")
    if not isinstance(model, dict):
        raise ModelError(f"{folder / TOKENIZER} is damaged: it has no model")
    name = settings.get("tokenizer_class") or ""
    as_described = isinstance(name, str) and name.removesuffix("Fast") in _AS_DESCRIBED
    if not as_described and model.get("type") == "WordPiece":
        definition = _as_bert(definition, settings, file, is_mpnet=kind == "mpnet")
    elif not as_described and isinstance(settings.get("add_prefix_space"), bool):
        definition = _with_prefix_space(definition, settings["add_prefix_space"])
    return _with_added_tokens(definition, settings, folder)


def _as_bert(definition: dict[str, Any], settings: Mapping[str, Any], file: Path, *, is_mpnet: bool) -> dict[str, Any]:
    """Return the definition with the normalizer and the special tokens from the settings."""
    strip = settings.get("strip_accents")
    if strip is not None and not isinstance(strip, bool):
        raise ModelError(f"{file} is damaged: strip_accents must be true, false or null, not {strip!r:.40}")
    normalizer = bert_normalizer(
        chinese=entry(settings, file, "tokenize_chinese_chars", bool, True),
        strip_accents=strip,
        lowercase=entry(settings, file, "do_lower_case", bool, True),
    )
    vocabulary = definition["model"].get("vocab")
    if not isinstance(vocabulary, dict):
        return definition  # the library reports what is wrong with it
    around = {name: token_text(settings.get(f"{name}_token"), defaults[is_mpnet]) for name, defaults in _AROUND.items()}
    definition = definition | {"normalizer": normalizer, "pre_tokenizer": {"type": "BertPreTokenizer"}}
    if around["unk"] in vocabulary:
        definition["model"] = definition["model"] | {"unk_token": around["unk"]}
    if definition.get("post_processor") is None:
        return definition
    for name in ("cls", "sep"):
        if around[name] not in vocabulary:
            raise ModelError(f"{file}: the special token {around[name]!r:.40} is not in the vocabulary")
    return definition | {"post_processor": tokens_around(around["cls"], around["sep"], vocabulary)}


def _with_prefix_space(definition: dict[str, Any], prefix: bool) -> dict[str, Any]:
    """Return the definition with or without a space before the text in byte-level splitting."""
    step = definition.get("pre_tokenizer")
    if not isinstance(step, dict) or step.get("type") != "ByteLevel":
        return definition
    return definition | {"pre_tokenizer": step | {"add_prefix_space": prefix}}


def _with_added_tokens(definition: dict[str, Any], settings: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the definition with the tokens listed elsewhere, which are matched in a text before all others."""
    added = [token for token in definition.get("added_tokens") or [] if isinstance(token, dict)]
    known = {token.get("content") for token in added}
    vocabulary = definition["model"].get("vocab")
    numbers = vocabulary if isinstance(vocabulary, dict) else {}
    for token in _listed_elsewhere(settings, folder):
        content, number = token["content"], token.get("id")
        number = numbers.get(content, number)
        if content in known or type(number) is not int:
            continue
        known.add(content)
        added.append({**dict.fromkeys(_ADDED, False), **token, "id": number})
    return definition | {"added_tokens": added}


def _listed_elsewhere(settings: Mapping[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Return the tokens listed in the settings, in ``added_tokens_decoder`` and in ``added_tokens.json``."""
    found: list[dict[str, Any]] = []
    decoder = settings.get("added_tokens_decoder")
    for number, token in decoder.items() if isinstance(decoder, dict) else ():
        if isinstance(token, dict) and isinstance(token.get("content"), str) and str(number).isdigit():
            flags = {name: token[name] for name in _ADDED if isinstance(token.get(name), bool)}
            found.append({"content": token["content"], **flags, "id": int(number)})
    named = [settings.get(f"{name}_token") for name in ("unk", "sep", "pad", "cls", "mask")]
    listed = settings.get("additional_special_tokens") or settings.get("extra_special_tokens")
    for special in [*named, *(listed if isinstance(listed, list) else [])]:
        if content := token_text(special, ""):
            found.append({"content": content, "special": True})
    if (folder / ADDED_TOKENS).exists():
        for content, number in parse_json(folder / ADDED_TOKENS).items():
            found.append({"content": content, "id": number, "normalized": True})
    return found
