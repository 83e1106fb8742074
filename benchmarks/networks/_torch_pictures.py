"""Vision Transformers in PyTorch of the shape of an `ImageClassifier`: what its steps are timed beside.

``torch.nn``
    torch.nn.TransformerEncoder with Adam, as most would write it. It drops weights of attention and values inside the
    feed-forward networks as well.
``fused``
    Written for speed: queries, keys and values in one product, PyTorch's fused attention, and dropout where ours is.
    Once with Adam, and once with torch.optim.Muon for the matrices of the blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from w2v.neural.stack import StackConfig
from w2v.neural.tasks.images.network import ImageConfig
from w2v.neural.tasks.images.parameters import ImageParameters


class Layer(nn.Module):
    """A pre-norm block."""

    def __init__(self, stack: StackConfig, dropout: float) -> None:
        super().__init__()
        self.heads = stack.heads
        self.norm1, self.norm2 = nn.LayerNorm(stack.dim), nn.LayerNorm(stack.dim)
        self.qkv, self.output = nn.Linear(stack.dim, 3 * stack.dim), nn.Linear(stack.dim, stack.dim)
        self.inner, self.outer = nn.Linear(stack.dim, stack.d_ff), nn.Linear(stack.d_ff, stack.dim)
        self.activation, self.dropout = getattr(functional, stack.activation), nn.Dropout(dropout)

    def attend(self, h: torch.Tensor) -> torch.Tensor:
        """Return the attention of all heads of h, shape (B, T, E)."""
        n_pictures, n_rows, dim = h.shape
        parts = self.qkv(h).view(n_pictures, n_rows, 3, self.heads, dim // self.heads)
        mixed = functional.scaled_dot_product_attention(*parts.permute(2, 0, 3, 1, 4))
        return self.output(mixed.transpose(1, 2).reshape(n_pictures, n_rows, dim))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        """Return the block of h, shape (B, T, E)."""
        h = h + self.dropout(self.attend(self.norm1(h)))
        return h + self.dropout(self.outer(self.activation(self.inner(self.norm2(h)))))


class Transformer(nn.Module):
    """Patches, blocks, the mean of what they make, and a linear layer."""

    def __init__(self, config: ImageConfig, dropout: float, *, fused: bool) -> None:
        super().__init__()
        stack = config.encoder
        self.patches = nn.Conv2d(config.channels, stack.dim, config.patch, config.patch)
        self.positions = nn.Parameter(0.02 * torch.randn(config.n_rows, stack.dim))
        self.dropout, norm = nn.Dropout(dropout), nn.LayerNorm(stack.dim)
        if fused:
            self.blocks: nn.Module = nn.Sequential(*(Layer(stack, dropout) for _ in range(stack.layers)), norm)
        else:
            layer = nn.TransformerEncoderLayer(
                stack.dim, stack.heads, stack.d_ff, dropout, stack.activation, batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, stack.layers, norm, enable_nested_tensor=False)
        self.output = nn.Linear(stack.dim, config.n_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits of pictures x, shape (B, C, H, W)."""
        rows = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        logits: torch.Tensor = self.output(self.blocks(self.dropout(rows)).mean(dim=1))
        return logits


def steps(
    parameters: ImageParameters, config: ImageConfig, draw: Callable[[int], tuple[Any, Any]]
) -> dict[str, Callable[[int], None]]:
    """Return a step of training of each network, by its name and its optimizer.

    `draw` returns the pictures of a step, shape (B, C, H, W), float32, and their classes, shape (B,), int64.
    """
    named = (("torch.nn, adam", False), ("fused, adam", True), ("fused, muon", True))
    return {
        name: _step(Transformer(config, parameters.dropout, fused=fused), parameters, name.endswith("muon"), draw)
        for name, fused in named
    }


def _step(
    network: nn.Module, parameters: ImageParameters, muon: bool, draw: Callable[[int], tuple[Any, Any]]
) -> Callable[[int], None]:
    rate, decay = parameters.learning_rate, parameters.weight_decay
    named = list(network.named_parameters())
    moved = [array for name, array in named if muon and array.ndim == 2 and name.startswith("blocks")]
    rest = [array for _, array in named if not any(array is own for own in moved)]
    optimizers: list[torch.optim.Optimizer] = [torch.optim.AdamW(rest, rate, weight_decay=decay)]
    if moved:
        optimizers.append(torch.optim.Muon(moved, rate, weight_decay=decay))
    loss = nn.CrossEntropyLoss(label_smoothing=parameters.smoothing)

    def step(number: int) -> None:
        x, wanted = draw(number)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss(network(torch.from_numpy(x)), torch.from_numpy(wanted)).backward()
        nn.utils.clip_grad_norm_(network.parameters(), parameters.clip)
        for optimizer in optimizers:
            optimizer.step()

    return step
