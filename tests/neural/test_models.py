"""Language model and translator: exact gradients, what a hidden state may not know, the same network in torch."""

from __future__ import annotations

import itertools
import re
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.helpers.twins.gradient_checks import assert_directions
from w2v.neural import models
from w2v.neural.configs import END, START, CausalConfig, Config, TranslatorConfig
from w2v.neural.generation.sequential import greedy
from w2v.neural.generation.state import Limits
from w2v.neural.generation.transformer import FusedDecoder
from w2v.neural.layers.positions import KINDS, sinusoids
from w2v.neural.models import Batch, Regularisation
from w2v.neural.packing import Packed
from w2v.neural.parameters import ParameterTable
from w2v.neural.stack import StackConfig

Array = NDArray[Any]
V = 9
DECODER = StackConfig(4, 2, 2, 6, positions="learned+relative", max_positions=4, max_distance=2, causal=True)
ENCODER = replace(DECODER, causal=False)
JOINT = TranslatorConfig(V, V, ENCODER, replace(DECODER, memory_size=4))
WIDER = StackConfig(6, 3, 1, 5, positions="sinusoidal")
SEPARATE = TranslatorConfig(V - 2, V, WIDER, replace(DECODER, memory_size=6), joint=False)
CONFIGS: dict[str, Config] = {
    "language model": CausalConfig(V, DECODER), "joint": JOINT, "separate": SEPARATE,
    "summary": replace(SEPARATE, summary=True),
}  # fmt: skip
ALONE = tuple(
    f"cross_attention{name}" for name in (".query.weight", ".query.bias", ".key.weight", "_norm.gain", "_norm.bias")
)
"""What decides which of several vectors is looked at; of one alone nothing is to be decided."""
configs = pytest.mark.parametrize("kind", CONFIGS)
TARGETS = Packed.of([[3, 8, 5], [], [4, 4, 6, 7, 3], [1]])
SOURCES = Packed.of([[5, 3], [6], [], [4, 3, 6, 5]])


def make(config: Config, dtype: Any = np.float64) -> ParameterTable:
    """Return parameters away from the start, where many gradients are zero."""
    table, rng = ParameterTable.initialise(config.tensors(), 1, np.float64), np.random.default_rng(8)
    for array in table.values():
        array += 0.3 * rng.standard_normal(array.shape)
    return table.astype(dtype)


def batch_of(config: Config) -> Batch:
    return Batch.of(TARGETS, SOURCES if isinstance(config, TranslatorConfig) else None)


def gradients(
    config: Config,
    table: ParameterTable,
    batch: Batch,
    *,
    workers: int = 1,
    most_tokens: int = 1 << 30,
    rate: float = 0.3,
) -> tuple[models.Losses, ParameterTable]:
    totals = [table.zeros_like() for _ in range(workers)]
    losses = models.add_gradients(
        config, table, batch, totals, regularisation=Regularisation(rate, 0.1), seed=5, scale=0.25,
        most_tokens=most_tokens,
    )  # fmt: skip
    assert not any(other.flat.any() for other in totals[1:])
    return losses, totals[0]


@configs
@pytest.mark.parametrize("rate", [pytest.param(0.0, marks=pytest.mark.slow), 0.3])
def test_gradients_of_the_whole_loss(kind: str, rate: float, rng: np.random.Generator) -> None:
    config = CONFIGS[kind]
    table, batch = make(config), batch_of(config)
    _, found = gradients(config, table, batch, rate=rate)
    assert_directions(
        lambda: 0.25 * gradients(config, table, batch, rate=rate)[0].smoothed,
        dict(table), dict(found), rng, ("key.bias",) + (ALONE if kind == "summary" else ()),
    )  # fmt: skip


@configs
@pytest.mark.parametrize("workers, most_tokens", [(2, 1 << 30), (3, 2), (1, 1)])
def test_parts_and_threads_change_nothing(kind: str, workers: int, most_tokens: int) -> None:
    config = CONFIGS[kind]
    table, batch = make(config), batch_of(config)
    losses, whole = gradients(config, table, batch)
    in_parts, parts = gradients(config, table, batch, workers=workers, most_tokens=most_tokens)
    assert in_parts == pytest.approx(losses, rel=1e-12)
    np.testing.assert_allclose(parts.flat, whole.flat, atol=1e-12)
    single = table.astype(np.float32)
    one, many = (models.token_losses(config, single, batch, workers=n, most_tokens=m) for n, m in ((1, 99), (2, 2)))
    assert np.array_equal(one, many)


