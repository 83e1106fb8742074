r"""Image classifiers: accuracy on test pictures, seconds, and a training step compared with PyTorch.

    python benchmarks/networks/pictures.py digits --max-time 10 --seeds 5
    python benchmarks/networks/pictures.py mnist/train-images-idx3-ubyte.gz --test mnist/t10k-images-idx3-ubyte.gz \
        --max-time 600
    python benchmarks/networks/pictures.py digits --architecture attention recurrent convolution
    python benchmarks/networks/pictures.py mnist/train-images-idx3-ubyte.gz --torch

Without --test, every fourth picture of each class is held out for testing, chosen by the seed. Further options of
`ImageClassifier` are given as NAME=VALUE. With --torch, a training step is timed and compared with those of three
Vision Transformers of the same shape, with the same threads; runs take turns. See `_torch_pictures`.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
from numpy.typing import NDArray

from benchmarks._common import run_python, write_results
from w2v import ImageClassifier
from w2v.corpora.images import Pictures, read_pictures
from w2v.neural.kernels.patches import Change
from w2v.neural.models import Regularisation
from w2v.neural.names import MIXERS
from w2v.neural.parameters import ParameterTable
from w2v.neural.tasks.estimator import stack_of
from w2v.neural.tasks.images import network
from w2v.neural.tasks.images.data import scale_of
from w2v.neural.tasks.images.learning import patch_for
from w2v.neural.tasks.images.network import ImageConfig, PictureBatch
from w2v.neural.tasks.images.parameters import ImageParameters
from w2v.neural.tasks.parameters import OPTIMIZERS
from w2v.neural.tasks.trainable import LearningOptions, Trainable


def divided(pictures: Pictures, seed: int) -> tuple[Pictures, Pictures]:
    """Return training pictures, and every fourth of each class for testing."""
    from sklearn.model_selection import train_test_split

    rows = train_test_split(np.arange(len(pictures)), test_size=0.25, random_state=seed, stratify=pictures.labels)
    return pictures.take(rows[0]), pictures.take(rows[1])


def measure(a: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Train one classifier and return its results."""
    trained = read_pictures(a.pictures)
    test = read_pictures(a.test) if a.test else None
    if test is None:
        trained, test = divided(trained, seed)
    classifier = ImageClassifier(
        architecture=a.architecture[0], max_time=a.max_time, workers=a.threads, random_state=seed, **dict(a.options)
    )
    classifier.fit(trained)
    start = time.perf_counter()
    accuracy = classifier.score(test, test.labels)
    seconds, history = time.perf_counter() - start, classifier.history_
    batches = -(-classifier.network_.metadata["pictures"]["trained"] // classifier.batch_size)
    return {
        "architecture": a.architecture[0],
        "seed": seed,
        "accuracy": round(accuracy, 4),
        "parameters": classifier.network_.parameters.n_parameters,
        "steps": history[-1]["step"],
        "epochs": round(history[-1]["step"] / batches, 1),
        "seconds": round(history[-1]["seconds"], 1),
        "pictures_per_second": round(len(test) / seconds),
    }


def beside_torch(a: argparse.Namespace) -> dict[str, Any]:
    """Return the seconds of a training step, ours and PyTorch's."""
    import torch

    from benchmarks.networks import _torch_pictures

    torch.set_num_threads(a.threads)
    pictures = read_pictures(a.pictures)
    assert pictures.labels is not None
    parameters = ImageParameters(**dict(a.options))
    height, width, channels = pictures.pixels.shape[1:]
    patch = parameters.patch or patch_for(height, width)
    n_rows = (parameters.pooling == "token") + -(-height // patch) * -(-width // patch)
    classes, wanted = np.unique(pictures.labels, return_inverse=True)
    stack = stack_of(parameters, max_positions=n_rows)
    config = ImageConfig(height, width, channels, patch, len(classes), stack, parameters.pooling)
    table = ParameterTable.initialise(config.tensors(), 1)
    scale = scale_of([float(pictures.pixels.mean())] * channels, [float(pictures.pixels.std())] * channels)
    rng, n = np.random.default_rng(1), parameters.batch_size

    def draw(step: int) -> PictureBatch:
        chosen = rng.integers(0, len(wanted), n)
        return PictureBatch(pictures.pixels, chosen, wanted[chosen], scale, Change(shift=2.0), step)

    rates = Regularisation(parameters.dropout, parameters.smoothing)
    options = LearningOptions(
        parameters.learning_rate, weight_decay=parameters.weight_decay, regularisation=rates, part=2048,
        workers=a.threads,
    )  # fmt: skip
    trainables = {
        name: Trainable(config, table.copy(), draw, draw(0), replace(options, optimizer=name), network)
        for name in OPTIMIZERS
    }

    def stepper(trainable: Trainable) -> Callable[[int], None]:
        def step(number: int) -> None:
            trainable.accumulate(number)
            trainable.update(1.0)

        return step

    steps = {f"ours, {name}": stepper(own) for name, own in trainables.items()}
    steps |= _torch_pictures.steps(parameters, config, lambda number: _scaled(draw(number)))
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    cpu: dict[str, list[float]] = {name: [] for name in steps}
    for run in range(a.runs + 1):  # the first compiles and warms up
        for name, step in steps.items():
            start = time.perf_counter(), time.process_time()
            for i in range(a.steps):
                step(run * a.steps + i)
            if run:
                seconds[name].append((time.perf_counter() - start[0]) / a.steps)
                cpu[name].append((time.process_time() - start[1]) / a.steps)
    return {
        "torch": torch.__version__,
        "threads": a.threads,
        "parameters": table.n_parameters,
        "rows_of_a_picture": n_rows,
        "pictures_in_a_step": n,
        "seconds_of_a_step": {name: statistics.median(own) for name, own in seconds.items()},
        "cpu_seconds_of_a_step": {name: statistics.median(own) for name, own in cpu.items()},
        "median_of_ratios": _ratios(seconds),
        "median_of_cpu_ratios": _ratios(cpu),
    }


def _scaled(batch: PictureBatch) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return pictures as PyTorch takes them, shape (B, C, H, W), and their classes; nothing is changed at random."""
    pixels = (batch.pictures[batch.chosen] - batch.scale.mean) * batch.scale.inverse
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32), batch.wanted


def _ratios(seconds: dict[str, list[float]]) -> dict[str, float]:
    """Return how many times as long each of PyTorch's takes as ours of the same optimizer."""
    return {
        name: round(statistics.median(x / y for x, y in zip(own, seconds["ours, " + _optimizer(name)], strict=True)), 3)
        for name, own in seconds.items()
        if not name.startswith("ours")
    } | {
        f"{name}, ours with muon": round(
            statistics.median(x / y for x, y in zip(seconds[name], seconds["ours, muon"], strict=True)), 3
        )
        for name in seconds
        if not name.startswith("ours") and _optimizer(name) != "muon"
    }


def _optimizer(name: str) -> str:
    return name.rpartition(", ")[2]


def option(text: str) -> tuple[str, Any]:
    """Return a name and a value."""
    name, _, value = text.partition("=")
    try:
        return name, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return name, value


def main() -> None:
    """Measure every classifier in a separate process, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", help="training pictures; see w2v.corpora.images.read_pictures")
    parser.add_argument("options", nargs="*", type=option, metavar="NAME=VALUE", help="of ImageClassifier")
    parser.add_argument("--test", help="test pictures")
    parser.add_argument("--max-time", type=float, help="seconds")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--architecture", nargs="+", choices=MIXERS, default=["attention"])
    parser.add_argument("--torch", action="store_true", help="compare a step with PyTorch")
    parser.add_argument("--steps", type=int, default=5, help="steps per run, with --torch")
    parser.add_argument("--runs", type=int, default=9, help="with --torch")
    parser.add_argument("--name", help="name of the result file; without it nothing is written")
    parser.add_argument("--seed", type=int, help="print the results of this seed only")
    a = parser.parse_args()
    if a.seed is not None:
        print(json.dumps(measure(a, a.seed)))
        return
    shown = {name: value for name, value in vars(a).items() if name not in ("seed", "name")}
    shown |= {name: shown[name] and Path(shown[name]).name for name in ("pictures", "test")}
    results: dict[str, Any] = {"options": shown | {"options": dict(a.options)}}
    if a.torch:
        results |= beside_torch(a)
        print(json.dumps(results, indent=1))
    else:
        results["classifiers"] = []
        given = [text for text in sys.argv[1:] if text not in MIXERS and text != "--architecture"]
        for architecture in a.architecture:
            for seed in range(1, a.seeds + 1):
                own = [*given, "--architecture", architecture, "--seed", str(seed)]
                results["classifiers"].append(run_python(Path(__file__), *own))
                print(json.dumps(results["classifiers"][-1]), flush=True)
            own = [one["accuracy"] for one in results["classifiers"] if one["architecture"] == architecture]
            results[f"mean_accuracy_{architecture}"] = round(statistics.mean(own), 4)
    if a.name:
        write_results(__file__, a.name, results)


if __name__ == "__main__":
    main()
