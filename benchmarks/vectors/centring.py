"""The effect of centring word vectors, and of adding output vectors: analogies, WordSim, SimLex.

    python benchmarks/vectors/centring.py CORPUS --words FOLDER [--seeds 1]

CORPUS is text, such as Simple Wikipedia, and may be compressed; skip-gram is trained on it with all defaults in one
thread. FOLDER contains questions-words.txt, EN-WS-353-ALL.txt and EN-SIMLEX-999.txt. Analogies use the 30,000 most
frequent words.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from w2v import Embeddings, Word2Vec
from w2v.evaluation import evaluate_analogies, evaluate_word_pairs
from w2v.vectors.inverses import read_output_vectors
from w2v.vectors.spaces.moving import beside_outputs, centred


def judged(embeddings: Embeddings, folder: Path) -> dict[str, Any]:
    """Return the three figures."""
    analogies = evaluate_analogies(embeddings, folder / "questions-words.txt", restrict_vocab=30_000).total.accuracy
    pairs = {"wordsim": "EN-WS-353-ALL.txt", "simlex": "EN-SIMLEX-999.txt"}
    scores = {name: evaluate_word_pairs(embeddings, folder / file).spearman for name, file in pairs.items()}
    return {"columns": embeddings.vector_size, "analogies": analogies, **scores}


def main() -> None:
    """Train, transform, evaluate, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=1)
    a = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for seed in range(1, a.seeds + 1):
        with TemporaryDirectory() as place:
            folder, start = Path(place) / "model", time.process_time()
            Word2Vec(workers=1, random_state=seed).fit(a.corpus).save(folder)
            seconds, model = time.process_time() - start, Embeddings.load(folder, mmap=False)
            outputs = read_output_vectors(folder, model.table.shape)
            assert outputs is not None
            both = beside_outputs(model, outputs)
            moved = {
                "as they are": model,
                "centred": centred(model),
                "beside output vectors": both,
                "beside output vectors, centred": centred(both),
            }
            runs.append({
                "seed": seed,
                "cpu_seconds": seconds,
                "vectors": {name: judged(each, a.words) for name, each in moved.items()},
            })  # fmt: skip
        write_results(__file__, "centring", {"runs": runs})


if __name__ == "__main__":
    main()
