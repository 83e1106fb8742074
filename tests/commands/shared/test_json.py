"""What commands print for programs: JSON, whatever kind of model they are given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from tests.helpers.command_line import run
from tests.helpers.examples.label_examples import topic_classifier, topic_texts
from tests.helpers.examples.pictures import bars
from tests.helpers.examples.tag_models import name_tagger, named_sentences, without_columns, write_tagged
from tests.helpers.examples.text_models import counting_model, number_pairs, number_translator, write_pairs
from tests.helpers.examples.topic_examples import make_paragraphs, make_words
from tests.helpers.hub import serving_hub
from w2v import Word2Vec
from w2v.commands import main as cli
from w2v.commands.shared.output import json_text
from w2v.encoder import SentenceEncoder
from w2v.encoder.formats import write_encoder
from w2v.encoder.retrieval import SentenceIndex, Topics
from w2v.formats import write_vectors

STEPS = ("--steps", 4, "--batch-size", 8, "--evaluate-every", 2, "--workers", 1)
NETWORK = ("--architecture", "attention", "--hidden-size", 8, "--heads", 2)
SMALL = ("--hidden-size", 16, "--heads", 2, "--layers", 1, "--epochs", 1, "--workers", 1, "--batch-tokens", 400)
PICTURES = ("--hidden-size", 8, "--heads", 2, "--layers", 1, "--epochs", 1, "--workers", 1)
TRAINING = ("--vector-size", 8, "--min-count", 1, "--sample", 0, "--epochs", 1, "--workers", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a model of each kind, and files to use them on."""
    folder = tmp_path_factory.mktemp("models")
    paragraphs = make_paragraphs(40)
    (folder / "corpus.txt").write_text("\n".join(paragraphs) + "\n")
    (folder / "lines.txt").write_text("".join(f"{line}\n" for line in paragraphs for line in line.split(". ")))
    (folder / "pairs.tsv").write_text("t0w1 t0w2\tt0w3 t0w4\n" * 20)
    (folder / "pivots.tsv").write_text("t0w1 t0w2\tone\nt0w3 t0w4\tOne!\n")
    write_pairs(folder / "numbers.tsv", number_pairs(60))
    (folder / "scored.tsv").write_text("t0w1\tt0w2\t1.0\nt1w3\tt2w4\t3.0\nt1w3\tt1w4\t4.0\n")
    (folder / "analogies.txt").write_text(": all\nt0w0 t0w1 t1w0 t1w1\n")
    words = Word2Vec(vector_size=8, min_count=1, epochs=1, workers=1, random_state=1).fit(paragraphs)
    words.save(folder / "words")
    Word2Vec(vector_size=8, min_count=1, epochs=1, workers=1, subwords=True, buckets=100, random_state=1).fit(
        paragraphs
    ).save(folder / "subwords")
    make_words().save(folder / "vectors")
    SentenceEncoder(make_words()).save(folder / "closed")
    for name, network in (("static", ()), ("attention", NETWORK)):
        made = run("fit-encoder", folder / "vectors", folder / "corpus.txt", "-o", folder / name, *network, *STEPS)
        assert made.exit_code == 0, made.output
    pixels, labels = bars(40)
    np.savez(folder / "pictures.npz", x=pixels, y=labels)
    made = run("fit-images", folder / "pictures.npz", "-o", folder / "images", *PICTURES)
    assert made.exit_code == 0, made.output
    number_translator().save(folder / "translator")
    counting_model().save(folder / "lm")
    name_tagger().save(folder / "tagger")
    topic_classifier().save(folder / "topics")
    rows = zip(*topic_texts(), strict=True)
    (folder / "topics.tsv").write_text("".join(f"{label}\t{text}\n" for text, label in rows))
    write_tagged(folder / "tagged.conll", without_columns(named_sentences(20)))
    for name in ("vectors", "closed", "static", "attention"):
        SentenceIndex.build(folder / name, folder / "lines.txt", folder / f"{name}.index")
    SentenceIndex.build(folder / "vectors", folder / "corpus.txt", folder / "again.index")
    write_vectors(words.embeddings_, folder / "words.npz", format="numpy")
    write_encoder(SentenceEncoder(make_words()).state, folder / "exported.model2vec", format="model2vec")
    Topics(n_clusters=3).fit(folder / "vectors.index").save(folder / "found.topics")
    n_lines = (folder / "lines.txt").read_text().count("\n")
    (folder / "dates.txt").write_text("".join(f"{1990 + line % 7}\n" for line in range(n_lines)))
    return folder


