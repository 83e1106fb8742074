"""Users as encoders of their histories: predicting the next film, compared with popularity and item2vec.

    pip install --no-deps recbole
    python benchmarks/vectors/items.py

The package RecBole contains MovieLens 100K (943 users, 1,682 films, 100,000 ratings; GroupLens, for research; the
package is MIT). The script downloads nothing, and reads only this file of the package. A user's films, in the order of
their ratings, are a sequence. The last film of each user is the target of the test (leave-one-out), the one before it
that of the validation, and everything earlier is used for training. All films that the user has not seen yet are
ranked, without sampling. Hit rate at 10 is the fraction of users whose film is among the first ten; NDCG at 10 gives
less for lower ranks.

Vectors model how much more likely a film is for this user than for others, not how popular it is. So each method is
measured twice: by cosines alone, and with `beta` times the log of the film's popularity added, where `beta` is chosen
on the validation films.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results

TOP, SEEDS = 10, (1, 2, 3)
BETAS = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
LAST = 20
"""Number of last films of a history that an encoder reads."""
WORDS = {"vector_size": 64, "window": 10, "shrink_windows": False, "min_count": 1, "sample": 0, "epochs": 40,
         "alpha": 0.01, "tokenizer": "whitespace", "workers": 1}  # fmt: skip
TRAINING = {"batch_size": 256, "temperature": 0.1, "learning_rate": 5e-3, "word_dropout": 0.1, "min_tokens": 1,
            "evaluate_every": 100, "workers": 1}  # fmt: skip
NETWORKS: dict[str, tuple[int, dict[str, Any]]] = {
    "static": (1500, {}),
    "attention": (500, {"architecture": "attention", "layers": 1, "heads": 2, "dim": 64, "positions": "fraction"}),
}
"""Training steps and architecture of the encoder; the best state on held-out pairs is kept."""

Floats = NDArray[np.floating[Any]]


def read_sequences() -> list[list[str]]:
    """Return the films of each user, in chronological order."""
    spec = find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("the data set is in the package recbole: pip install --no-deps recbole")
    file = Path(spec.submodule_search_locations[0], "dataset_example", "ml-100k", "ml-100k.inter")
    users = defaultdict(list)
    with open(file, encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            users[row["user_id:token"]].append((float(row["timestamp:float"]), row["item_id:token"]))
    return [[film for _, film in sorted(films, key=lambda one: one[0])] for films in users.values()]


class Ranking:
    """Ranks all films for every user, and finds the rank of the next one.

    Parameters
    ----------
    histories : list of list of str
    wanted : list of str
        The next film of each user.
    films : list of str
        All films, in the order of the columns of scores.
    """

    def __init__(self, histories: list[list[str]], wanted: list[str], films: list[str]) -> None:
        self.histories, rows = histories, {film: row for row, film in enumerate(films)}
        self._wanted = np.array([rows.get(film, -1) for film in wanted])
        self._seen = [np.array([rows[film] for film in own if film in rows], np.int64) for own in histories]

    def measure(self, scores: Floats) -> dict[str, float]:
        """Return hit rate and NDCG of scores, shape (users, films); a film not seen in training counts as not found."""
        hits, gains = [], []
        for own, seen, wanted in zip(scores, self._seen, self._wanted, strict=True):
            own = own.copy()
            own[seen] = -np.inf
            place = int((own > own[wanted]).sum()) if wanted >= 0 else TOP
            hits.append(place < TOP)
            gains.append(1 / np.log2(place + 2) if place < TOP else 0.0)
        return {"hit_rate": float(np.mean(hits)), "ndcg": float(np.mean(gains))}


def with_popularity(
    name: str, validation: Ranking, test: Ranking, scores: list[Floats], log_p: Floats
) -> dict[str, Any]:
    """Return the results of scores on validation and test, alone and with the best weight of popularity."""
    found = {beta: validation.measure(scores[0] + beta * log_p) for beta in BETAS}
    beta = max(found, key=lambda one: found[one]["ndcg"])
    return {
        "method": name, "validation": found[0.0], "alone": test.measure(scores[1]), "beta": beta,
        "validation_with_popularity": found[beta], "with_popularity": test.measure(scores[1] + beta * log_p),
    }  # fmt: skip


def pairs_of(sequences: list[list[str]]) -> list[tuple[str, str]]:
    """Return pairs of the last films before each film of a history, and that film."""
    return [(" ".join(own[max(0, i - LAST) : i]), own[i]) for own in sequences for i in range(2, len(own))]


def run(seed: int, sequences: list[list[str]]) -> list[dict[str, Any]]:
    """Return the results of every method for one seed."""
    from w2v import Word2Vec
    from w2v.encoder import FitOptions, SentenceEncoder

    trained = [own[:-2] for own in sequences]
    counts: dict[str, int] = defaultdict(int)
    for own in trained:
        for film in own:
            counts[film] += 1
    films = sorted(counts)
    log_p = np.log(np.array([counts[film] for film in films], float) / sum(counts.values()))
    validation = Ranking(trained, [own[-2] for own in sequences], films)
    test = Ranking([own[:-1] for own in sequences], [own[-1] for own in sequences], films)
    everywhere = np.broadcast_to(log_p, (len(sequences), len(films)))
    rows: list[dict[str, Any]] = [{"method": "popularity", "alone": test.measure(everywhere)}]

    def add(name: str, seconds: float, encode_user: Any, items: Floats) -> None:
        scores = [encode_user(part.histories) @ items.T for part in (validation, test)]
        rows.append({**with_popularity(name, validation, test, scores, log_p), "cpu_seconds": seconds})
        print(seed, rows[-1], file=sys.stderr, flush=True)

    began = time.process_time()
    embeddings = Word2Vec(**WORDS, random_state=seed).fit([" ".join(own) for own in trained]).embeddings_
    seconds = time.process_time() - began
    vectors = embeddings.vectors[[embeddings.key_to_index[film] for film in films]]
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    by_film = dict(zip(films, vectors, strict=True))

    def mean(histories: list[list[str]], last: int | None = None) -> Floats:
        sums = np.array([sum(by_film[film] for film in own[-(last or len(own)) :] if film in by_film)
                         + np.zeros(units.shape[1]) for own in histories])  # fmt: skip
        return sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)

    add("item2vec, the last film", seconds, lambda histories: mean(histories, 1), units)
    add(f"item2vec, mean of the last {LAST}", seconds, lambda histories: mean(histories, LAST), units)
    add("item2vec, mean of all", seconds, mean, units)
    for name, (steps, network) in NETWORKS.items():
        began = time.process_time()
        options = FitOptions(**TRAINING, steps=steps, seed=seed)
        encoder = SentenceEncoder(embeddings, **network, training=options).fit(pairs=pairs_of(trained))
        items = encoder.encode(films)
        add(
            f"user encoder, {name}", seconds + time.process_time() - began,
            lambda histories, encoder=encoder: encoder.encode([" ".join(own[-LAST:]) for own in histories]), items,
        )  # fmt: skip
    return rows


def main() -> None:
    """Measure with three seeds, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--output", default="items")
    arguments = parser.parse_args()
    sequences = read_sequences()
    runs = [run(seed, sequences) for seed in arguments.seeds]
    rows = []
    for same in zip(*runs, strict=True):
        row: dict[str, Any] = {"method": same[0]["method"], "runs": list(same)}
        for kind in ("alone", "with_popularity"):
            for name in ("hit_rate", "ndcg"):
                values = [one[kind][name] for one in same if kind in one]
                if values:
                    row[f"{name}_{kind}"] = {"mean": statistics.mean(values), "values": values}
        rows.append(row)
    settings = {"last": LAST, "words": WORDS, "training": TRAINING, "networks": NETWORKS, "seeds": arguments.seeds}
    n_events = sum(map(len, sequences))
    data = {"name": "MovieLens 100K, as recbole ships it", "users": len(sequences), "events": n_events}
    write_results(__file__, arguments.output, {"data": data, "settings": settings, "rows": rows})


if __name__ == "__main__":
    main()
