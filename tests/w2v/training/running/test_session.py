"""From a call to the kernel: how short the way is, what kernels take, and what is kept when a training goes wrong."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from w2v import Word2Vec
from w2v.commands.main import main
from w2v.encoding.holdout import hold_out
from w2v.encoding.repeats import RepeatedStream
from w2v.encoding.stream import TokenStream
from w2v.kernels import jit
from w2v.kernels.arguments import NOT_WEIGHTED, Segment, Text
from w2v.kernels.random import draw_noise
from w2v.training.objectives import Objective, noise_table
from w2v.training.state import digest_stream
from w2v.training.tables import Tables
from w2v.training.trainer import DivergenceError
from w2v.vectors.embeddings import Embeddings

ROOT = Path(jit.__file__).resolve().parents[jit.__name__.count(".")]
COMMAND_LINE = {"cli", "toolkit"}
"""What parses the command line."""
CORPUS = [[f"w{(7 * i + j * j) % 23}" for j in range(12)] for i in range(400)]


def small(**options: Any) -> Word2Vec:
    return Word2Vec(**({"min_count": 1, "vector_size": 8, "epochs": 2, "workers": 1, "random_state": 3} | options))


def frames_of_ours(frame: FrameType | None) -> list[str]:
    """Return the functions of the program that a stack holds, but for what only starts threads and waits for them."""
    found = []
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        starts_threads = path.stem == "stream" and frame.f_code.co_name in ("run_threads", "run")
        is_ours = path.is_relative_to(ROOT) and not {"tests", ".venv"} & set(path.relative_to(ROOT).parts)
        if is_ours and not starts_threads and path.stem not in COMMAND_LINE:
            found.append(f"{path.stem}.{frame.f_code.co_name}")
        frame = frame.f_back
    return found


def test_six_frames_lead_from_the_command_to_the_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the thread that trains, and those of the one that has started it, up to the command's function."""
    text, stacks, step = tmp_path / "text.txt", [], Objective.step
    text.write_text("\n".join(map(" ".join, CORPUS)))

    def look(self: Objective, *arguments: Any) -> None:
        def kernel(*inner: Any) -> None:
            mine = frames_of_ours(sys._getframe(1))
            if threading.current_thread() is not threading.main_thread():
                main_ident = threading.main_thread().ident
                assert main_ident is not None
                stacks.append([*mine, *frames_of_ours(sys._current_frames()[main_ident])])
            self.kernel(*inner)

        step(replace(self, kernel=kernel), *arguments)

    monkeypatch.setattr(Objective, "step", look)
    result = CliRunner().invoke(
        main, ["train", str(text), "-o", str(tmp_path / "m"), "--min-count", "1", "--epochs", "1"]
    )
    assert result.exit_code == 0, result.output
    for stack in stacks:
        assert stack[-1] == "train.train" and len(stack) <= 6, stack
        assert stack[:2] == ["objectives.step", "hogwild.work"]
    assert stacks


def kernels() -> Sequence[tuple[Path, ast.FunctionDef]]:
    return [
        (Path(name), node)
        for name, source in jit.kernel_sources(ROOT)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and is_compiled(node)
    ]


def is_compiled(node: ast.AST) -> bool:
    decorators = getattr(node, "decorator_list", [])
    return any(ast.unparse(decorator).partition("(")[0] in ("compiled", "lean", "inlined") for decorator in decorators)


