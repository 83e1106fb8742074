"""Tokens per second of a translator, compared with CTranslate2 with the same random weights.

    pip install ctranslate2; python benchmarks/networks/decoding.py

Both programs have one thread and take turns. CPU time is measured, since the machine may have other work. All sequences
have the same length, because END is made improbable.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import transformer_spec
from ctranslate2.specs.common_spec import Activation
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from w2v.neural.configs import END, START, TranslatorConfig
from w2v.neural.generation.beam import BeamOptions, beam
from w2v.neural.generation.sequential import greedy
from w2v.neural.generation.state import Limits
from w2v.neural.generation.transformer import FusedTranslator
from w2v.neural.layers.positions import sinusoids
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig

SOURCE_LENGTH, TARGET_LENGTH, VOCABULARY = 15, 20, 8000


def make(layers: int, dim: int, heads: int, d_ff: int) -> tuple[TranslatorConfig, ParameterTable]:
    """Return a translator with random weights that never ends a sequence."""
    encoder = StackConfig(dim, heads, layers, d_ff, positions="sinusoidal", activation="relu")
    decoder = StackConfig(
        dim, heads, layers, d_ff, positions="sinusoidal", activation="relu", causal=True, memory_size=dim
    )
    config = TranslatorConfig(VOCABULARY, VOCABULARY, encoder, decoder)
    parameters = ParameterTable.initialise(config.tensors(), 1)
    rng = np.random.default_rng(1)
    for array in parameters.values():
        array += np.float32(0.05) * rng.standard_normal(array.shape, dtype=np.float32)
    parameters["output.bias"][:3] = -1e4
    return config, parameters


def export(config: TranslatorConfig, parameters: ParameterTable, folder: Path) -> None:
    """Write the same translator as a CTranslate2 model."""
    spec = transformer_spec.TransformerSpec.from_config(
        (config.encoder.layers, config.decoder.layers), config.encoder.heads, activation=Activation.RELU
    )
    table = parameters["embedding.table"]
    for side, name in ((spec.encoder, "encoder"), (spec.decoder, "decoder")):
        embeddings = side.embeddings[0] if name == "encoder" else side.embeddings
        embeddings.weight = table
        side.scale_embeddings = True
        side.position_encodings.encodings = sinusoids(512, table.shape[1], np.float32)
        _norm(side.layer_norm, parameters.scope(f"{name}.norm"))
        for i, layer in enumerate(side.layer):
            own = ParameterTable.from_dict(parameters.scope(f"{name}.layers.{i}"))
            _self_attention(layer.self_attention, own.scope("attention"))
            _norm(layer.self_attention.layer_norm, own.scope("attention_norm"))
            if name == "decoder":
                _cross_attention(layer.attention, own.scope("cross_attention"))
                _norm(layer.attention.layer_norm, own.scope("cross_attention_norm"))
            _linear(layer.ffn.linear_0, own.scope("feed_forward.inner"))
            _linear(layer.ffn.linear_1, own.scope("feed_forward.outer"))
            _norm(layer.ffn.layer_norm, own.scope("feed_forward_norm"))
    spec.decoder.projection.weight, spec.decoder.projection.bias = table, parameters["output.bias"]
    words = ["<unk>", "<s>", "</s>", *(f"w{i}" for i in range(3, VOCABULARY))]
    spec.register_source_vocabulary(words)
    spec.register_target_vocabulary(words)
    spec.config.add_source_eos = False
    spec.validate()
    spec.save(str(folder))


def _norm(spec: Any, own: dict[str, NDArray[Any]]) -> None:
    spec.gamma, spec.beta = own["gain"], own["bias"]


def _linear(spec: Any, *maps: dict[str, NDArray[Any]]) -> None:
    spec.weight = np.concatenate([np.ascontiguousarray(own["weight"].T) for own in maps])
    spec.bias = np.concatenate([own["bias"] for own in maps])


def _maps(own: dict[str, NDArray[Any]], *names: str) -> list[dict[str, NDArray[Any]]]:
    return [{kind: own[f"{name}.{kind}"] for kind in ("weight", "bias")} for name in names]


def _self_attention(spec: Any, own: dict[str, NDArray[Any]]) -> None:
    _linear(spec.linear[0], *_maps(own, "query", "key", "value"))
    _linear(spec.linear[1], *_maps(own, "output"))


def _cross_attention(spec: Any, own: dict[str, NDArray[Any]]) -> None:
    _linear(spec.linear[0], *_maps(own, "query"))
    _linear(spec.linear[1], *_maps(own, "key", "value"))
    _linear(spec.linear[2], *_maps(own, "output"))


Tokens = list[list[int]]


def ours(translator: FusedTranslator, sources: Tokens, size: int) -> Tokens:
    """Translate a batch with this project."""
    state = translator.start(Packed.of(sources))
    starts = np.full(len(sources), START, np.int32)
    limits = Limits(TARGET_LENGTH, banned=())
    if size == 1:
        return [found.tokens.tolist() for found in greedy(state, starts, limits)]
    return [found[0].tokens.tolist() for found in beam(state, starts, limits, BeamOptions(size))]


def theirs(translator: Any, sources: Tokens, size: int) -> Tokens:
    """Translate a batch with CTranslate2."""
    found = translator.translate_batch(
        [[f"w{token}" for token in source] for source in sources],
        beam_size=size, max_decoding_length=TARGET_LENGTH, max_batch_size=0, length_penalty=1.0,
    )  # fmt: skip
    return [[int(word[1:]) for word in one.hypotheses[0]] for one in found]


def measure(work: Callable[[], Tokens]) -> tuple[float, Tokens]:
    """Return the CPU seconds of all threads, and the result."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def compare(shape: tuple[int, int, int, int], rounds: int) -> list[dict[str, Any]]:
    """Return tokens per CPU second of both programs."""
    config, parameters = make(*shape)
    rng = np.random.default_rng(2)
    mine, results = FusedTranslator(config, parameters), []
    with tempfile.TemporaryDirectory() as folder:
        export(config, parameters, Path(folder))
        other = ctranslate2.Translator(folder, device="cpu", compute_type="float32", inter_threads=1, intra_threads=1)
        for batch, size in ((1, 1), (64, 1), (1, 5), (64, 5)):
            sources = rng.integers(END + 1, VOCABULARY, (batch, SOURCE_LENGTH)).tolist()
            n_calls = max(1, 32 // (batch * size))
            seconds: dict[str, list[float]] = {"w2v": [], "ctranslate2": []}
            programs: dict[str, Callable[[], Tokens]] = {
                "w2v": lambda: ours(mine, sources, size),  # noqa: B023
                "ctranslate2": lambda: theirs(other, sources, size),  # noqa: B023
            }
            made = {name: work() for name, work in programs.items()}
            for _ in range(rounds):
                for name, work in programs.items():
                    seconds[name].append(sum(measure(work)[0] for _ in range(n_calls)) / n_calls)
            same = np.mean([a == b for a, b in zip(made["w2v"], made["ctranslate2"], strict=True)])
            speeds = {name: batch * TARGET_LENGTH / float(np.median(times)) for name, times in seconds.items()}
            ratios = [b / a for a, b in zip(seconds["w2v"], seconds["ctranslate2"], strict=True)]
            results.append({
                "batch": batch,
                "beam": size,
                "tokens_per_cpu_second": {name: round(speed) for name, speed in speeds.items()},
                "ratio": round(float(np.median(ratios)), 3),
                "same_sequences": float(same),
            })  # fmt: skip
            print(results[-1])
    return results


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    shapes = {"4+4 x 128, ff 256": (4, 128, 4, 256), "3+3 x 256, ff 512": (3, 256, 4, 512)}
    write_results(__file__, "decoding", {
        "ctranslate2": ctranslate2.__version__,
        "source_length": SOURCE_LENGTH,
        "target_length": TARGET_LENGTH,
        "vocabulary": VOCABULARY,
        "models": {name: compare(shape, rounds) for name, shape in shapes.items()},
    })  # fmt: skip


if __name__ == "__main__":
    main()