@configs
def test_float32_agrees_with_float64(kind: str) -> None:
    config = CONFIGS[kind]
    table, batch = make(config), batch_of(config)
    losses, exact = gradients(config, table, batch)
    single, found = gradients(config, table.astype(np.float32), batch)
    assert single == pytest.approx(losses, rel=1e-5)
    assert np.abs(found.flat - exact.flat).max() < 2e-5 * np.abs(exact.flat).max()


def hidden_states(config: Config, table: ParameterTable, batch: Batch) -> Array:
    memory = None
    if isinstance(config, TranslatorConfig) and batch.source is not None:
        memory, _ = models.encode(config, table, batch.source)
    return models.decode(config, table, batch.inputs, memory)[0]


@configs
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("positions", KINDS)
def test_a_token_is_not_told_what_follows(kind: str, dtype: Any, positions: str) -> None:
    """Change token t: the hidden states before it stay, bit for bit, and with them all that is told there."""
    if positions == "fraction":
        pytest.skip("a fraction of the length tells the length, which is the future")
    config = CONFIGS[kind]
    config = replace(config, decoder=replace(config.decoder, positions=positions, max_positions=6))
    table, batch = make(config, dtype), batch_of(config)
    before = hidden_states(config, table, batch)
    first, last = batch.inputs.offsets[2:4]
    for t in range(first, last):
        ids = batch.inputs.ids.copy()
        ids[t] = 5 if ids[t] != 5 else 8
        after = hidden_states(config, table, batch._replace(inputs=batch.inputs._replace(ids=ids)))
        same = (before == after).all(axis=1)
        assert same[:t].all() and same[last:].all() and not same[t:last].any()


@configs
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_neighbours_in_a_batch_change_nothing(kind: str, dtype: Any) -> None:
    """Bit for bit in float32; in float64, whose products a library makes, up to rounding."""
    config = CONFIGS[kind]
    table, batch = make(config, dtype), batch_of(config)
    whole, losses = hidden_states(config, table, batch), models.token_losses(config, table, batch)
    for part, first, _ in batch.parts(batch.inputs.n_sequences):
        own = slice(first, first + part.n_tokens)
        pairs = (
            (hidden_states(config, table, part), whole[own]),
            (models.token_losses(config, table, part), losses[own]),
        )
        for alone, among in pairs:
            assert np.array_equal(alone, among) if dtype == np.float32 else np.allclose(alone, among, rtol=1e-13)


def test_the_source_is_seen(rng: np.random.Generator) -> None:
    table, batch = make(JOINT), batch_of(JOINT)
    assert batch.source is not None
    ids = batch.source.ids.copy()
    ids[-1] = 7
    other = hidden_states(JOINT, table, batch._replace(source=batch.source._replace(ids=ids)))
    changed = (other != hidden_states(JOINT, table, batch)).any(axis=1)
    last = batch.inputs.offsets[3]
    assert changed[last:].all() and not changed[:last].any()


@configs
def test_losses_are_those_of_the_logits(kind: str) -> None:
    config = CONFIGS[kind]
    table, batch = make(config), batch_of(config)
    z = models.logits(config, table, hidden_states(config, table, batch))
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    expected = -log_p[np.arange(len(z)), batch.wanted]
    np.testing.assert_allclose(models.token_losses(config, table, batch), expected, rtol=1e-12)


def test_a_start_tells_all_tokens_alike() -> None:
    """Embeddings of deviation 1 go in, and logits of deviation about 1 come out."""
    decoder = StackConfig(64, 4, 2, 128, positions="sinusoidal", causal=True)
    config = CausalConfig(500, decoder)
    table = ParameterTable.initialise(config.tensors(), 1)
    ids = np.arange(500)
    assert models.embed(table, config.table, ids).std() == pytest.approx(1, rel=0.05)
    losses = models.token_losses(config, table, Batch(Packed(ids, np.array([0, 500])), ids[::-1].copy()))
    assert losses.mean() == pytest.approx(np.log(500) + 0.5, abs=0.3)


