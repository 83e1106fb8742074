"""An encoder that learns: the parameters of a state with their optimizers, forward, backward and one step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.encoder.model.network import Cache, Network
from w2v.encoder.model.state import EncoderState
from w2v.encoder.training.batches import PackedSentences
from w2v.encoder.training.fit_options import FitOptions
from w2v.encoder.training.tasks import Batch, Loss, Task
from w2v.neural.kernels.table_rows import add_table_rows, gather_rows, scatter_bags, sum_bags
from w2v.neural.layers.dropout import Dropout
from w2v.neural.losses import cached_gradients
from w2v.neural.optimizers.adam import Adam, LazyAdam
from w2v.neural.optimizers.gradients import clip_by_norm, weight_decays
from w2v.neural.optimizers.muon import Muon
from w2v.neural.parameters import ParameterTable, all_finite
from w2v.neural.persistence import Optimizer, optimizer_state, restore_arrays, restore_optimizers
from w2v.settings.environment import default_workers

Floats = NDArray[np.floating[Any]]

_MUON = 4.0
"""Learning rate of the matrices that Muon moves, relative to that of the network's other parameters."""


@dataclass(frozen=True)
class Rates:
    """Learning rates of the words' vectors, of the logarithms of their weights, and of the network; 0 moves nothing.

    The tasks' own parameters move with the network, and without one with the words' vectors.
    """

    table: float
    weights: float = 0.0
    network: float = 0.0


class _Kept(NamedTuple):
    """What the backward pass needs of a forward pass."""

    sentences: PackedSentences
    cache: Cache | None
    words: _Words | None = None


class _Words(NamedTuple):
    """Distinct words, the place of each token among them, and the rows that the network reads."""

    rows: NDArray[np.int64]
    slots: NDArray[np.int64]
    x: NDArray[np.float32]


