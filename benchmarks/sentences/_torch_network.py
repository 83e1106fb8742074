"""The network of `w2v.encoder.model.network` in PyTorch, with the same weights, for comparison.

Written for speed: queries, keys and values in one product, PyTorch's fused attention, padded batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from w2v.encoder.model.network import NetworkConfig


class Layer(nn.Module):
    """One layer, pre- or post-norm."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config, d_ff = config, config.stack.d_ff
        self.qkv = nn.Linear(config.dim, 3 * config.dim)
        self.output = nn.Linear(config.dim, config.dim)
        self.inner, self.outer = nn.Linear(config.dim, d_ff), nn.Linear(d_ff, config.dim)
        self.norm1 = nn.LayerNorm(config.dim, config.epsilon)
        self.norm2 = nn.LayerNorm(config.dim, config.epsilon)

    def attend(self, h: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return the attention of all heads of h, shape (B, T, E)."""
        n_sentences, length, dim = h.shape
        parts = self.qkv(h).view(n_sentences, length, 3, self.config.heads, dim // self.config.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        return self.output(mixed.transpose(1, 2).reshape(n_sentences, length, dim))

    def forward(self, h: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return the output of the layer for h, shape (B, T, E)."""
        if self.config.norm == "pre":
            h = h + self.attend(self.norm1(h), seen)
            return h + self.outer(functional.gelu(self.inner(self.norm2(h))))
        h = self.norm1(h + self.attend(h, seen))
        return self.norm2(h + self.outer(functional.gelu(self.inner(h))))


class TorchNetwork(nn.Module):
    """A network with learned positions and the head ``branch`` or ``none``; sentence vectors sum the hidden states."""

    def __init__(self, config: NetworkConfig, parameters: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        assert config.positions == "learned" and config.head in ("branch", "none")
        self.config = config
        self.positions = nn.Parameter(torch.zeros(config.max_positions, config.dim))
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        if config.head == "branch":
            self.input, self.output = (
                nn.Linear(config.input_size, config.dim),
                nn.Linear(config.dim, config.output_size),
            )
        self.norm = nn.LayerNorm(config.dim, config.epsilon)
        self.token_type = nn.Parameter(torch.zeros(config.dim))
        self._load(parameters)

    def _load(self, parameters: Mapping[str, NDArray[Any]]) -> None:
        def tensor(array: NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(np.ascontiguousarray(array))

        def linear(module: nn.Linear, *names: str) -> None:
            module.weight.data = tensor(np.concatenate([parameters[f"{name}.weight"].T for name in names]))
            module.bias.data = tensor(np.concatenate([parameters[f"{name}.bias"] for name in names]))

        def norm(module: nn.LayerNorm, name: str) -> None:
            module.weight.data, module.bias.data = (
                tensor(parameters[f"{name}.gain"]),
                tensor(parameters[f"{name}.bias"]),
            )

        self.positions.data = tensor(parameters["positions.table"])
        if self.config.head == "branch":
            linear(self.input, "input")
            linear(self.output, "output")
        if self.config.norm == "post":
            self.token_type.data = tensor(parameters["token_type"])
        norm(self.norm, "norm" if self.config.norm == "pre" else "embedding_norm")
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            at = f"layers.{i}."
            linear(layer.qkv, at + "attention.query", at + "attention.key", at + "attention.value")
            linear(layer.output, at + "attention.output")
            linear(layer.inner, at + "feed_forward.inner")
            linear(layer.outer, at + "feed_forward.outer")
            norm(layer.norm1, at + "attention_norm")
            norm(layer.norm2, at + "feed_forward_norm")

    def forward(self, x: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
        """Return the vectors of B sentences, shape (B, input_size), for x (B, T, input_size); `real` masks padding."""
        h = self.input(x) if self.config.head == "branch" else x
        h = h + self.positions[: x.shape[1]]
        if self.config.norm == "post":
            h = self.norm(h + self.token_type)
        seen = real[:, None, None, :]
        for layer in self.layers:
            h = layer(h, seen)
        if self.config.norm == "pre":
            h = self.norm(h)
        if self.config.head == "branch":
            ends = self.output(h)
            h = torch.exp(ends[..., -1:]) * x + ends[..., :-1]
        return (h * real[..., None]).sum(1)


class FromTokens(nn.Module):
    """A network after a table of embeddings, whose last row is the padding."""

    def __init__(self, network: TorchNetwork, table: NDArray[np.float32]) -> None:
        super().__init__()
        rows = np.concatenate([table, np.zeros((1, table.shape[1]), np.float32)])
        self.table = nn.Embedding.from_pretrained(torch.from_numpy(rows), freeze=True)
        self.network, self.padding = network, len(table)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the vectors of padded sentences, shape (B, T)."""
        vectors: torch.Tensor = self.network(self.table(tokens), tokens != self.padding)
        return vectors


def padded(tokens: list[NDArray[np.int64]], padding: int) -> NDArray[np.int64]:
    """Return sentences as rows of one array, padded with `padding`."""
    batch = np.full((len(tokens), max(map(len, tokens))), padding, np.int64)
    for row, own in zip(batch, tokens, strict=True):
        row[: len(own)] = own
    return batch