@pytest.fixture
def hub() -> Iterator[ExitStack]:
    """Return what is left in the end."""
    with ExitStack() as held:
        yield held


WORDS, ENCODERS = ("words", "subwords", "vectors"), ("words", "subwords", "vectors", "closed", "static", "attention")
INDEXES = ("vectors.index", "closed.index", "static.index", "attention.index")
CALLS: dict[str, list[tuple[Any, ...]]] = {
    "train": [("train", "corpus.txt", "-o", "NEW", *TRAINING), ("train", "corpus.txt", "--dry-run", *TRAINING)],
    "compare": [("compare", "corpus.txt", "--with", "gensim", *TRAINING)],
    "phrases": [("phrases", "corpus.txt", "--min-count", 2)],
    "fit-encoder": [
        *(("fit-encoder", model, "corpus.txt", "-o", "NEW", *STEPS) for model in ("subwords", "attention")),
        *(
            ("fit-encoder", "vectors", *source, "-o", "NEW", *network, *STEPS)
            for network in ((), NETWORK)
            for source in (("corpus.txt",), ("--pairs", "pairs.tsv"), ("lines.txt", "--teacher", "static"))
        ),
        ("fit-encoder", "vectors", "lines.txt", "--objective", "masked", "-o", "NEW", *NETWORK, *STEPS),
        ("fit-encoder", "vectors", "corpus.txt", "--objective", "titles", "-o", "NEW", *STEPS),
    ],
    "distill": [
        ("distill", "static", "lines.txt", "--initial", "vectors", "--steps", 2, "--workers", 1, "--output", "NEW"),
    ],
    "push": [("push", "vectors", "me/vectors")],
    "fit-translator": [
        ("fit-translator", "numbers.tsv", "-o", "NEW", "--source-units", "words", "--target-units", "words", *SMALL),
    ],
    "fit-lm": [("fit-lm", "corpus.txt", "-o", "NEW", "--units", units, *SMALL) for units in ("words", "characters")],
    "fit-images": [("fit-images", "pictures.npz", "-o", "NEW", *PICTURES)],
    "label-images": [("label-images", "images", "pictures.npz", *options) for options in ((), ("--top", 2))],
    "fit-classifier": [
        ("fit-classifier", "topics.tsv", "-o", "NEW", "--workers", 1),
        ("fit-classifier", "topics.tsv", "-o", "NEW", *SMALL),
    ],
    "classify": [("classify", "topics", "lines.txt", *options) for options in ((), ("--top", 2), ("--why",))],
    "fit-tagger": [("fit-tagger", "tagged.conll", "-o", "NEW", "--architecture", "attention", *SMALL)],
    "tag": [("tag", "tagger", "lines.txt")],
    "translate": [("translate", "translator", "lines.txt")],
    "write": [("write", "lm", "one"), ("write", "lm")],
    "score": [("score", "lm", "lines.txt", *options) for options in ((), ("--by", "mixture"), ("--whole",))],
    "prune": [("prune", model, "-o", "NEW", "--max-vocab", 5) for model in WORDS],
    "info": [
        ("info", model)
        for model in (*ENCODERS, *INDEXES, "translator", "lm", "tagger", "topics", "found.topics", "images")
    ],
    "export": [
        *(("export", model, "NEW.npz", "--format", "numpy") for model in WORDS),
        ("export", "attention", "NEW", "--format", "int8"),
        ("export", "static", "NEW", "--format", "model2vec"),
    ],
    "import": [("import", "words.npz", "-o", "NEW"), ("import", "exported.model2vec", "-o", "NEW")],
    "align": [("align", "words", "subwords", "--dictionary", "identical", "-o", "NEW")],
    "neighbors": [
        *(("neighbors", model, "t0w1") for model in WORDS),
        *(("neighbors", model, "t0w1 t0w2") for model in ENCODERS),
        ("neighbors", "words", "t0w1", "--in", "subwords"),
    ],
    "analogy": [("analogy", model, "t0w1", "t0w2", "t0w3") for model in WORDS],
    "similarity": [("similarity", model, "t0w1", "t0w2") for model in WORDS],
    "similar": [("similar", model, "lines.txt", "t0w1") for model in ENCODERS],
    "attention": [("attention", model, "t0w1 t0w2") for model in ENCODERS],
    "encode": [("encode", model, "lines.txt") for model in ENCODERS],
    "download": [("download", "--list")],
    "evaluate": [
        *(("evaluate", model, "--word-pairs", "scored.tsv", "--analogies", "analogies.txt") for model in WORDS),
        *(("evaluate", model, "--sts", "scored.tsv") for model in ENCODERS),
        ("evaluate", "tagger", "--tags", "tagged.conll"),
    ],
    "index": [
        *(("index", model, "lines.txt", "-o", "NEW", "--dtype", "int8") for model in ENCODERS),
        *(("index", model) for model in WORDS),
    ],
    "search": [("search", model, "t0w1 t0w2") for model in INDEXES],
    "edit-index": [("edit-index", "vectors.index", "--compact")],
    "merge-index": [("merge-index", "vectors.index", "again.index", "-o", "NEW")],
    "duplicates": [
        *(("duplicates", "lines.txt", *what) for what in (("--threshold", 0.5), ("--groups",), ("--keep", "NEW"))),
        *(("duplicates", "lines.txt", "--model", model, "--groups") for model in ENCODERS),
        *(("duplicates", index, "--threshold", 0.5) for index in INDEXES),
    ],
    "pivots": [("pivots", "pivots.tsv", "-o", "NEW", "--min-words", 2)],
    "mine": [
        ("mine", *texts, "-o", "NEW", "--threshold", 0.1, "--min-words", 1, "--max-overlap", 1)
        for texts in (("lines.txt", "corpus.txt", "--model", "vectors"), ("vectors.index", "vectors.index"))
    ],
    "cluster": [
        *(("cluster", "lines.txt", "--model", model, "-k", 3) for model in ENCODERS),
        *(("cluster", model, "-k", 3) for model in INDEXES),
    ],
    "topics": [
        ("topics", "lines.txt", "--model", "vectors", "-k", 3, "--dates", "dates.txt", "--tree"),
        ("topics", "static.index", "--method", "hdbscan", "--min-size", 5),
        ("topics", "found.topics", "--topics", 2),
    ],
}


