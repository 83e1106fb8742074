"""Round trips through other programs, and the import speed of a large word2vec file compared with gensim's loader.

    python benchmarks/vectors/formats.py

Each row of the table is a file that was written here and opened by the other program itself, or the reverse; the
largest difference between the vectors of all words is shown. Programs that are not installed are left out (install them
with the extra `interop`). The import is timed in fresh processes that take turns; figures are medians.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import median, run_python, write_results

if TYPE_CHECKING:
    import numpy as np

    from w2v import Embeddings

N_WORDS, VECTOR_SIZE = 400_000, 300
UNSEEN = ["riverz", "unhappyly", "naïvely", "日本語x"]


def make_embeddings(n_words: int, vector_size: int, buckets: int = 0) -> Embeddings:
    """Return random vectors, with those of n-grams if there are buckets."""
    import numpy as np

    from w2v import Embeddings, Vocabulary
    from w2v.corpora.tokenizers import WordsTokenizer
    from w2v.vectors.subwords import Subwords, SubwordVectors

    rng = np.random.default_rng(1)
    special = ["river", "don't", "straße", "日本", "\u0130x"]
    words = [*special, *(f"word{i}" for i in range(n_words - len(special)))]
    vectors = rng.standard_normal((n_words, vector_size), dtype=np.float32)
    subwords = None
    if buckets:
        from w2v.kernels.subwords import add_ngrams

        ngrams = rng.standard_normal((buckets, vector_size), dtype=np.float32)
        subwords = SubwordVectors(Subwords(3, 6, buckets), ngrams)
        add_ngrams(vectors, ngrams, *subwords.subwords.table(words))
    vocabulary = Vocabulary(words, np.arange(n_words, 0, -1))
    return Embeddings(vocabulary, vectors, tokenizer=WordsTokenizer(), subwords=subwords)


def difference(found: Any, expected: Any) -> float:
    """Return the largest absolute difference between two tables."""
    import numpy as np

    return float(np.max(np.abs(np.asarray(found) - np.asarray(expected))))


def gensim_word2vec(folder: Path, embeddings: Embeddings) -> Iterator[tuple[str, str, float]]:
    """Check the formats of word2vec and GloVe with gensim."""
    from gensim.models import KeyedVectors

    from w2v.formats import read_vectors, write_vectors

    cases: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
        ("word2vec-text", "v.txt", {"binary": False}, {}),
        ("word2vec-text", "v.txt.gz", {"binary": False}, {}),
        ("word2vec-binary", "v.bin", {"binary": True}, {}),
        ("word2vec-binary", "v.bin.gz", {"binary": True}, {}),
        ("fasttext-vec", "v.vec", {"binary": False}, {}),
        ("glove", "glove.txt", {"binary": False, "no_header": True}, {"binary": False, "write_header": False}),
    ]
    for name, file, loading, saving in cases:
        write_vectors(embeddings, folder / file, format=name)
        keyed = KeyedVectors.load_word2vec_format(str(folder / file), **loading)
        same_order(keyed.index_to_key, embeddings)
        yield f"{name} ({file})", "written here, loaded by gensim", difference(keyed.vectors, embeddings.vectors)
        keyed.save_word2vec_format(str(folder / f"g{file}"), **(saving or loading))
        found = read_vectors(folder / f"g{file}")
        same_order(found.index_to_key, embeddings)
        yield f"{name} ({file})", "written by gensim, read here", difference(found.vectors, embeddings.vectors)


def gensim_native(folder: Path, embeddings: Embeddings) -> Iterator[tuple[str, str, float]]:
    """Check gensim's own files, without and with n-grams."""
    from gensim.models import KeyedVectors
    from gensim.models.fasttext import FastTextKeyedVectors, load_facebook_vectors

    from w2v import Embeddings
    from w2v.formats import write_vectors
    from w2v.formats.gensim import from_gensim

    for kind, tried in (
        (KeyedVectors, Embeddings(embeddings.vocabulary, embeddings.vectors)),
        (FastTextKeyedVectors, embeddings),
    ):
        write_vectors(tried, folder / f"{kind.__name__}.kv", format="gensim")
        keyed = kind.load(str(folder / f"{kind.__name__}.kv"))
        words = embeddings.index_to_key + (UNSEEN if tried.subwords else [])
        yield f"gensim ({kind.__name__})", "written here, loaded by gensim", difference(keyed[words], tried[words])
        found = from_gensim(keyed)
        yield f"gensim ({kind.__name__})", "from_gensim", difference(found[words], tried[words])
    write_vectors(embeddings, folder / "g.bin", format="fasttext-bin")
    keyed = load_facebook_vectors(str(folder / "g.bin"))
    words = embeddings.index_to_key + UNSEEN
    yield (
        "fasttext-bin",
        "written here, loaded by gensim, unseen words too",
        difference(keyed[words], embeddings[words]),
    )