@pytest.mark.parametrize(
    "config, message",
    [
        (lambda: CausalConfig(V, ENCODER), "must be causal"),
        (lambda: CausalConfig(3, DECODER), "more than 3 tokens"),
        (lambda: CausalConfig(V, JOINT.decoder), "no memory"),
        (lambda: replace(JOINT, encoder=DECODER), "must not be causal"),
        (lambda: replace(JOINT, decoder=DECODER), "memory_size must be"),
        (lambda: replace(JOINT, source_size=V + 1), "joint table"),
        (lambda: replace(SEPARATE, joint=True, source_size=V), "joint table"),
        (lambda: replace(SEPARATE, source_size=2), "more than 3 tokens"),
    ],
)
def test_parts_that_do_not_fit_are_refused(config: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config()


@pytest.mark.parametrize(("norm", "activation"), [("pre", "relu"), ("post", "gelu")])
def test_translator_is_torchs_transformer(norm: str, activation: str) -> None:
    """The same parameters in torch.nn.Transformer: hidden states within 1e-5, and the whole gradient."""
    torch = pytest.importorskip("torch")
    stacks = StackConfig(16, 4, 2, 24, norm=norm, positions="sinusoidal", activation=activation, epsilon=1e-5)
    config = TranslatorConfig(V, V, stacks, replace(stacks, causal=True, memory_size=16))
    table, target, source = make(config), [3, 8, 5, 7], [5, 3, 6]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # norm_first has no fast path, which only inference would take
        reference = torch.nn.Transformer(
            16, 4, 2, 2, 24, dropout=0.0, activation=activation, batch_first=True, norm_first=norm == "pre",
            dtype=torch.float64,
        )  # fmt: skip
    if norm == "post":
        reference.encoder.norm = reference.decoder.norm = None  # what the last block gives is normalised already
    state = reference.state_dict()
    for name in state:
        state[name] = torch.from_numpy(np.ascontiguousarray(_as_in_torch(table, name)))
    reference.load_state_dict(state)
    embedding = torch.from_numpy(table["embedding.table"].copy()).requires_grad_()
    bias = torch.from_numpy(table["output.bias"].copy())

    def embedded(ids: list[int], side: str) -> Any:
        x = embedding[ids] * 4.0 + torch.from_numpy(sinusoids(len(ids), 16, np.float64))
        if norm == "pre":
            return x
        first = {name: torch.from_numpy(array.copy()) for name, array in table.scope(side).items()}
        gain, bias = first["embedding_norm.gain"], first["embedding_norm.bias"]
        return torch.nn.functional.layer_norm(x + first["token_type"], (16,), gain, bias)

    mask = reference.generate_square_subsequent_mask(5, dtype=torch.float64)
    hidden = reference(embedded(source, "encoder")[None], embedded([1, *target], "decoder")[None], tgt_mask=mask)[0]
    loss = torch.nn.functional.cross_entropy(
        hidden @ embedding.T + bias, torch.tensor([*target, 2]), label_smoothing=0.1, reduction="sum"
    )
    (0.25 * loss).backward()
    batch = Batch.of(Packed.of([target]), Packed.of([source]))
    losses, found = gradients(config, table, batch, rate=0.0)
    assert losses.smoothed == pytest.approx(loss.item(), rel=1e-10)
    np.testing.assert_allclose(hidden_states(config, table, batch), hidden.detach().numpy(), atol=1e-10)
    np.testing.assert_allclose(found["embedding.table"], embedding.grad.numpy(), atol=1e-10)
    for name, parameter in reference.named_parameters():
        np.testing.assert_allclose(_as_in_torch(found, name), parameter.grad.numpy(), atol=1e-10, err_msg=name)
    single = hidden_states(config, table.astype(np.float32), batch)
    np.testing.assert_allclose(single, hidden.detach().numpy(), atol=1e-5)


@pytest.mark.interop
def test_language_model_is_gpt_2(rng: np.random.Generator) -> None:
    """The same parameters in the library's GPT-2: logits within 1e-5, the same loss, and the same text written."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    size, length, dim = 40, 12, 16
    gpt = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=size, n_positions=length, n_embd=dim, n_layer=2, n_head=4, resid_pdrop=0, embd_pdrop=0,
            attn_pdrop=0, bos_token_id=1, eos_token_id=2, pad_token_id=2,
        )
    ).eval()  # fmt: skip
    with torch.no_grad():
        for array in gpt.parameters():
            array += torch.from_numpy(0.2 * rng.standard_normal(array.shape).astype(np.float32))
    config = CausalConfig(
        size,
        StackConfig(
            dim, 4, 2, 4 * dim, positions="learned", activation="gelu-tanh", epsilon=1e-5, max_positions=length,
            causal=True,
        ),
    )  # fmt: skip
    table = ParameterTable.initialise(config.tensors(), 1)
    for name, array in _from_gpt_2(gpt.state_dict(), dim).items():
        table[name][...] = array
    texts = Packed.of([rng.integers(3, size, n) for n in (length - 1, 1, 7)])
    batch = Batch.of(texts)
    found = models.logits(config, table, hidden_states(config, table, batch))
    losses = models.token_losses(config, table, batch)
    for first, last in itertools.pairwise(batch.inputs.offsets.tolist()):
        ids = torch.from_numpy(batch.inputs.ids[first:last].astype(np.int64))[None]
        wanted = torch.from_numpy(batch.wanted[first:last].astype(np.int64))
        with torch.no_grad():
            expected = gpt(ids).logits[0]
        np.testing.assert_allclose(found[first:last], expected.numpy(), atol=1e-5)
        expected_losses = torch.nn.functional.cross_entropy(expected, wanted, reduction="none")
        np.testing.assert_allclose(losses[first:last], expected_losses.numpy(), atol=1e-5)
    state, last = FusedDecoder(config, table).prompted(Packed.of([[5, 9]]), START)
    [written] = greedy(state, last, Limits(length - 3, banned=()))
    theirs = gpt.generate(torch.tensor([[START, 5, 9]]), max_length=length, do_sample=False)[0, 3:].tolist()
    assert len(written.tokens) > 3 and written.tokens.tolist() == [token for token in theirs if token != END]


def _from_gpt_2(state: dict[str, Any], dim: int) -> dict[str, Array]:
    """Return GPT-2's arrays under our names.

    What comes in is √d times our table there, and no logit has a bias: the last norm makes up for the factor.
    """
    named = {name.removeprefix("transformer."): array.numpy() for name, array in state.items()}
    arrays = {"embedding.table": named["wte.weight"] / dim**0.5, "decoder.positions.table": named["wpe.weight"]}
    for theirs, ours in (("weight", "gain"), ("bias", "bias")):
        arrays[f"decoder.norm.{ours}"] = named[f"ln_f.{theirs}"] * dim**0.5
    for i in range(2):
        own, layer = f"decoder.layers.{i}", f"h.{i}"
        for theirs, ours in (("ln_1", "attention_norm"), ("ln_2", "feed_forward_norm")):
            arrays[f"{own}.{ours}.gain"] = named[f"{layer}.{theirs}.weight"]
            arrays[f"{own}.{ours}.bias"] = named[f"{layer}.{theirs}.bias"]
        for kind in ("weight", "bias"):
            three = np.split(named[f"{layer}.attn.c_attn.{kind}"], 3, axis=-1)
            for role, array in zip(("query", "key", "value"), three, strict=True):
                arrays[f"{own}.attention.{role}.{kind}"] = array
            arrays[f"{own}.attention.output.{kind}"] = named[f"{layer}.attn.c_proj.{kind}"]
            arrays[f"{own}.feed_forward.inner.{kind}"] = named[f"{layer}.mlp.c_fc.{kind}"]
            arrays[f"{own}.feed_forward.outer.{kind}"] = named[f"{layer}.mlp.c_proj.{kind}"]
    return arrays


def _as_in_torch(table: ParameterTable, name: str) -> Array:
    """Return our array of torch's name: weights are transposed there, and those of queries, keys and values stacked."""
    side, rest = name.split(".", 1)
    if rest.startswith("norm."):
        return table[f"{side}.norm.{'gain' if rest.endswith('weight') else 'bias'}"]
    _, number, part = rest.split(".", 2)
    norms = ["attention_norm", *(["cross_attention_norm"] if side == "decoder" else []), "feed_forward_norm"]
    layer, (part, kind) = f"{side}.layers.{number}", part.rsplit(".", 1)
    if match := re.fullmatch(r"norm(\d)", part):
        return table[f"{layer}.{norms[int(match[1]) - 1]}.{'gain' if kind == 'weight' else 'bias'}"]
    if part in ("linear1", "linear2"):
        return table[f"{layer}.feed_forward.{'inner' if part == 'linear1' else 'outer'}.{kind}"].T
    own = f"{layer}.{'attention' if part.startswith('self_attn') else 'cross_attention'}"
    if kind.startswith("in_proj"):
        kind = kind.removeprefix("in_proj_")
        return np.concatenate([table[f"{own}.{role}.{kind}"].T for role in ("query", "key", "value")])
    return table[f"{own}.output.{kind}"].T