def flags_for_programs() -> dict[str, list[str]]:
    """Return the options --json and --jsonl of each command that has one."""
    context = click.Context(cli.main)
    found = {}
    for name in cli.main.list_commands(context):
        command = cli.main.get_command(context, name)
        assert command is not None
        flags = [flag for option in command.params for flag in option.opts if flag in ("--json", "--jsonl")]
        if flags:
            found[name] = flags
    return found


def test_calls_cover_every_command_that_prints_json() -> None:
    assert flags_for_programs().keys() == CALLS.keys()


@pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload:DeprecationWarning")  # huggingface_hub's
@pytest.mark.parametrize("command", CALLS)
def test_json_of_every_command_can_be_read(
    command: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: ExitStack
) -> None:
    monkeypatch.chdir(folder)
    hub.enter_context(serving_hub(tmp_path / "cache") if command == "push" else nullcontext())
    for number, call in enumerate(CALLS[command]):
        for flag in flags_for_programs()[command]:
            arguments = [
                tmp_path / f"{number}{flag}{part[3:]}" if str(part).startswith("NEW") else part for part in call
            ]
            result = run(*arguments, flag)
            assert result.exit_code == 0, (arguments, result.output)
            is_of_lines = flag == "--jsonl" or command in ("translate", "score", "tag", "classify", "label-images")
            texts = result.stdout.splitlines() if is_of_lines else [result.stdout]
            assert texts or "--groups" in call or "duplicates" in call, arguments
            for text in texts:
                json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not strict JSON"))


def test_json_text_takes_what_numpy_makes() -> None:
    value = {"a": np.bool_(True), "b": [np.float32(0.5), np.int64(3), float("nan")], "c": (np.arange(2), Path("x"))}
    assert json.loads(json_text(value)) == {"a": True, "b": [0.5, 3, None], "c": [[0, 1], "x"]}
    assert json.loads(json_text(np.float64("inf"))) is None