def fasttext(folder: Path, embeddings: Embeddings) -> Iterator[tuple[str, str, float]]:
    """Check fastText's models in both directions, including unseen words."""
    import fasttext as facebook
    import numpy as np

    from w2v.formats import read_vectors, write_vectors

    def vectors(model: Any, words: list[str]) -> np.ndarray:
        """Return fastText's vectors; if a build returns unit vectors, those before normalisation."""
        found = np.stack([model.get_word_vector(word) for word in words])
        if np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5):
            rows = [[model.get_input_vector(row) for row in model.get_subwords(word)[1]] for word in words]
            found = np.stack([np.mean(row, axis=0) for row in rows])
        return found

    words = embeddings.index_to_key + UNSEEN
    for file in ("v.ft.bin", "v.ft.bin.gz"):
        write_vectors(embeddings, folder / file, format="fasttext-bin")
    model = facebook.load_model(str(folder / "v.ft.bin"))
    yield (
        "fasttext-bin",
        "written here, loaded by fastText, unseen words too",
        difference(vectors(model, words), embeddings[words]),
    )
    found = read_vectors(folder / "v.ft.bin.gz")
    yield "fasttext-bin (.gz)", "written and read here, unseen words too", difference(found[words], embeddings[words])
    corpus = folder / "corpus.txt"
    corpus.write_text("the river flows to the straße and 日本 again\n" * 200, encoding="utf-8")
    for method in ("skipgram", "cbow"):
        model = facebook.train_unsupervised(str(corpus), model=method, dim=50, minCount=1, thread=1, verbose=0)
        model.save_model(str(folder / "facebook.bin"))
        found = read_vectors(folder / "facebook.bin")
        words = [*model.get_words(), *UNSEEN]
        yield (
            f"fasttext-bin ({method}, 2 M buckets)",
            "trained by fastText, read here, unseen words too",
            difference(vectors(model, words), found[words]),
        )


def arrays(folder: Path, embeddings: Embeddings) -> Iterator[tuple[str, str, float]]:
    """Check NumPy and safetensors with those libraries."""
    import numpy as np
    from safetensors.numpy import load_file

    from w2v.formats import read_vectors, write_vectors

    for name, file in (("numpy", "v.npz"), ("numpy", "v.npy"), ("safetensors", "v.safetensors")):
        write_vectors(embeddings, folder / file, format=name)
        path = folder / file
        table = load_file(path)["vectors"] if name == "safetensors" else np.load(path)
        table = table["vectors"] if file == "v.npz" else table
        yield f"{name} ({file[1:]})", "written here, loaded by the library", difference(table, embeddings.vectors)
        found = read_vectors(path)
        same_order(found.index_to_key, embeddings)
        yield f"{name} ({file[1:]})", "written and read here", difference(found.vectors, embeddings.vectors)


