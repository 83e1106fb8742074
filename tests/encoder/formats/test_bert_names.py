"""The post-norm network beside an independent BERT on the same weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from w2v.encoder.formats.bert_names import from_bert, to_bert
from w2v.encoder.model.network import Network, NetworkConfig
from w2v.neural.fused_inference import FusedNetwork
from w2v.neural.parameters import ParameterTable

LENGTHS = [1, 5, 12, 2, 9]


def make(rng: np.random.Generator, **changes: Any) -> tuple[NetworkConfig, ParameterTable]:
    values: dict[str, Any] = {
        "input_size": 24, "dim": 24, "heads": 4, "layers": 3, "feed_forward": 4.0, "norm": "post", "head": "none",
        "positions": "learned", "epsilon": 1e-12, "max_positions": 16,
    }  # fmt: skip
    config = NetworkConfig(**(values | changes))
    parameters = Network(config).initialise(1)
    for array in parameters.values():
        array += np.float32(0.2) * rng.standard_normal(array.shape, dtype=np.float32)
    return config, parameters


@pytest.mark.interop
@pytest.mark.parametrize(
    ("dim", "heads", "activation"), [(24, 4, "gelu"), (64, 2, "gelu"), (30, 3, "gelu"), (24, 4, "gelu_new")]
)
def test_network_agrees_with_bert(dim: int, heads: int, activation: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    own = "gelu-tanh" if activation == "gelu_new" else activation
    config, parameters = make(rng, input_size=dim, dim=dim, heads=heads, activation=own)
    bert = transformers.BertModel(
        transformers.BertConfig(
            vocab_size=10, hidden_size=dim, num_hidden_layers=3, num_attention_heads=heads, type_vocab_size=1,
            intermediate_size=4 * dim, hidden_act=activation, layer_norm_eps=1e-12, max_position_embeddings=16,
            attn_implementation="eager",
        ),
        add_pooling_layer=False,
    ).eval()  # fmt: skip
    arrays = {name: torch.from_numpy(np.array(array)) for name, array in to_bert(config, parameters).items()}
    missing, unexpected = bert.load_state_dict(arrays, strict=False)
    assert unexpected == [] and set(missing) <= {"embeddings.word_embeddings.weight", "embeddings.position_ids"}
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
    x = rng.standard_normal((offsets[-1], dim), dtype=np.float32)
    attention: list[list[np.ndarray]] = []
    y, _ = Network(config).forward(parameters, x, offsets, attention=attention)
    assert np.array_equal(FusedNetwork(config.stack, parameters).rows(x, offsets), y)
    padded, mask = torch.zeros(len(LENGTHS), max(LENGTHS), dim), torch.zeros(len(LENGTHS), max(LENGTHS))
    for b, length in enumerate(LENGTHS):
        padded[b, :length] = torch.from_numpy(x[offsets[b] : offsets[b + 1]])
        mask[b, :length] = 1
    with torch.no_grad():
        result = bert(inputs_embeds=padded, attention_mask=mask, output_attentions=True)
    for b, length in enumerate(LENGTHS):
        theirs = result.last_hidden_state[b, :length].numpy()
        assert np.abs(y[offsets[b] : offsets[b + 1]] - theirs).max() < 1e-5
        for layer in range(3):
            weights = result.attentions[layer][b, :, :length, :length].numpy()
            assert np.abs(attention[layer][b] - weights).max() < 1e-5


@pytest.mark.parametrize("positions", ["sinusoidal", "index", "none"])
def test_positions_that_are_added_become_a_table(positions: str, rng: np.random.Generator) -> None:
    config, parameters = make(rng, positions=positions)
    learned = replace(config, positions="learned")
    offsets = np.concatenate([[0], np.cumsum(LENGTHS)]).astype(np.int64)
    x = rng.standard_normal((offsets[-1], 24), dtype=np.float32)
    expected = FusedNetwork(config.stack, parameters).rows(x, offsets)
    found = FusedNetwork(learned.stack, from_bert(learned, to_bert(config, parameters))).rows(x, offsets)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_names_round_trip(rng: np.random.Generator) -> None:
    config, parameters = make(rng)
    arrays = to_bert(config, parameters)
    assert arrays["encoder.layer.2.intermediate.dense.weight"].shape == (96, 24)
    assert np.array_equal(from_bert(config, arrays | {"pooler.dense.bias": np.zeros(24)}).flat, parameters.flat)


def test_other_arrangements_are_refused(rng: np.random.Generator) -> None:
    for change, message in (
        ({"norm": "pre", "head": "branch"}, "BERT has the norm 'post', but this network has 'pre'"),
        (
            {"positions": "rotary"},
            r"BERT has additive positions \(learned, sinusoidal, index, none\), not 'rotary'",
        ),
        ({"positions": "fraction"}, "not 'fraction'"),
    ):
        with pytest.raises(ValueError, match=message):
            to_bert(*make(rng, **change))
    config, parameters = make(rng, positions="sinusoidal")
    with pytest.raises(ValueError, match="read as 'learned', not as 'sinusoidal'"):
        from_bert(config, to_bert(config, parameters))
    config, parameters = make(rng, head="branch")
    with pytest.raises(ValueError, match="the head must be 'none', not 'branch'"):
        from_bert(config, to_bert(config, parameters))


def test_missing_and_misshapen_arrays_are_named(rng: np.random.Generator) -> None:
    config, parameters = make(rng)
    arrays = to_bert(config, parameters)
    with pytest.raises(ValueError, match=r"has shape \(24,\); the network needs \(96,\)"):
        from_bert(config, arrays | {"encoder.layer.0.intermediate.dense.bias": np.zeros(24, np.float32)})
    del arrays["encoder.layer.1.output.LayerNorm.weight"]
    with pytest.raises(ValueError, match=r"'encoder.layer.1.output.LayerNorm.weight' is missing"):
        from_bert(config, arrays)