def names_in_python(path: Path, kernel_modules: set[str]) -> set[str]:
    """Return the names that a module takes from kernels, or has as one itself, and uses outside of kernels."""
    tree = ast.parse(path.read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    own = (
        {node.name for node in tree.body if isinstance(node, ast.FunctionDef)} if path.stem in kernel_modules else set()
    )
    taken = {a.asname or a.name for node in imports if (node.module or "").rpartition(".")[2] in kernel_modules
             for a in node.names}  # fmt: skip
    modules = {a.asname or a.name for node in imports for a in node.names if a.name in kernel_modules}
    nodes: list[ast.AST] = [tree]
    used = set()
    while nodes:
        node = nodes.pop()
        if not is_compiled(node):
            nodes.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Name) and node.id in own | taken:
            used.add(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            used.add(node.attr)
    return used


def test_no_kernel_that_python_calls_takes_more_than_eight_arguments() -> None:
    """What only kernels call is a part of them, compiled into them, and may take what it likes."""
    found = [(path, node) for path, node in kernels() if path.is_relative_to(ROOT / "w2v")]
    modules = {path.stem for path, _ in found}
    used = set().union(*(names_in_python(path, modules) for path in (ROOT / "w2v").rglob("*.py")))
    assert len(found) > 60 and {"train_skipgram", "train_pairs", "add_up", "build_alias", "_merge"} <= used
    for path, node in found:
        if node.name in used:
            assert len(node.args.args) <= 8, f"{path.name}: {node.name}"


@pytest.mark.parametrize("algorithm", ["skipgram", "cbow"])
@pytest.mark.parametrize("objective", ["negative", "hs", "softmax"])
def test_scratch_that_was_used_gives_the_same_bits(
    algorithm: str, objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread works with one scratch from segment to segment: nothing in it may reach the next."""
    first, make = small(algorithm=algorithm, objective=objective).fit(CORPUS), Objective.scratch

    def used(self: Objective, tables: Tables) -> Any:
        scratch, n = make(self, tables), tables.n_words
        text = Text(np.arange(60, dtype=np.int32) % n, np.array([0, 25, 60]), np.ones(n, np.float32), NOT_WEIGHTED)
        self.step(text, tables.copy(), Segment(0, 60, 0, 0.5, 0.5, np.uint64(9)), scratch, np.zeros(3))
        return scratch

    monkeypatch.setattr(Objective, "scratch", used)
    second = small(algorithm=algorithm, objective=objective).fit(CORPUS)
    assert np.array_equal(first.vectors_, second.vectors_)
    assert np.array_equal(first.output_vectors_, second.output_vectors_)


def test_diverged_tables_never_replace_a_good_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The loss of the last segments is in its range while the tables are not: only a look at them tells."""
    folder, step, calls = tmp_path / "model", Objective.step, [0]

    def train(self: Objective, text: Any, tables: Any, *further: Any) -> None:
        step(self, text, tables, *further)
        calls[0] += 1
        if calls[0] == 40:
            tables.w_out[3] = np.nan
            further[-1][:] = [100.0, 100.0, 100.0]

    def every_step(*_: Any) -> bool:
        return True

    monkeypatch.setattr(Objective, "step", train)
    monkeypatch.setattr(
        "w2v.training.checkpoints.Checkpoint.is_due", lambda self, trainer: trainer.step != self._last_step
    )
    with pytest.raises(DivergenceError, match="the vectors are not finite"):
        small(epochs=100).fit(CORPUS, checkpoint=folder, checkpoint_every=1e-9)
    assert calls[0] >= 40
    assert np.isfinite(Embeddings.load(folder).vectors).all()
    resumed = Word2Vec.load(folder)
    assert not resumed.is_complete_ and np.isfinite(resumed.output_vectors_).all()


def test_seed_decides_which_sentences_fit_holds_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seed that reaches `hold_out` is that of the training, and other seeds set other sentences aside."""
    held: list[list[int]] = []

    def note(stream: TokenStream, share: float, seed: int) -> tuple[TokenStream, TokenStream]:
        train, out = hold_out(stream, share, seed)
        held.append([seed, *out.tokens.tolist()])
        return train, out

    monkeypatch.setattr("w2v.training.running.reading.hold_out", note)
    for seed in (3, 3, 4):
        small(holdout=0.2, epochs=1, random_state=seed).fit(CORPUS)
    assert held[0] == held[1] and held[0][0] == 3 and held[2][0] == 4
    assert held[0][1:] != held[2][1:]


@pytest.mark.parametrize("exponent", [0.75, 0.0, -1.0])
def test_words_of_count_zero_are_never_drawn_as_noise(exponent: float, rng: np.random.Generator) -> None:
    counts = rng.integers(1, 1000, 500)
    absent = rng.choice(500, 200, replace=False)
    counts[absent] = 0
    threshold, alias = noise_table(counts, exponent)
    can_be_drawn: NDArray[np.bool_] = threshold > 0
    assert not can_be_drawn[absent].any()
    assert (counts[alias[threshold < 1]] > 0).all()
    state, drawn = np.uint64(5), np.zeros(500, int)
    for _ in range(20_000):
        word, state = draw_noise(threshold, alias, np.uint64(state))
        drawn[word] += 1
    assert not drawn[absent].any() and (drawn > 0).sum() > 200


def test_rounding_leaves_no_chance_to_words_of_count_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    def build(probabilities: NDArray[np.float64], threshold: NDArray[np.float32], alias: NDArray[np.int32]) -> None:
        threshold[:], alias[:] = [1, 1, 0.9, 1e-7], [0, 1, 0, 2]  # what is left when weights do not quite add up

    monkeypatch.setattr("w2v.training.objectives.build_alias", build)
    threshold, alias = noise_table(np.array([5, 0, 3, 0]), 0.75)
    assert threshold[[1, 3]].tolist() == [0, 0] and alias[[1, 3]].tolist() == [0, 2]


def test_digest_tells_repeats_apart() -> None:
    tokens, offsets = np.array([0, 1, 2, 1], np.int32), np.array([0, 2, 4])
    streams = [RepeatedStream(tokens, offsets, 8, repeats=np.array(repeats)) for repeats in ([1, 3], [3, 1], [1, 3])]
    first, second, third = map(digest_stream, streams)
    assert first == third != second
