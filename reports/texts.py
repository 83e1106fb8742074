"""Cards of translators and language models."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from w2v.corpora.parallel import Pairs, read_pairs
from w2v.corpora.readers import CorpusError, TextReader
from w2v.corpora.units import UNKNOWN
from w2v.display.wording import decimals, in_words, percent, shortened
from w2v.neural.names import JUDGES, Judge
from w2v.neural.stack import StackConfig
from w2v.neural.tasks.applying import used_of_network
from w2v.neural.tasks.folder import LANGUAGE_MODELS, TRANSLATORS, TextNetwork
from w2v.neural.tasks.parameters import LanguageModelParameters, TranslatorParameters
from w2v.neural.tasks.text.bleu import bleu
from w2v.neural.tasks.text.language_model import LanguageModel
from w2v.neural.tasks.text.translation import Translator
from w2v.reports.assembling import Request, duration, make_card, name_of, shell, size_on_disk
from w2v.reports.blocks import Block, Bullets, Card, Code, Paragraph, Result, Section, Table
from w2v.reports.history import pictures_of_text, records, training_section
from w2v.reports.measures import Measured
from w2v.reports.requests import TRANSLATOR, WRITER, check_request
from w2v.reports.settings import as_mapping, parameter_blocks

OPENERS: dict[str, Callable[[str | os.PathLike[str]], Translator | LanguageModel]] = {
    TRANSLATORS.name: Translator.load,
    LANGUAGE_MODELS.name: LanguageModel.load,
}
"""The class that opens each kind of model folder."""

N_EXAMPLES, N_SAMPLES = 8, 5
ALWAYS_SHOWN = ("architecture", "layers", "heads", "dim", "dropout", "learning_rate")
LONGEST, _LONGEST_SAMPLE = 200, 300
_BIAS = "It reproduces its training texts, with their gaps and biases; check it before you rely on it."
_UNITS_OF_SAMPLE = {"characters": 240, "subwords": 60, "words": 40}


def card_of_text(model: Translator | LanguageModel, request: Request) -> Card:
    """Return the card of a translator or of a language model.

    Raises
    ------
    CorpusError, ModelError
        If a file for the evaluation, or the model to compare with, cannot be used.
    ModuleNotFoundError
        If translations are to be evaluated but the package sacrebleu is missing.
    ValueError
        If the request contains something that does not apply to such a model.
    """
    return _card_of_translator(model, request) if isinstance(model, Translator) else _card_of_writer(model, request)


def _card_of_translator(translator: Translator, request: Request) -> Card:
    check_request(request, TRANSLATOR)
    network, history = translator.network_, records(translator.history_)
    measured, examples = Measured(), list[Block]()
    if request.files.pairs:
        request.tell("translating")
        examples += _measure_translations(translator, request, measured)
    if request.options.sentences is not None:
        request.tell("translating")
        examples += _translations_of_lines(translator, request.options.sentences)
    folder = name_of(request.folder, "my.translator")
    python = f"""from w2v import Translator

translator = Translator.load({folder!r})
translator.translate(["A sentence.", "Another one."])
translator.explain(["A sentence."])  # with probabilities, alternatives and alignments"""
    best, is_joint = best_record(history), network.units["source"] == network.units["target"]
    facts = [("shared table of units", in_words(is_joint)), ("training is complete", in_words(network.complete))]
    return make_card(
        "Translator",
        "Translates from one language into another: an encoder reads the source, in "
        f"{units_of(network, 'source')}, and a decoder generates the translation, in {units_of(network, 'target')}, "
        "one unit after another.",
        [
            *_network_facts(network),
            ("held-out BLEU", figure_of(best.get("bleu"), 1)),
            ("held-out perplexity", _perplexity(best.get("held_out_loss"))),
            ("training", duration(history)),
            ("size", size_on_disk(request.folder)),
        ],
        [
            usage(f"translate {shlex.quote(folder)} sentences.txt", f"explore {shlex.quote(folder)}", python=python),
            Section("Translations", tuple(examples)) if examples else None,
            training_section(history, "step", pictures_of_text(history)),
            measured.section(),
            settings_of(network, network.config.decoder, vars(TranslatorParameters()), facts),
            Section("Limits", (Bullets((
                "Translations are fluent, but may not have the meaning of the source: check them where it matters.",
                "It is reliable only for texts like those it was trained on; elsewhere it has rarely seen the words.",
                "Each line is translated independently of the text around it.",
                _BIAS,
            )),)),
        ],
        ("translation", ("translation",)),
        measured,
        request,
    )  # fmt: skip


