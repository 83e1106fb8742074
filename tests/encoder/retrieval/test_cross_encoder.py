"""Cross-encoders: scores of pairs as transformers makes them, whatever else is in a batch, and what is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.bert_folders import DIM, HEADED, make_arrays, write_bert, write_cross_encoder, write_json
from tests.helpers.examples.encoder_examples import make_embeddings
from tests.helpers.twins import naive_layers
from w2v import ModelError
from w2v.encoder import SentenceEncoder
from w2v.encoder.retrieval import CrossEncoder

PAIRS = [
    ("the river", "The rivers."), ("the", "日本 " * 9), ("the " * 20, "river"), ("the " * 20, "river " * 20), ("", ""),
    ("don't", "the riverside"),
]  # fmt: skip
PIECES = {
    0: ([2, 5, 6, 3, 5, 6, 7, 11, 3], [0] * 4 + [1] * 5),
    2: ([2, *[5] * 12, 3, 6, 3], [0] * 14 + [1] * 2),
    3: ([2, *[5] * 6, 3, *[6] * 7, 3], [0] * 8 + [1] * 8),
    4: ([2, 3, 3], [0, 0, 1]),
}
"""Numbers and types of the pieces of some of the pairs, 16 at most, of which the longer text loses its end."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("tokenizers")
    return write_cross_encoder(tmp_path_factory.mktemp("cross") / "cross", np.random.default_rng(5))


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "cross"))


def changed(folder: Path, name: str, **entries: Any) -> None:
    file = folder / name
    before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    write_json(file, before | entries)


def naive_logit(folder: Path, number: int) -> float:
    arrays = {name.removeprefix("bert."): array for name, array in load_file(folder / "model.safetensors").items()}
    ids, types = PIECES[number]
    first = naive_layers.bert(arrays, ids, 2, token_types=types)[0]
    pooled = np.tanh(arrays["pooler.dense.weight"].astype(np.float64) @ first + arrays["pooler.dense.bias"])
    return float((arrays["classifier.weight"] @ pooled + arrays["classifier.bias"])[0])


def test_scores_are_those_of_the_formulas_in_float64(folder: Path) -> None:
    logits = np.array([naive_logit(folder, number) for number in PIECES])
    assert np.ptp(logits) > 0.1
    scores = CrossEncoder(folder).predict([PAIRS[number] for number in PIECES])
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-logits)), atol=1e-5)
    changed(folder, "config_sentence_transformers.json", activation_fn="torch.nn.modules.linear.Identity")
    np.testing.assert_allclose(CrossEncoder(folder).predict([PAIRS[number] for number in PIECES]), logits, atol=1e-5)


@pytest.mark.parametrize(
    "entries",
    [
        {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "4.1.0"}},
    ],
)
def test_older_folders_say_elsewhere_that_there_is_no_sigmoid(folder: Path, entries: dict[str, Any]) -> None:
    changed(folder, "config.json", **entries)
    assert CrossEncoder(folder).predict(PAIRS[0]) == pytest.approx(naive_logit(folder, 0), abs=1e-5)


def test_batches_and_threads_change_no_bit(saved: Path) -> None:
    expected = CrossEncoder(saved, workers=1).predict(PAIRS)
    told: list[tuple[int, int]] = []
    scores = CrossEncoder(saved, workers=3).predict(iter(PAIRS), batch_size=4, progress=lambda *at: told.append(at))
    np.testing.assert_array_equal(scores, expected)
    np.testing.assert_array_equal([CrossEncoder(saved).predict(pair) for pair in PAIRS], expected)
    assert told == [(4, 6), (6, 6)] and scores.dtype == np.float32
    assert CrossEncoder(saved).predict([]).shape == (0,)


def test_rank_orders_as_sentence_transformers_does(saved: Path) -> None:
    model, texts = CrossEncoder(saved), ["日本", "the river", "日本", "don't"]
    scores = model.predict([("the rivers", text) for text in texts])
    ranked = model.rank("the rivers", texts, return_documents=True)
    assert [found["corpus_id"] for found in ranked] == sorted(range(4), key=lambda i: (-scores[i], i))
    assert all(found["text"] == texts[found["corpus_id"]] for found in ranked)
    assert all(found["score"] == scores[found["corpus_id"]] for found in ranked)
    top = model.rank("the rivers", texts, top_k=2)  # type: ignore[call-arg]
    assert top == [{name: found[name] for name in ("corpus_id", "score")} for found in ranked[:2]]


def test_types_do_not_count_where_the_tokenizer_gives_none(folder: Path) -> None:
    changed(folder, "tokenizer_config.json", model_input_names=["input_ids", "attention_mask"])
    arrays = load_file(folder / "model.safetensors")
    before = CrossEncoder(folder).predict(PAIRS[0])
    arrays["bert.embeddings.token_type_embeddings.weight"][1] += 1
    save_file(arrays, folder / "model.safetensors")
    assert CrossEncoder(folder).predict(PAIRS[0]) == before


