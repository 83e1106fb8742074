"""Settings beside a tokenizer.json and beside an encoder: they count here as they do in sentence-transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.bert_folders import CONFIG, PIECES, POOLING, make_arrays, write_bert, write_json
from w2v import ModelError
from w2v.encoder import Encoded, EncoderState, SentenceEncoder
from w2v.encoder.formats import read_encoder, write_encoder

MORE = ["The", "café", "cafe", "日本", "[X]"]
TEXTS = ["The the", "café cafe", "日本 the", "[X] the [MASK]", "the river don't zzz the rivers", "the " * 40]
Edit = Callable[[Path], None]


def with_json(name: str, **entries: Any) -> Edit:
    """Return what sets entries of a JSON file; an entry `...` is taken out."""

    def edit(folder: Path) -> None:
        file = folder / name
        content = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        write_json(file, {key: value for key, value in (content | entries).items() if value is not ...})

    return edit


def with_settings(**entries: Any) -> Edit:
    return with_json("tokenizer_config.json", **entries)


def with_module(kind: str, content: dict[str, Any]) -> Edit:
    def edit(folder: Path) -> None:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
        path = f"{len(modules)}_{kind}"
        described = {"idx": len(modules), "name": path, "path": path, "type": f"sentence_transformers.models.{kind}"}
        write_json(folder / "modules.json", [*modules, described])
        write_json(folder / path / "config.json", content)

    return edit


def all_of(*edits: Edit) -> Edit:
    def edit(folder: Path) -> None:
        for each in edits:
            each(folder)

    return edit


def in_shards(folder: Path) -> None:
    arrays = load_file(folder / "model.safetensors")
    halves = {
        "model-00001-of-00002.safetensors": sorted(arrays)[::2],
        "model-00002-of-00002.safetensors": sorted(arrays)[1::2],
    }
    for name, names in halves.items():
        save_file({each: arrays[each] for each in names}, folder / name)
    places = {each: name for name, names in halves.items() for each in names}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": places})
    (folder / "model.safetensors").unlink()


def with_vocab_txt(folder: Path) -> None:
    (folder / "vocab.txt").write_text("\n".join([*PIECES, *MORE]) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").unlink()


def with_slashes(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    modules[1]["path"] += "/"
    write_json(folder / "modules.json", modules)


EDITS: dict[str, Edit] = {
    "none": lambda folder: None,
    "cased": with_settings(do_lower_case=False),
    "cased, no class": with_settings(do_lower_case=False, tokenizer_class=...),
    "cased, DistilBERT": with_settings(do_lower_case=False, tokenizer_class="DistilBertTokenizerFast"),
    "as described": with_settings(do_lower_case=False, tokenizer_class="PreTrainedTokenizerFast"),
    "no settings": lambda folder: (folder / "tokenizer_config.json").unlink(),
    "accents": with_settings(strip_accents=False),
    "cased without accents": with_settings(strip_accents=True, do_lower_case=False),
    "Chinese words": with_settings(tokenize_chinese_chars=False),
    "another [CLS]": with_settings(cls_token="[MASK]"),
    "[CLS] of the map": with_json("special_tokens_map.json", cls_token={"content": "[MASK]"}),
    "another [UNK]": with_settings(unk_token="[X]"),
    "special tokens": with_settings(additional_special_tokens=["[X]"]),
    "added tokens": with_json("added_tokens.json", **{"[X]": len(PIECES) + MORE.index("[X]")}),
    "added tokens by number": with_settings(
        added_tokens_decoder={str(len(PIECES) + MORE.index("[X]")): {"content": "[X]", "special": True}}
    ),
    "lower case before": all_of(
        with_settings(do_lower_case=False), with_json("sentence_bert_config.json", do_lower_case=True)
    ),
    "fewer columns": with_json("config_sentence_transformers.json", truncate_dim=3),
    "fewer columns of length 1": all_of(
        with_module("Normalize", {}), with_json("config_sentence_transformers.json", truncate_dim=3)
    ),
    "dropout": with_module("Dropout", {"dropout": 0.5}),
    "shards": in_shards,
    "slashes": with_slashes,
    "vocab.txt": with_vocab_txt,
    "vocab.txt, cased": all_of(with_vocab_txt, with_settings(do_lower_case=False, strip_accents=True)),
}


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    pytest.importorskip("tokenizers")
    arrays = make_arrays(rng)
    words = arrays["embeddings.word_embeddings.weight"]
    more = rng.normal(scale=0.3, size=(len(MORE), words.shape[1])).astype(np.float32)
    arrays["embeddings.word_embeddings.weight"] = np.concatenate([words, more])
    made = write_bert(
        tmp_path / "bert", arrays, ("Pooling", POOLING), config=CONFIG | {"vocab_size": len(PIECES) + len(MORE)}
    )
    definition = json.loads((made / "tokenizer.json").read_text(encoding="utf-8"))
    definition["model"]["vocab"] |= {piece: len(PIECES) + row for row, piece in enumerate(MORE)}
    write_json(made / "tokenizer.json", definition)
    return made


def tokens(state: EncoderState, text: str) -> list[str]:
    encoded = SentenceEncoder(state, "attention").encode([text], return_tokens=True)
    assert isinstance(encoded, Encoded)
    return encoded.tokens[0]


def encode(state: EncoderState, texts: list[str]) -> np.ndarray:
    return np.asarray(SentenceEncoder(state, "attention", normalize=state.pooling.ends_at_unit_length).encode(texts))


@pytest.mark.interop
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.filterwarnings("ignore")
def test_vectors_are_those_of_sentence_transformers(folder: Path, edit: Edit) -> None:
    other = pytest.importorskip("sentence_transformers")
    edit(folder)
    there = other.SentenceTransformer(str(folder), device="cpu").encode(TEXTS)
    here = encode(read_encoder(folder), TEXTS)
    assert here.shape == there.shape
    np.testing.assert_allclose(here, there, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("cased", "The the", ["[CLS]", "The", "the", "[SEP]"]),
        ("cased, no class", "The", ["[CLS]", "The", "[SEP]"]),
        ("as described", "The", ["[CLS]", "the", "[SEP]"]),
        ("accents", "Café", ["[CLS]", "café", "[SEP]"]),
        ("none", "Café", ["[CLS]", "cafe", "[SEP]"]),
        ("Chinese words", "日本", ["[CLS]", "日本", "[SEP]"]),
        ("another [CLS]", "the", ["[MASK]", "the", "[SEP]"]),
        ("[CLS] of the map", "the", ["[MASK]", "the", "[SEP]"]),
        ("another [UNK]", "zzz", ["[CLS]", "[X]", "[SEP]"]),
        ("special tokens", "[X]", ["[CLS]", "[X]", "[SEP]"]),
        ("added tokens by number", "[X]", ["[CLS]", "[X]", "[SEP]"]),
        ("vocab.txt, cased", "The Café", ["[CLS]", "The", "[UNK]", "[SEP]"]),
    ],
)
def test_settings_change_how_text_is_divided(folder: Path, name: str, text: str, expected: list[str]) -> None:
    EDITS[name](folder)
    assert tokens(read_encoder(folder), text) == expected


@pytest.mark.parametrize("name", ["fewer columns", "fewer columns of length 1"])
def test_columns_that_are_kept_are_the_first(folder: Path, name: str, tmp_path: Path) -> None:
    if name != "fewer columns":
        with_module("Normalize", {})(folder)
    whole = encode(read_encoder(folder), TEXTS)
    EDITS["fewer columns"](folder)
    state = read_encoder(folder)
    assert state.dimension == 3
    np.testing.assert_array_equal(encode(state, TEXTS), whole[:, :3])
    saved = SentenceEncoder.import_folder(folder)
    saved.save(tmp_path / "saved")
    np.testing.assert_array_equal(SentenceEncoder.load(tmp_path / "saved").encode(TEXTS), whole[:, :3])
    write_encoder(state, tmp_path / "again", format="sentence-transformers")
    np.testing.assert_allclose(encode(read_encoder(tmp_path / "again"), TEXTS), whole[:, :3], atol=1e-6)


@pytest.mark.interop
def test_columns_that_are_kept_are_those_of_onnx(folder: Path, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    EDITS["fewer columns of length 1"](folder)
    state = read_encoder(folder)
    write_encoder(state, tmp_path / "onnx", format="onnx")
    library = pytest.importorskip("tokenizers").Tokenizer.from_file(str(tmp_path / "onnx" / "tokenizer.json"))
    encoded = library.encode_batch(TEXTS)
    session = runtime.InferenceSession(tmp_path / "onnx" / "model.onnx")
    given = {"input_ids": [each.ids for each in encoded], "attention_mask": [each.attention_mask for each in encoded]}
    names = {each.name for each in session.get_inputs()}
    (found,) = session.run(None, {name: np.array(given[name], np.int64) for name in names})
    np.testing.assert_allclose(found, encode(state, TEXTS), atol=1e-5)


def test_parts_that_change_nothing_are_passed_over(folder: Path) -> None:
    whole = encode(read_encoder(folder), TEXTS)
    for name in ("dropout", "slashes", "shards"):
        EDITS[name](folder)
    np.testing.assert_array_equal(encode(read_encoder(folder), TEXTS), whole)


def test_bare_bert_folder_is_imported_by_the_command(folder: Path, tmp_path: Path) -> None:
    with_vocab_txt(folder)
    (folder / "modules.json").unlink()
    assert run("import", str(folder), "--output", str(tmp_path / "m")).exit_code == 0
    np.testing.assert_array_equal(
        SentenceEncoder.load(tmp_path / "m").encode(TEXTS), encode(read_encoder(folder), TEXTS)
    )


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (with_settings(truncation_side="left"), "truncation_side"),
        (with_settings(do_lower_case="no"), "do_lower_case"),
        (with_settings(strip_accents="no"), "strip_accents"),
        (with_settings(cls_token="[GONE]"), r"\[GONE\]"),
        (with_json("config_sentence_transformers.json", truncate_dim=0), "truncate_dim"),
        (with_json("config_sentence_transformers.json", truncate_dim="3"), "truncate_dim"),
        *[
            (all_of(in_shards, with_json("model.safetensors.index.json", weight_map={"a": name})), "not the plain name")
            for name in ("../b", "..", ".", "", "/etc/hosts", "a/b")
        ],
        (all_of(in_shards, with_json("model.safetensors.index.json", weight_map=[])), "weight_map"),
        (all_of(in_shards, lambda folder: next(folder.glob("*-00002-*")).unlink()), "does not exist"),
    ],
)
def test_what_cannot_be_honoured_is_refused(folder: Path, edit: Edit, message: str, tmp_path: Path) -> None:
    edit(folder)
    with pytest.raises(ModelError, match=message):
        read_encoder(folder)
    assert_mistake(run("import", str(folder), "--output", str(tmp_path / "m")), 1)
    assert not (tmp_path / "m").exists()


def test_activation_that_is_not_known_is_said_once(folder: Path) -> None:
    with_module(
        "Dense", {"in_features": 8, "out_features": 8, "activation_function": "torch.nn.modules.activation.SiLU"}
    )(folder)
    with pytest.raises(ModelError, match="SiLU") as caught:
        read_encoder(folder)
    assert "damaged" not in str(caught.value)