def _card_of_writer(model: LanguageModel, request: Request) -> Card:
    check_request(request, WRITER)
    network, history, metadata = model.network_, records(model.history_), model.network_.metadata
    measured = Measured()
    if request.files.texts:
        request.tell("evaluating the texts")
        _measure_texts(model, request, measured)
    request.tell("writing")
    folder, floor = name_of(request.folder, "my.lm"), metadata.get("ngram_loss")
    python = f"""from w2v import LanguageModel

model = LanguageModel.load({folder!r})
model.write("A beginning", temperature=0.8)
model.perplexity(["A sentence.", "Another one."])"""
    commands = [f'write {shlex.quote(folder)} "A beginning"', f"score {shlex.quote(folder)} sentences.txt"]
    best = best_record(history)
    what = "separate lines" if metadata.get("lines") else "running text"
    facts = [
        ("texts", what),
        ("n-grams, by order", ", ".join(f"{n:,}" for n in model.ngrams_.n_grams)),
        ("training is complete", in_words(network.complete)),
    ]
    return make_card(
        "Language model",
        f"Predicts the next of {units_of(network, 'text')} in a text, generates text, and computes the probability of "
        "a text. An n-gram model of the same text serves as a baseline.",
        [
            *_network_facts(network),
            ("held-out perplexity", _perplexity(best.get("held_out_loss"))),
            ("… of the n-grams", _perplexity(floor)),
            ("… of both together", _perplexity(metadata.get("mixture_loss"))),
            ("training", duration(history)),
            ("size", size_on_disk(request.folder)),
        ],
        [
            usage(*commands, f"explore {shlex.quote(folder)}", python=python),
            _samples(model),
            training_section(history, "step", pictures_of_text(history, floor)),
            measured.section(),
            settings_of(network, network.config.decoder, vars(LanguageModelParameters()), facts),
            Section("Limits", (Bullets((
                "What it writes is probable, but not necessarily true.",
                f"It sees at most {as_mapping(metadata.get('parameters')).get('context')} units, and nothing before.",
                "Compare perplexities only between models with the same units; bits per character compare all models.",
                _BIAS,
            )),)),
        ],
        ("text-generation", ("language-model",)),
        measured,
        request,
    )  # fmt: skip


def usage(*commands: str, python: str) -> Section:
    """Return a section on how to use a model, in a shell and in Python."""
    return Section("How to use it", (shell(*commands), Code(python, "python")))


def _measure_translations(translator: Translator, request: Request, measured: Measured) -> list[Block]:
    """Add BLEU of translations to `measured`; return some of them."""
    pairs, against = read_pairs(list(request.files.pairs)), request.files.against
    name = " + ".join(Path(path).name for path in request.files.pairs)
    made = {"beam of 5": translator.translate(pairs.sources), "greedy": translator.translate(pairs.sources, beam=1)}
    found = {column: bleu(texts, pairs.targets) for column, texts in made.items()}
    if against is not None:
        found[Path(against).name] = bleu(Translator.load(against).translate(pairs.sources), pairs.targets)
    found["copied source"] = bleu(pairs.sources, pairs.targets)
    header = ("translations, BLEU", ">lines", *(f">{column}" for column in found))
    row = (name, f"{len(pairs):,}", *(f"{one.score:.1f}" for one in found.values()))
    measured.tables.append(Table(header, (row,)))
    measured.notes.append(f"BLEU by sacrebleu: {found['greedy'].signature}.")
    measured.results.append(Result("translation", Path(request.files.pairs[0]).stem, "bleu", found["beam of 5"].score))
    return _translations(f"Lines of {name}, at regular intervals.", pairs, made["beam of 5"])


def _translations_of_lines(translator: Translator, path: str | os.PathLike[str]) -> list[Block]:
    """Return translations of some lines of a file."""
    lines = [line.strip() for line in TextReader(path).lines() if line.strip()]
    if not lines:
        raise CorpusError(f"{os.fspath(path)}: the file has no line to translate")
    chosen = [lines[row] for row in _evenly(len(lines))]
    text = f"Lines of {os.path.basename(path)}, at regular intervals."
    return _translations(text, Pairs(chosen, []), translator.translate(chosen))


def _translations(text: str, pairs: Pairs, made: Sequence[str]) -> list[Block]:
    """Return some translations, with their references if these are known."""
    columns = [pairs.sources, made] + ([pairs.targets] if pairs.targets else [])
    rows = tuple(tuple(shortened(column[row], LONGEST) for column in columns) for row in _evenly(len(made)))
    header = ("source", "translation", "should be")[: len(columns)]
    return [Paragraph(text), Table(header, rows)]


def _evenly(n: int) -> list[int]:
    chosen: list[int] = np.unique(np.linspace(0, n - 1, N_EXAMPLES).astype(np.intp)).tolist()
    return chosen


class _Losses(NamedTuple):
    """The result of scoring a text: its number of units, of unknown ones, and the sum of their surprise."""

    n: int
    n_unknown: int
    nats: float