class Trainable:
    """The parameters of an encoder during training, and those of its tasks.

    The arrays of the initial `state` are copied. With `table_alone`, the network is not used and stays unchanged. The
    other arguments are those of `FitOptions`.
    """

    def __init__(
        self,
        state: EncoderState,
        tasks: list[Task],
        *,
        weight_decay: float = FitOptions.weight_decay,
        clip: float = FitOptions.clip,
        optimizer: str | None = FitOptions.optimizer,
        workers: int | None = None,
        table_alone: bool = False,
    ) -> None:
        self._start, self._tasks, self._clip = state, tasks, clip
        self.table, self.word_weights = np.array(state.table), np.array(state.word_weights)
        self._table_adam = LazyAdam(self.table.shape)
        self._weights_adam = LazyAdam((len(self.word_weights), 1))
        self._own_adam = [[Adam(array.shape) for array in task.own] for task in tasks]
        self._muon: Muon | None = None
        self._workers = default_workers() if workers is None else workers
        has_network = state.network is not None and not table_alone
        self.network = Network(state.network, workers) if state.network is not None and has_network else None
        self.parameters = state.parameters.copy() if state.parameters is not None and has_network else None
        if self.parameters is not None:
            decays = weight_decays(self.parameters, weight_decay)
            if optimizer == "muon":
                self._muon = Muon(self.parameters, weight_decay=weight_decay)
                self._leave_to_adam(decays)
            self._network_adam = Adam(decays.flat.shape, weight_decay=decays.flat)
        self._scales = np.exp(self.word_weights)
        self._found: tuple[_Gradients, list[tuple[int, list[Floats]]]] | None = None

    def vectors(self, sentences: PackedSentences, *, chunk: int = 512) -> NDArray[np.float32]:
        """Return the vectors of sentences, shape (S, d), without a cache for a backward pass."""
        parts = [self._forward(sentences[at : at + chunk], None)[0] for at in range(0, len(sentences), chunk)]
        return np.concatenate([np.empty((0, self.table.shape[1]), np.float32), *parts])

    def accumulate(
        self, batches: list[tuple[int, float, Batch]], *, seed: int, chunk: int | None = None
    ) -> list[float]:
        """Compute the gradients of some batches without updating parameters, and return the losses.

        Each batch comes with the number of its task and the weight of its loss. `seed` decides dropout. The network
        processes `chunk` sentences at once, see `cached_gradients`, with the same dropout as without.
        """
        losses: list[float] = []
        words, own = _Gradients(self), []
        for number, weight, batch in batches:
            value, d_own = self._backpropagate(batch, weight, words, seed, chunk)
            losses.append(value)
            own.append((number, d_own))
        self._found = words, own
        return losses

    def update(self, rates: Rates) -> None:
        """Update all parameters with the gradients of `accumulate`."""
        assert self._found is not None
        (words, own), self._found = self._found, None
        for number, gradients in own:
            for array, adam, gradient in zip(self._tasks[number].own, self._own_adam[number], gradients, strict=True):
                adam.step(array, gradient, rates.network or rates.table)
        self._apply(words, rates)

    def rehearse_update(self) -> None:
        """Discard the gradients of `accumulate`; compile the optimizers by a step without gradients."""
        self._found, none = None, np.empty(0, np.float32)
        Adam(none.shape).step(none, none, 0.0)
        rows = np.empty((0, 1), np.float32)
        LazyAdam((0, 1)).step(rows, np.empty(0, np.int64), rows, 0.0)
        if self._muon is not None:
            one = ParameterTable({"weight": (1, 1)})
            Muon(one).step(one, one.zeros_like(), 0.0)

    def loss(self, batch: Batch, *, chunk: int = 512) -> float:
        """Return the loss of a batch, without a step and without dropout."""
        if not batch.is_of_tokens:
            return batch.loss(self.vectors(batch.sentences, chunk=chunk)).value
        return sum(
            self._loss_of_tokens(batch, self._hidden(batch, part, tokens, None)[0], tokens).value
            for part, tokens in _parts(batch.sentences, chunk)
        )

    def _loss_of_tokens(self, batch: Batch, states: Floats, tokens: slice) -> Loss:
        return batch.loss(states, tokens) if batch.hidden is None else batch.loss(states, tokens, self.table)

    def _backpropagate(
        self, batch: Batch, weight: float, words: _Gradients, seed: int, chunk: int | None
    ) -> tuple[float, list[Floats]]:
        """Add the gradients of a batch to `words`; return its loss and the gradients of the task's own parameters."""
        sentences = batch.sentences
        size = len(sentences) if chunk is None or self.network is None else chunk
        found: list[Floats] = []
        if not batch.is_of_tokens:

            def objective(vectors: Floats) -> tuple[float, Floats]:
                value, d_vectors, d_own, _ = batch.loss(vectors)
                found.extend(d_own)
                return value, weight * d_vectors

            def forward(part: slice) -> tuple[Floats, _Kept]:
                return self._forward(sentences[part], self._dropped(sentences, part, seed))

            return cached_gradients(len(sentences), size, forward, words.add, objective), found
        total = 0.0
        for part, tokens in _parts(sentences, size):
            states, kept = self._hidden(batch, part, tokens, self._dropped(sentences, part, seed))
            value, d_states, d_own, d_rows = self._loss_of_tokens(batch, states, tokens)
            total += value
            found = [a + b for a, b in zip(found, d_own, strict=True)] if found else d_own
            words.add(weight * d_states, kept)
            if d_rows is not None:
                words.outputs.append((d_rows[0], weight * d_rows[1]))
        return total, found

    def _dropped(self, sentences: PackedSentences, part: slice, seed: int) -> Dropout | None:
        """Return the dropout of a part of a batch, equal to that of the whole batch there."""
        return None if self.network is None else self.network.dropout(seed, int(sentences.offsets[part.start]))

    def _forward(self, sentences: PackedSentences, dropped: Dropout | None) -> tuple[NDArray[np.float32], _Kept]:
        vectors = np.empty((len(sentences), self.table.shape[1]), np.float32)
        if self.network is None or self.parameters is None:
            sum_bags(self.table, self._scales, sentences.tokens, sentences.offsets, vectors)
            return vectors, _Kept(sentences, None)
        words = self._words(sentences)
        vectors, cache = self.network.forward(
            self.parameters, words.x, sentences.offsets, slots=words.slots, is_of_sums=True, dropped=dropped
        )
        return vectors, _Kept(sentences, cache, words)

    def _hidden(
        self, batch: Batch, part: slice, tokens: slice, dropped: Dropout | None
    ) -> tuple[NDArray[np.float32], _Kept]:
        """Return the hidden states of some sentences of a batch, whose tokens are `tokens`."""
        hidden = batch.hidden
        if hidden is not None:
            hidden = hidden[slice(*np.searchsorted(hidden, [tokens.start, tokens.stop]).tolist())] - tokens.start
        return self._states(batch.sentences[part], dropped, hidden)

    def _states(
        self, sentences: PackedSentences, dropped: Dropout | None, hidden: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], _Kept]:
        """Return the hidden states, shape (N, d), whose sums are the vectors; `hidden` tokens are read as zeros."""
        words = self._words(sentences, hidden)
        if self.network is None or self.parameters is None:
            return np.take(words.x, words.slots, axis=0), _Kept(sentences, None, words)
        y, cache = self.network.forward(self.parameters, words.x, sentences.offsets, slots=words.slots, dropped=dropped)
        return y, _Kept(sentences, cache, words)

    def _words(self, sentences: PackedSentences, hidden: NDArray[np.int64] | None = None) -> _Words:
        """Return the weighted rows of the distinct words, and one of zeros that `hidden` tokens read."""
        rows, slots = _distinct(sentences.tokens)
        x = np.zeros((len(rows) + (hidden is not None), self.table.shape[1]), np.float32)
        gather_rows(self.table, self._scales, rows, x)
        if hidden is not None:
            slots[hidden] = len(rows)
        return _Words(rows, slots, x)

    def _apply(self, words: _Gradients, rates: Rates) -> None:
        if self.parameters is not None and words.network is not None and rates.network:
            clip_by_norm([words.network.flat], self._clip)
            if self._muon is not None:
                rate = _MUON * rates.network
                self._muon.step(self.parameters, words.network, rate, workers=self._workers)
                self._leave_to_adam(words.network)
            self._network_adam.step(self.parameters.flat, words.network.flat, rates.network)
        rows, gradient = _joined(words.inputs)
        if rates.weights:
            # s = Σ exp(b) E, so that db is E · dE; `gradient` has the factor exp(b) already
            d_weights = np.einsum("ij,ij->i", gradient, self.table[rows])[:, None].astype(np.float32)
            self._weights_adam.step(self.word_weights[:, None], rows, d_weights, rates.weights)
            self._scales[rows] = np.exp(self.word_weights[rows])
        if rates.table:
            if words.outputs:
                rows, gradient = _joined([(rows, gradient), *words.outputs])
            self._table_adam.step(self.table, rows, gradient, rates.table)

    def _leave_to_adam(self, table: ParameterTable) -> None:
        """Zero the entries of Muon's parameters: Adam does not change parameters without gradient and decay."""
        if self._muon is not None:
            for name in self._muon.momentum:
                table[name][...] = 0

    def learned(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of the encoder by name, not copied."""
        named: dict[str, NDArray[Any]] = {"table": self.table, "word_weights": self.word_weights}
        if self.parameters is not None:
            named["network"] = self.parameters.flat
        return named

    def state_with(self, learned: Mapping[str, NDArray[Any]]) -> EncoderState:
        """Return the encoder with these arrays, named as by `learned` and not copied."""
        parameters = self._start.parameters
        if self.parameters is not None:
            parameters = self.parameters.zeros_like()
            parameters.flat[...] = learned["network"]
        return replace(self._start, table=learned["table"], word_weights=learned["word_weights"], parameters=parameters)

    def all_finite(self) -> bool:
        """Return whether all parameters are finite."""
        return all(map(all_finite, (*self.learned().values(), *self._own().values())))

    def tensors(self) -> dict[str, NDArray[Any]]:
        """Return all arrays needed to resume training by name, not copied."""
        return self.learned() | self._own() | optimizer_state(self._optimizers())

    def restore(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Restore the arrays of `tensors`; ValueError if an array is missing or has another shape."""
        restore_arrays(self.learned() | self._own(), tensors)
        restore_optimizers(self._optimizers(), tensors)
        self._scales = np.exp(self.word_weights)

    def _own(self) -> dict[str, NDArray[Any]]:
        return {f"task{i}.{k}": array for i, task in enumerate(self._tasks) for k, array in enumerate(task.own)}

    def _optimizers(self) -> dict[str, Optimizer]:
        every: dict[str, Optimizer] = {"table.adam": self._table_adam, "weights.adam": self._weights_adam}
        if self.parameters is not None:
            every["network.adam"] = self._network_adam
        if self._muon is not None:
            every["network.muon"] = self._muon
        for i, own in enumerate(self._own_adam):
            every |= {f"task{i}.{k}.adam": adam for k, adam in enumerate(own)}
        return every


_Rows = tuple[NDArray[np.int64], NDArray[np.float32]]


class _Gradients:
    """The gradients of a step: of the distinct words of each pass, read or predicted, and of the network."""

    def __init__(self, model: Trainable) -> None:
        self._model = model
        self.inputs: list[_Rows] = []
        self.outputs: list[_Rows] = []
        self.network: Any = None

    def add(self, d_outputs: Floats, kept: _Kept) -> None:
        """Backpropagate the gradient of some vectors, or of hidden states."""
        model, words = self._model, kept.words
        d_outputs = np.ascontiguousarray(d_outputs, np.float32)
        if words is None:
            rows, slots = _distinct(kept.sentences.tokens)
            d_rows = np.zeros((len(rows), model.table.shape[1]), np.float32)
            scatter_bags(d_outputs, model._scales[rows], slots, kept.sentences.offsets, d_rows)
            self.inputs.append((rows, d_rows))
            return
        if kept.cache is not None and model.network is not None and model.parameters is not None:
            dx, gradients = model.network.backward(model.parameters, d_outputs, kept.cache)
            if self.network is None:
                self.network = gradients
            else:
                self.network.flat += gradients.flat
        else:
            dx = np.zeros_like(words.x)
            add_table_rows(d_outputs, words.slots, dx)
        dx = dx[: len(words.rows)]
        dx *= model._scales[words.rows][:, None]
        self.inputs.append((words.rows, dx))


def _distinct(tokens: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct words of some tokens, and the index of each token among them."""
    rows, slots = np.unique(tokens, return_inverse=True)
    return rows.astype(np.int64), slots.astype(np.int64)


def _joined(parts: list[_Rows]) -> _Rows:
    """Return the distinct rows of several parts and the sums of their gradients."""
    if len(parts) == 1:
        return parts[0]
    every = np.concatenate([rows for rows, _ in parts])
    rows, slots = np.unique(every, return_inverse=True)
    total = np.zeros((len(rows), parts[0][1].shape[1]), np.float32)
    at = 0
    for part_rows, gradient in parts:
        total[slots[at : at + len(part_rows)]] += gradient  # within a part rows are distinct
        at += len(part_rows)
    return rows, total


def _parts(sentences: PackedSentences, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of at most `size` sentences, and of their tokens."""
    for start in range(0, len(sentences), size):
        stop = min(start + size, len(sentences))
        yield slice(start, stop), slice(int(sentences.offsets[start]), int(sentences.offsets[stop]))