def drop(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        arrays = load_file(folder / "model.safetensors")
        del arrays[name]
        save_file(arrays, folder / "model.safetensors")

    return change


def widen(folder: Path) -> None:
    arrays = load_file(folder / "model.safetensors")
    arrays["classifier.weight"] = np.ones((3, DIM), np.float32)
    save_file(arrays, folder / "model.safetensors")


def with_one_type(folder: Path) -> None:
    arrays = load_file(folder / "model.safetensors")
    name = "bert.embeddings.token_type_embeddings.weight"
    save_file(arrays | {name: arrays[name][:1].copy()}, folder / "model.safetensors")


def with_dense(folder: Path) -> None:
    kinds = {"": "Transformer", "1_Dense": "Dense"}
    write_json(folder / "modules.json", [{"path": path, "type": f"x.{kind}"} for path, kind in kinds.items()])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: changed(folder, "config.json", architectures=["BertModel"]), "is not a cross-encoder"),
        (
            lambda folder: changed(folder, "config.json", architectures=["RobertaForSequenceClassification"]),
            "RobertaForSequenceClassification are not supported, only BertForSequenceClassification",
        ),
        (lambda folder: changed(folder, "config.json", model_type="x"), "the network has the type 'x'"),
        (drop("classifier.bias"), "the array 'classifier.bias' is missing"),
        (drop("bert.pooler.dense.weight"), "the array 'pooler.dense.weight' is missing"),
        (widen, "computes 3 scores per pair, but a cross-encoder for ranking one"),
        (with_one_type, "gives tokens the type 1, but"),
        (with_dense, "lists Transformer, Dense; only cross-encoders of a single Transformer"),
        (
            lambda folder: changed(folder, "config_sentence_transformers.json", activation_fn="my.Swish"),
            "the activation 'my.Swish' of scores is not supported",
        ),
        (lambda folder: changed(folder, "tokenizer_config.json", model_max_length=2), "has 3 special pieces"),
        (shutil.rmtree, "is not a folder"),
    ],
)
def test_what_is_something_else_is_refused(folder: Path, change: Callable[[Path], None], message: str) -> None:
    change(folder)
    with pytest.raises(ModelError, match=message):
        CrossEncoder(folder)


def test_pairs_that_are_none_are_refused(saved: Path) -> None:
    model = CrossEncoder(saved)
    wrong: list[tuple[list[Any], str]] = [
        (["the", "river", "x"], "pair 0 must be two texts, not 'the'"),
        ([("the", "river"), ("the",)], r"pair 1 must be two texts, not \('the',\)"),
        ([("the", 3)], "pair 0 contains something that is not text: 3"),
    ]
    for pairs, message in wrong:
        with pytest.raises(TypeError, match=message):
            model.predict(pairs)
    with pytest.raises(ValueError, match="batch_size"):
        model.predict(PAIRS, batch_size=0)
    with pytest.raises(ValueError, match="top_n must be at least 1"):
        model.rank("the", ["river"], top_n=0)
    with pytest.raises(TypeError, match=r"a list of texts is needed, not one: write \['river'\]"):
        model.rank("the", "river")


def test_a_cross_encoder_is_not_taken_for_an_encoder(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="scores pairs of texts and computes no vectors"):
        SentenceEncoder.import_folder(saved)
    result = run("import", saved, "--output", tmp_path / "my.encoder")
    assert_mistake(result, 1, "--rerank")
    make_embeddings().save(tmp_path / "my.model")
    with pytest.raises(ModelError, match="is not a cross-encoder"):
        CrossEncoder(tmp_path / "my.model")


@pytest.mark.slow
@pytest.mark.interop
def test_scores_are_those_of_transformers_and_sentence_transformers(tmp_path: Path) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    write_bert(tmp_path / "bert", make_arrays(np.random.default_rng(6)), config=HEADED)
    torch.manual_seed(3)
    config = transformers.AutoConfig.from_pretrained(tmp_path / "bert", num_labels=1, initializer_range=0.5)
    theirs = transformers.BertForSequenceClassification(config).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "bert", model_max_length=16)
    theirs.save_pretrained(tmp_path / "cross")
    tokenizer.save_pretrained(tmp_path / "cross")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "cross").eval()
    firsts, seconds = zip(*PAIRS, strict=True)
    encoded = tokenizer(list(firsts), list(seconds), padding=True, truncation=True, return_tensors="pt")
    with torch.no_grad():
        logits = theirs(**encoded).logits[:, 0].numpy()
    assert np.ptp(logits) > 0.1
    scores = CrossEncoder(tmp_path / "cross").predict(PAIRS)
    np.testing.assert_allclose(np.log(scores / (1 - scores)), logits, atol=1e-5)
    library = sentence_transformers.CrossEncoder(str(tmp_path / "cross"), device="cpu", local_files_only=True)
    np.testing.assert_allclose(scores, library.predict(PAIRS), atol=1e-6)
    library.save_pretrained(str(tmp_path / "again"))
    np.testing.assert_array_equal(CrossEncoder(tmp_path / "again").predict(PAIRS), scores)