def _measure_texts(model: LanguageModel, request: Request, measured: Measured) -> None:
    """Add the perplexity of texts to `measured`."""
    against, rows = request.files.against, []
    other = None if against is None else LanguageModel.load(against)
    for path in request.files.texts:
        lines = list(TextReader(path).lines())
        n_bits = math.log(2) * (sum(map(len, lines)) + len(lines))
        found = {name: _losses(model, lines, by) for by, name in _judges(model).items()}
        if other is not None and against is not None:
            found[Path(against).name] = _losses(other, lines)
        for name, one in found.items():
            if not one.n:
                raise CorpusError(f"{os.fspath(path)}: the file has no text")
            mean = one.nats / one.n
            figures = decimals(math.exp(mean), 2), decimals(mean), decimals(one.nats / n_bits)
            rows.append((Path(path).name, name, f"{one.n:,}", percent(one.n_unknown / one.n), *figures))
        network = found["network"]
        measured.results.append(
            Result("text-generation", Path(path).stem, "perplexity", math.exp(network.nats / network.n))
        )
    header = ("text", "model", ">units", ">unknown", ">perplexity", ">nats per unit", ">bits per character")
    measured.tables.append(Table(header, tuple(rows)))
    measured.notes.append("All unknown units count as one unit, which is more probable than each of them.")


def _judges(model: LanguageModel) -> dict[Judge, str]:
    """Return the scoring methods of a model, with their names."""
    judges: dict[Judge, str] = {"network": "network", "ngrams": f"n-grams, order {model.ngrams_.order}"}
    return judges | ({"mixture": "both together"} if "mixture_weight" in model.network_.metadata else {})


def _losses(model: LanguageModel, lines: Sequence[str], by: Judge = "network") -> _Losses:
    texts = [line for line in lines if line.strip()] if model.network_.metadata["lines"] else ["\n".join(lines)]
    scored = model.score(texts, by=by)
    ids, _ = model.network_.units["text"].encode(texts)
    n = sum(len(one.log_probabilities) for one in scored)
    return _Losses(n, int((ids == UNKNOWN).sum()), -sum(one.log_probability for one in scored))


def _samples(model: LanguageModel) -> Section:
    """Return samples from a model, with their probabilities."""
    kind = model.network_.units["text"].kind
    rows = []
    for seed in range(1, N_SAMPLES + 1):
        text = model.write(max_tokens=_UNITS_OF_SAMPLE[kind], seed=seed)
        losses = []
        for by in JUDGES[:2]:
            [scored] = model.score([text], by=by)
            told = scored.log_probabilities[: len(scored.pieces)]
            losses.append(decimals(-float(told.mean())) if len(told) else "-")
        rows.append((shortened(text.replace("\n", " ↵ "), _LONGEST_SAMPLE), *losses))
    header = ("samples at temperature 1", ">nats per unit", ">… by the n-grams")
    return Section("Samples", (Table(header, tuple(rows)),))


def settings_of(
    network: TextNetwork, stack: StackConfig | None, defaults: dict[str, Any], facts: Sequence[tuple[str, str]]
) -> Section:
    """Return the settings of a model; only the names of files are shown, because their folders are private."""
    parameters = used_of_network(as_mapping(network.metadata.get("parameters")))
    of_model: list[tuple[str, str]] = [
        *((f"{name} units", units_of(network, name)) for name in network.units),
        *([] if stack is None else [("width inside a block", in_words(stack.d_ff))]),
        ("trained on", ", ".join(Path(file).name for file in network.inputs) or "data in memory"),
        *facts,
    ]
    blocks: list[Block] = [
        *parameter_blocks(parameters, parameters, defaults, ALWAYS_SHOWN),
        Table(("of the model", ""), tuple(of_model)),
    ]
    return Section("Settings", tuple(blocks))


def _network_facts(network: TextNetwork) -> list[tuple[str, str | None]]:
    stack = network.config.decoder
    units = dict.fromkeys(units_of(network, name) for name in network.units)
    return [
        ("units", " → ".join(units)),
        ("architecture", stack.mixer),
        ("layers × heads × width", f"{stack.layers} × {stack.heads} × {stack.dim}"),
        ("parameters", f"{network.parameters.n_parameters:,}"),
    ]


def units_of(network: TextNetwork, name: str) -> str:
    """Return the number and kind of units that a network reads or writes."""
    units = network.units[name]
    return f"{len(units.pieces):,} {units.kind}"


def best_record(history: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of the parameters that were kept."""
    return next((record for record in reversed(history) if record.get("best") is True), {})


def figure_of(value: object, digits: int) -> str | None:
    """Return a formatted number, None if it is not finite."""
    return decimals(float(value), digits) if isinstance(value, (int, float)) and math.isfinite(value) else None


def _perplexity(loss: object) -> str | None:
    return figure_of(math.exp(loss), 2) if isinstance(loss, (int, float)) and -1 < loss < 100 else None
