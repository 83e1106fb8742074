"""Options that would have no effect are refused, even with their default values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.command_line import assert_mistake, run
from tests.helpers.examples.label_examples import topic_classifier
from w2v import Embeddings, Parameters, SentenceEncoder, Word2Vec
from w2v.encoding.vocabulary import Vocabulary

SMALL: dict[str, Any] = {"min_count": 1, "vector_size": 4, "epochs": 1, "sample": 0, "workers": 1, "random_state": 1}
SENTENCES = [["a", "b", "c", "a"], ["b", "c", "d"]] * 5
COUNTED = Vocabulary(["a", "b", "c"], np.array([3, 2, 1]))
GLOVE, PAIRS = ["--objective", "glove"], ["--lines", "pairs"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([*GLOVE, "--negative", 5], "--negative is for negative sampling"),
        ([*GLOVE, "--ns-exponent", 0.75], "--ns-exponent is for negative sampling"),
        ([*GLOVE, "--algorithm", "skipgram"], "--algorithm is for objectives that train on the text itself"),
        ([*GLOVE, "--sample", 0.001], "--sample is for objectives that train on the text itself"),
        ([*GLOVE, "--held-out", 0.1], "--held-out is for objectives that train on the text itself"),
        ([*GLOVE, "--shrink-windows"], "--shrink-windows draws windows, but GloVe counts in the whole of each"),
        ([*GLOVE, "--learning-rate-hold", 0], "constant unless --min-learning-rate is given"),
        (["--objective", "hs", "--negative", 5], "--negative is for negative sampling"),
        (["--objective", "softmax", "--ns-exponent", 0.75], "--ns-exponent is for negative sampling"),
        (["--x-max", 10], "--x-max weighs the counts of GloVe"),
        (["--no-position-weights"], "--position-weights is for CBOW"),
        (["--min-n", 3], "--min-n is for n-grams: give subwords"),
        (["--max-n", 2], "--max-n is for n-grams: give subwords"),
        (["--buckets", 100], "--buckets is for n-grams: give subwords"),
        (["--phrase-passes", 1], "--phrase-passes affects how phrases are found: give phrases"),
        (["--languages", "en,de"], "--languages tags the words of parallel lines"),
        (["--monitor", "pairs"], "--monitor selects what patience watches"),
        ([*PAIRS, "--window", 3], "--window is for the words of a sentence"),
        ([*PAIRS, "--tokenizer", "words"], "--tokenizer finds the words of a sentence"),
    ],
    ids=str,
)
def test_train_refuses_an_option_without_effect(options: list[object], message: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a\tb\n", encoding="utf-8")
    assert_mistake(run("train", tmp_path / "text", "-o", tmp_path / "m", *options), 2, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"objective": "glove", "shrink_windows": True}, None),  # the default counts as left out
        ({"objective": "glove", "shrink_windows": False, "sample": 0}, None),  # this is what GloVe does
        ({"objective": "glove", "alpha_hold": 0.5}, "alpha_hold says when the learning rate begins to fall"),
        ({"objective": "glove", "alpha_hold": 0.5, "min_alpha": 0.01}, None),
        ({"min_n": 2}, "min_n is for n-grams"),
        ({"subwords": True, "min_n": 2}, None),
        ({"lines": "pairs", "window": 3}, "window is for the words of a sentence"),
        ({"lines": "pairs", "tokenizer": "whitespace"}, "tokenizer finds the words of a sentence"),
        ({"lines": "pairs", "tokenizer": "tabs"}, None),  # this is what pairs do
    ],
    ids=str,
)
def test_parameters_without_effect_are_refused(options: dict[str, Any], message: str | None) -> None:
    parameters = Parameters(**options)
    if message is None:
        parameters.validate()
    else:
        with pytest.raises(ValueError, match=f"^{message}"):
            parameters.validate()


@pytest.mark.parametrize("options", [{"objective": "glove"}, {"lines": "pairs"}, {"objective": "hs"}], ids=str)
def test_a_loaded_model_can_be_trained_again_with_what_had_no_effect_left_out(
    options: dict[str, Any], tmp_path: Path
) -> None:
    corpus = [("a", "b"), ("b", "c")] * 5 if options.get("lines") == "pairs" else SENTENCES
    small = {
        name: value for name, value in SMALL.items() if not (options.get("objective") == "glove" and name == "sample")
    }
    Word2Vec(**small | options).fit(corpus).save(tmp_path / "m")
    again = Word2Vec.load(tmp_path / "m")
    before = again.vectors_.copy()
    assert np.array_equal(again.fit(corpus).vectors_, before)


def test_the_other_commands_of_words_refuse_options_without_effect(tmp_path: Path) -> None:
    model, text, pairs = tmp_path / "m", tmp_path / "t.txt", tmp_path / "pairs.tsv"
    Embeddings(["a", "b", "c"], np.eye(3, dtype=np.float32)).save(model)
    text.write_text("a b c\n", encoding="utf-8")
    pairs.write_text("a\tb\t1\nb\tc\t2\n", encoding="utf-8")
    new = tmp_path / "new"
    cases: list[tuple[list[object], str]] = [
        (["evaluate", model, "--word-pairs", pairs, "--method", "add"], "--method is for --analogies FILE"),
        (["evaluate", model, "--word-pairs", pairs, "--restrict-vocab", 9], "--restrict-vocab is for --analogies"),
        (["evaluate", model, "--word-pairs", pairs, "--folder", tmp_path], "--folder is where --standard looks"),
        (["align", model, model, "--dictionary", "identical", "--seed", 0, "-o", new], "give --dictionary none"),
        (["phrases", text, "--output", "-", "--top", 20], "--top is for the table of phrases"),
        (["phrases", text, "--load", "p.json", "-o", new, "--json"], "--json is for the phrases that are found"),
        (
            ["export", model, new, "--format", "glove", "--first-block"],
            "--first-block is for encoders of several blocks",
        ),
        (["import", text, "-o", new, "--format", "fasttext-classifier", "--encoding", "utf-8"], "is for word vectors"),
        (["import", text, "-o", new, "--format", "model2vec", "--errors", "strict"], "give --word-vectors"),
    ]
    for arguments, message in cases:
        assert_mistake(run(*arguments), 2, message)
    assert not new.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit-lm", "--kernel-size", 3], "--kernel-size is the width of a convolution: give architecture convolution"),
        (["fit-lm", "--architecture", "recurrent", "--heads", 4], "--heads is for attention"),
        (["fit-tagger", "--layers", 0, "--feed-forward", 0.5], "--feed-forward is for blocks: give layers"),
        (["fit-classifier", "--smoothing", 0], "--smoothing is for layers: give layers"),
        (["fit-classifier", "--layers", 1, "--word-ngrams", 2], "--word-ngrams is for classifiers without layers"),
        (["fit-classifier", "--min-n", 3], "--min-n is for n-grams of characters: give max_n"),
    ],
    ids=str,
)
def test_networks_refuse_options_without_effect(arguments: list[object], message: str, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a\tb\n", encoding="utf-8")
    command, *options = arguments
    assert_mistake(run(command, tmp_path / "text", "-o", tmp_path / "m", *options), 2, message)


OF_ENCODERS: list[tuple[list[object], str]] = [
    (["--hidden-size", 64], "--hidden-size is for a network: give architecture attention, recurrent or convolution"),
    (["--layers", 1], "--layers is for a network"),
    (["--architecture", "static", "--dropout", 0.1], "--dropout is for a network"),
    (["--kernel-size", 3], "--kernel-size is for a network"),
    (["--positions", "none"], "--positions is for a network"),
    (["--clip", 1], "--clip is for a network"),
    (["--optimizer", "muon"], "--optimizer is for a network"),
    (["--network-rate", 0.01], "--network-rate is for a network or a teacher"),
    (["--architecture", "attention", "--kernel-size", 3], "--kernel-size is the width of a convolution"),
    (["--architecture", "recurrent", "--heads", 2], "--heads is for attention"),
    (["--architecture", "recurrent", "--positions", "rotary"], "only attention uses relative and rotary positions"),
    (["--mask-fraction", 0.2], "--mask-fraction is for masked words: give objective masked"),
    (
        ["--objective", "masked", "--architecture", "attention", "--a", 0.01],
        "but the objective masked weighs all alike",
    ),
    (["--objective", "masked", "--architecture", "attention", "--table-first"], "--table-first is for a new network"),
    (
        ["--objective", "masked", "--architecture", "attention", "--order-share", 1],
        "--order-share weighs swapped words",
    ),
    (["--word-dropout", 0.1], "--word-dropout is for pairs: give them with --pairs"),
    (["--pair-weights", "1"], "--pair-weights is for pairs"),
    (["--corpus-share", 0.5], "--corpus-share weighs a corpus beside pairs"),
    (["--teacher", "PAIRS", "--min-tokens", 3], "all sentences of pairs and of a teacher are used"),
    (["--teacher", "PAIRS", "--objective", "neighbors"], "--objective is what a corpus teaches without a teacher"),
]


@pytest.mark.parametrize(("options", "message"), OF_ENCODERS, ids=str)
def test_fit_encoder_refuses_options_without_effect(options: list[object], message: str, tmp_path: Path) -> None:
    text, output = tmp_path / "t.txt", tmp_path / "new"
    text.write_text("a b c. b c a.\n" * 20, encoding="utf-8")
    Embeddings(COUNTED, np.eye(3, dtype=np.float32)).save(tmp_path / "m")
    given = [text if option == "PAIRS" else option for option in options]
    assert_mistake(run("fit-encoder", tmp_path / "m", text, "-o", output, *given), 2, message)
    assert not output.exists()


def test_fit_encoder_refuses_what_contradicts_the_encoder_it_starts_from(tmp_path: Path) -> None:
    text, start, output = tmp_path / "t.txt", tmp_path / "start", tmp_path / "new"
    text.write_text("A b c. B c a.\n" * 20, encoding="utf-8")
    words = Embeddings(COUNTED, np.eye(3, dtype=np.float32))
    untrained = SentenceEncoder(words, "recurrent", layers=2, dim=4)
    untrained.save(start)
    few = ["--steps", 1, "--batch-size", 4, "--min-tokens", 1, "--workers", 1]
    for options, code, message in (
        (["--layers", 1], 1, "the layers to start from were trained with layers 2, not layers 1"),
        (["--a", 0.0003], 2, "--a is for a MODEL of word vectors, but this one is an encoder already"),
        (["--kernel-size", 3], 2, "--kernel-size is the width of a convolution"),
    ):
        assert_mistake(run("fit-encoder", start, text, "-o", output, *few, *options), code, message)
    agreeing = ["--layers", 2, "--hidden-size", 4, "--dropout", 0.2, "--table-first"]  # its network is untrained
    result = run("fit-encoder", start, text, "-o", output, *few, *agreeing)
    assert result.exit_code == 0, result.output
    assert untrained.state.parameters is not None
    untrained.state.parameters["output.weight"][...] = 0.1
    untrained.save(start, overwrite=True)
    mistake = run("fit-encoder", start, text, "-o", tmp_path / "newer", *few, "--table-first")
    assert_mistake(mistake, 2, "--table-first is for a new network")


def test_the_other_commands_refuse_options_without_effect(tmp_path: Path) -> None:
    text, index = tmp_path / "t.txt", tmp_path / "my.index"
    text.write_text("a b c\nb c a\n", encoding="utf-8")
    model = tmp_path / "m"
    Embeddings(COUNTED, np.eye(3, dtype=np.float32)).save(model)
    assert run("index", model, text, "-o", index).exit_code == 0
    no_model = tmp_path / "none"
    cases: list[tuple[list[object], str]] = [
        (["translate", no_model, "--n-best", 1], "--n-best needs --json"),
        (["write", no_model, "a", "--greedy", "--top-k", 5], "--top-k is for sampling: leave out --greedy"),
        (["label-images", no_model, "x.png", "--layer", 1], "--layer selects what --attention FILE draws"),
        (["classify", no_model, text, "--top", 1], "--top needs --json"),
        (["tag", no_model, text, "--json", "--format", "conll"], "--format is for texts whose tags are printed"),
        (["topics", index, "--min-size", 2], "--min-size is for HDBSCAN: give --method hdbscan"),
        (["topics", index, "--method", "hdbscan", "-k", 2], "--clusters is for k-means"),
        (["topics", index, "--linkage", "average"], "--linkage is for --topics and --tree"),
        (["duplicates", text, "--groups", "--top", 2], "--top limits the pairs that are printed"),
        (["duplicates", text, "--exact", "--seed", 1], "--seed draws cluster centres"),
        (["mine", text, text, "--model", model, "--exact", "--seed", 1, "-o", no_model], "--seed draws cluster"),
        (["search", index, "a", "--candidates", 5], "--candidates is for --by both and --rerank"),
        (["search", index, "a", "--by", "words", "--exact"], "--exact is for a search by meaning"),
        (["search", index, "a", "--errors", "replace"], "--errors is for --queries FILE"),
        (["edit-index", index, "--compact", "--text-column", "t"], "--text-column names a column of --replace FILE"),
        (["edit-index", index, "--compact", "--errors", "strict"], "--errors is for --replace FILE"),
        (["index", model, "--text-column", "t"], "--text-column is for the texts of FILE"),
        (["index", index, "--dtype", "int8"], "stores its vectors already"),
        (["index", index, text, "--append", "--dtype", "int8"], "--append uses the settings of the index"),
        (["index", model, text, "-o", no_model, "--effort", 9], "--effort is for graphs: give --approximate"),
        (["index", model, "--exact"], "--exact builds nothing here"),
        (["encode", model, text, "-o", "v.npy", "--format", "npy"], "--format is for a folder of vectors"),
        (["plot", "words", model, "a", "b", "--seed", 1], "--seed is for --method tsne and umap"),
        (["plot", "words", model, "a", "b", "--restrict-vocab", 2], "--restrict-vocab is for --neighbors N"),
        (["plot", "words", model, "a", "b", "-o", "w.svg", "--dpi", 90], "--dpi is for a PNG"),
        (["report", model, "-o", "r.html", "--license", "mit"], "--license is for the Hub's front matter"),
        (["download", "text8", "--list"], "NAME is for a download, but --list only lists"),
        (["distill", model, text, "-o", no_model, "--initial", model, "--min-count", 5], "trained on TEXT"),
    ]  # fmt: skip
    for arguments, message in cases:
        assert_mistake(run(*arguments), 2, message)
    assert not no_model.exists()


def test_a_classifier_may_be_trained_with_a_number_of_threads(tmp_path: Path) -> None:
    text = tmp_path / "text.tsv"
    text.write_text("x\tone two\ny\tthree four\n" * 20, encoding="utf-8")
    assert run("fit-classifier", text, "-o", tmp_path / "m", "--workers", 1, "--epochs", 1).exit_code == 0
    topic_classifier().save(tmp_path / "small")
    assert_mistake(
        run("evaluate", tmp_path / "small", "--labels", text, "--method", "add"),
        2,
        "--method is for another kind of model",
    )


def test_a_window_is_of_words_alone_and_a_convolution_has_a_kernel_size(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("a b c d\n" * 20, encoding="utf-8")
    for command in ("fit-lm", "fit-encoder", "fit-tagger", "fit-classifier", "fit-translator", "fit-images"):
        assert_mistake(run(command, text, "--window", 3), 2, "No such option", "Here it is --kernel-size.")
        assert "--kernel-size" in run(command, "--help-all").stdout
    assert "--kernel-size" not in run("train", "--help-all").stdout
    small = ["--units", "characters", "--layers", 1, "--hidden-size", 8, "--max-time", 0.2]
    wide = ["--architecture", "convolution", "--kernel-size", 5]
    assert run("fit-lm", text, "-o", tmp_path / "m", *small, *wide).exit_code == 0
    assert json.loads(run("info", tmp_path / "m", "--json").stdout)["parameters"]["kernel_size"] == 5


@pytest.mark.parametrize(
    ("option", "ours"),
    [("--dim", "--vector-size"), ("--ws", "--window"), ("--neg", "--negative"), ("--lr", "--learning-rate"),
     ("--epoch", "--epochs"), ("--thread", "--workers"), ("--minn", "--min-n"), ("--bucket", "--buckets")],
)  # fmt: skip
def test_options_of_fasttext_are_answered(option: str, ours: str) -> None:
    assert_mistake(run("train", "text", option, 5), 2, f"Here it is {ours}.")


@pytest.mark.parametrize(
    ("command", "option", "ours"),
    [("write", "--length", "--max-tokens"), ("write", "--max-new-tokens", "--max-tokens"),
     ("write", "--topk", "--top-k"), ("fit-lm", "--num-layers", "--layers"),
     ("fit-lm", "--n-embd", "--hidden-size"), ("fit-lm", "--block-size", "--context"),
     ("fit-translator", "--label-smoothing", "--smoothing"), ("fit-translator", "--vocab-size", "--vocabulary-size"),
     ("translate", "--num-beams", "--beam"), ("fit-classifier", "--wordNgrams", "--word-ngrams"),
     ("fit-classifier", "--pretrainedVectors", "--vectors"), ("search", "--k", "--top"),
     ("search", "--filter", "--where"), ("topics", "--nr-topics", "--topics"),
     ("topics", "--min-cluster-size", "--min-size"), ("import", "--limit", "--max-vocab"),
     ("train", "--save-path", "--output"), ("train", "--force", "--overwrite"),
     ("train", "--n-jobs", "--workers")],
)  # fmt: skip
def test_options_of_other_programs_are_answered(command: str, option: str, ours: str) -> None:
    assert_mistake(run(command, option, 5), 2, f"No such option {option!r}", f"Here it is {ours}.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [("train text -dim 50", "No such option '-dim'. Here it is --vector-size."),
     ("train text -output my.model", "No such option '-output'. Here it is --output."),
     ("train -input text", "No such option '-input'. Here it is the argument INPUT, without an option"),
     ("train --input text", "Here it is the argument INPUT, without an option."),
     ("train text -cbow 1", "No such option '-cbow'. Names of options begin with two dashes."),
     ("train text -lr=0.1", "No such option '-lr'. Here it is --learning-rate."),
     ("fit-classifier -input text", "Here it is the argument FILE, without an option")],
)  # fmt: skip
def test_options_with_one_dash_are_answered(
    arguments: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("a b c\n" * 20)
    assert_mistake(run(*arguments.split()), 2, message)
    assert [file.name for file in tmp_path.iterdir()] == ["text"]


def test_a_value_may_follow_its_short_option_at_once(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("a b c\n" * 20)
    assert (
        run("train", text, f"-o{tmp_path / 'my.model'}", "--min-count", 1, "--epochs", 1, "--sample", 0).exit_code == 0
    )
    assert (tmp_path / "my.model").is_dir()
    assert_mistake(run("train", "--", "-dim"), 2, "-o")


def test_an_option_before_its_command_is_answered() -> None:
    for arguments in (["--json", "info", "my.model"], ["--config", "w2v.toml", "train", "text"]):
        assert_mistake(run(*arguments), 2, f"No such option '{arguments[0]}'; the options of a command come after its")
