"""Describe our tokenizers for the library tokenizers, so that other programs split text as we do."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from w2v.corpora.pieces import PiecesTokenizer
from w2v.corpora.tokenizers import Tokenizer
from w2v.corpora.tokenizers.characters import UNSPACED_RANGES, dropped_ranges, pattern_of_singles, pattern_of_words
from w2v.encoder.formats.folders import added_token
from w2v.encoder.model.state import EncoderState
from w2v.storage.files import ModelError

UNKNOWN, PADDING = "[UNK]", "[PAD]"
_LETTERS, _MARKS = r"\p{L}\p{N}", r"\p{M}"
_BETWEEN_ITEMS = r"\A +| +\z| *[\t\n\r\x0b\f][\t\n\r\x0b\f ]*"
_PLACEHOLDER = "\ufdd0"  # a code point that is not a character
_MARK = "\u2581"  # prefix of words where unknown ones are dropped, so that no single character is a word


def describe_with_unknown(tokenizer: Tokenizer, words: Sequence[str], path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return a definition in which the words have ids 0 … V - 1, and unknown words the id V.

    ModelError if the tokenizer is not ``words``, ``characters``, ``whitespace`` or ``tabs``: `path` is then named as
    the folder that cannot be written.
    """
    unknown = _unused(UNKNOWN, words)
    vocabulary = {word: row for row, word in enumerate(words)} | {unknown: len(words)}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": unknown}
    return _described(tokenizer, path, model)


def describe_without_unknown(
    tokenizer: Tokenizer, words: Sequence[str], path: str | os.PathLike[str], *, max_tokens: int | None = None
) -> dict[str, Any]:
    """Return a definition in which unknown words are dropped, as they are here, and V is the id of the padding.

    Only a byte-pair model drops unknown tokens. Without merges, and with a mark before every word, it knows whole words
    and nothing else. ModelError also if two words differ only in a mark instead of a space.
    """
    vocabulary = {_MARK + word.replace(" ", _MARK): row for row, word in enumerate(words)}
    if len(vocabulary) < len(words):
        raise ModelError(f"{path} cannot be written: two words differ only in a space and the character {_MARK!r}")
    padding = _unused(PADDING, vocabulary)
    model: dict[str, Any] = {
        "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
        "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": True,
        "vocab": vocabulary | {padding: len(words)}, "merges": [],
    }  # fmt: skip
    described = _described(tokenizer, path, model)
    marked = {"type": "Metaspace", "replacement": _MARK, "prepend_scheme": "always", "split": False}
    described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [described["pre_tokenizer"], marked]}
    # padding must not be an added token, because those are recognised in the text itself
    return with_limits(described, max_tokens, padding, len(words))


def describe_pieces(tokenizer: PiecesTokenizer, *, pads: bool) -> dict[str, Any]:
    """Return the definition of a subword tokenizer, including its limit on the number of tokens; see `with_limits`."""
    described: dict[str, Any] = json.loads(tokenizer.definition)
    token, number = padding_of(tokenizer)
    if number == len(tokenizer.pieces):
        described["added_tokens"] = [*(described.get("added_tokens") or []), added_token(token, number, special=True)]
    if not tokenizer.special:
        described["post_processor"] = None
    return with_limits(described, tokenizer.max_tokens, token if pads else None, number)


def describe_padded(
    state: EncoderState, path: str | os.PathLike[str], max_tokens: int | None = None
) -> tuple[dict[str, Any], int]:
    """Return a definition that pads the texts of a batch, and the id of the padding."""
    tokenizer, words = state.tokenizer, state.vocabulary.index_to_key
    if not isinstance(tokenizer, PiecesTokenizer):
        return describe_without_unknown(tokenizer, words, path, max_tokens=max_tokens), len(words)
    cut = tokenizer if max_tokens is None else replace(tokenizer, max_tokens=max_tokens)
    return describe_pieces(cut, pads=True), padding_of(tokenizer)[1]


def padding_of(tokenizer: PiecesTokenizer) -> tuple[str, int]:
    """Return the padding token and its id; if it has to be added, the id follows the others."""
    padding = json.loads(tokenizer.definition).get("padding") or {}
    pieces = tokenizer.pieces
    for token in (padding.get("pad_token"), PADDING, "<pad>"):
        if isinstance(token, str) and token in pieces:
            return token, pieces.index(token)
    return PADDING, len(pieces)


def with_limits(described: dict[str, Any], max_tokens: int | None, padding: str | None, number: int) -> dict[str, Any]:
    """Return a definition that truncates texts to this number of tokens and pads the shorter ones in a batch."""
    truncation = {"direction": "Right", "max_length": max_tokens, "strategy": "LongestFirst", "stride": 0}
    filling = {
        "strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None, "pad_id": number,
        "pad_type_id": 0, "pad_token": padding,
    }  # fmt: skip
    return described | {
        "truncation": None if max_tokens is None else truncation,
        "padding": None if padding is None else filling,
    }


def _described(tokenizer: Tokenizer, path: str | os.PathLike[str], model: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        **_steps(tokenizer, path),
        "post_processor": None,
        "decoder": None,
        "model": model,
    }


def _steps(tokenizer: Tokenizer, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the normalizer and pre-tokenizer equivalent to one of our tokenizers."""
    config = tokenizer.to_config()
    if config["name"] in ("whitespace", "tabs"):
        separators = r"[ \t\n\r\x0b\f]+" if config["name"] == "whitespace" else _BETWEEN_ITEMS
        return {"normalizer": None, "pre_tokenizer": _split(separators, invert=False)}
    if config["name"] not in ("words", "characters"):
        raise ModelError(
            f"{path} cannot be written: the tokenizer {config['name']!r} cannot be represented in other "
            "programs; only words, characters, whitespace and tabs can"
        )
    nfc = {"type": "NFC"}
    dropped = {"type": "Replace", "pattern": {"Regex": f"[{_in_brackets(dropped_ranges())}]+"}, "content": ""}
    steps: list[dict[str, Any]] = [dropped, nfc, _replace("\u2019", "'")]
    if config["lowercase"]:
        # U+0130 is the only character whose lower case has two; like `words`, leave it unchanged
        steps += [_replace(_PLACEHOLDER, " "), _replace("\u0130", _PLACEHOLDER), {"type": "Lowercase"}]
        steps += [_replace(_PLACEHOLDER, "\u0130"), nfc]
    if config["name"] == "words":
        pattern = pattern_of_words(_LETTERS, _MARKS)
    else:
        pattern = pattern_of_singles(_LETTERS, _MARKS, r"\p{Nd}", _in_brackets(UNSPACED_RANGES))
    return {"normalizer": {"type": "Sequence", "normalizers": steps}, "pre_tokenizer": _split(pattern, invert=True)}


def _in_brackets(ranges: tuple[tuple[int, int], ...]) -> str:
    return "".join(rf"\x{{{start:x}}}-\x{{{stop - 1:x}}}" for start, stop in ranges)


def _unused(token: str, words: Sequence[str] | dict[str, int]) -> str:
    known = words if isinstance(words, dict) else set(words)
    while token in known:
        token = f"[{token}]"
    return token


def _replace(text: str, by: str) -> dict[str, Any]:
    return {"type": "Replace", "pattern": {"String": text}, "content": by}


def _split(pattern: str, *, invert: bool) -> dict[str, Any]:
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Removed", "invert": invert}