def tensorboard(folder: Path, embeddings: Embeddings) -> Iterator[tuple[str, str, float]]:
    """Check the Projector's folder with TensorBoard's plugin."""
    import numpy as np
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin
    from werkzeug.test import Client

    from w2v.formats import read_vectors, write_vectors

    write_vectors(embeddings, folder / "projector", format="projector")
    routes = ProjectorPlugin(TBContext(logdir=str(folder / "projector"), data_provider=None)).get_plugin_apps()
    described = json.loads(Client(routes["/info"]).get(query_string={"run": "."}).data)
    query = {"run": ".", "name": described["embeddings"][0]["tensorName"]}
    table = np.frombuffer(Client(routes["/tensor"]).get(query_string=query).data, "<f4")
    yield (
        "projector",
        "written here, served by TensorBoard",
        difference(table.reshape(embeddings.vectors.shape), embeddings.vectors),
    )
    found = read_vectors(folder / "projector")
    yield "projector", "written and read here", difference(found.vectors, embeddings.vectors)


def same_order(words: list[str], embeddings: Embeddings) -> None:
    """Raise unless the words and their order are those of the model."""
    if list(words) != embeddings.index_to_key:
        raise SystemExit("the words have changed")


TRIALS: dict[str, Callable[[Path, Embeddings], Iterator[tuple[str, str, float]]]] = {
    "gensim": gensim_word2vec,
    "gensim ": gensim_native,
    "fasttext-community": fasttext,
    "safetensors": arrays,
    "tensorboard": tensorboard,
}


def round_trips() -> list[dict[str, Any]]:
    """Check all formats with all installed programs."""
    embeddings = make_embeddings(1000, 20, buckets=2000)
    rows = []
    for package, trial in TRIALS.items():
        try:
            found = version(package.strip())
            with tempfile.TemporaryDirectory() as folder:
                for name, way, largest in trial(Path(folder), embeddings):
                    rows.append(
                        {
                            "format": name,
                            "verified": way,
                            "program": f"{package.strip()} {found}",
                            "largest_difference": largest,
                        }
                    )
                    print(f"{name:38} {way:60} {largest:.1e}", file=sys.stderr)
        except (ImportError, PackageNotFoundError) as error:
            print(f"left out: {package.strip()} ({error})", file=sys.stderr)
    return rows


def time_import(program: str, path: str) -> dict[str, float]:
    """Load a word2vec binary (a child process)."""
    if program == "gensim":
        from gensim.models import KeyedVectors

        start = time.perf_counter()
        n_words = len(KeyedVectors.load_word2vec_format(path, binary=True))
    else:
        from w2v.formats.word2vec import read_word2vec

        start = time.perf_counter()
        n_words = len(read_word2vec(path))
    assert n_words == N_WORDS
    return {"seconds": time.perf_counter() - start}


def compare_imports(repeats: int) -> dict[str, Any]:
    """Time the import of a large binary file, here and in gensim, in turns."""
    from w2v.formats import write_vectors

    with tempfile.TemporaryDirectory() as folder:
        results: dict[str, Any] = {}
        for suffix in ("", ".gz"):
            path = str(Path(folder, f"large.bin{suffix}"))
            write_vectors(make_embeddings(N_WORDS, VECTOR_SIZE), path, format="word2vec-binary")
            runs: dict[str, list[dict[str, Any]]] = {"w2v": [], "gensim": []}
            for _ in range(repeats):
                for program, timed in runs.items():
                    timed.append(run_python(Path(__file__), "--import", program, path))
            here, there = median(runs["w2v"], "seconds"), median(runs["gensim"], "seconds")
            results[f"binary{suffix}"] = {
                "w2v_seconds": here,
                "gensim_seconds": there,
                "ratio": there / here,
                "runs": runs,
            }
            print(
                f"import of {Path(path).name}: {here:.2f} s, gensim {there:.2f} s: {there / here:.1f} x",
                file=sys.stderr,
            )
    return results


def main() -> None:
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--import", dest="imported", nargs=2, metavar=("PROGRAM", "FILE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.imported:
        print(json.dumps(time_import(*arguments.imported)))
        return
    trips = round_trips()
    imports = compare_imports(arguments.repeats)
    write_results(__file__, "formats", {"round_trips": trips, "import_400k_x_300": imports})


if __name__ == "__main__":
    main()
