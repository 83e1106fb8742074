"""Methods of encoders: encoding sentences and exporting to other tools."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from w2v.corpora.columns import listed
from w2v.display.html import ShownAsHtml
from w2v.display.progress import mode_of, show_progress
from w2v.encoder.files.encoding import EncodedFiles, encode_all, here, on_cluster
from w2v.encoder.files.planning import FileFormat, Inputs, Recipe
from w2v.encoder.files.writing import load_arrow
from w2v.encoder.formats import write_encoder
from w2v.encoder.formats.tables import folded_rows
from w2v.encoder.model.inference import Encoded, Inference, Output, Precision
from w2v.encoder.model.persistence import digest_of_state, save_encoder
from w2v.encoder.model.pretrained import layers_of
from w2v.encoder.parameters import FILE_FORMAT, check_parameter
from w2v.encoder.places import EncoderFolder
from w2v.encoder.retrieval.cosines import cos_sim
from w2v.encoder.retrieval.neighbors import NearTexts, nearest_texts
from w2v.formats.publishing import push_folder
from w2v.settings.estimator import FitFirst
from w2v.settings.habits import also_called
from w2v.vectors.embeddings import Embeddings

if TYPE_CHECKING:
    from distributed import Client

    from w2v.encoder.model.state import EncoderState
    from w2v.neural.tasks.labels.pretrained import PretrainedLayers


_ELSEWHERE = {
    "convert_to_numpy": "the result is an array of NumPy",
    "num_workers": "it is workers, the number of threads",
    "convert_to_tensor": "torch.from_numpy(encoder.encode(…)) is a tensor",
    "output_value": "return_tokens=True gives the vectors of tokens",
    "device": "it runs on the CPU; set the number of threads with workers",
    "prompt": "prepend it to the texts",
    "prompt_name": "prepend the prompt to the texts",
}
_HABITS = {
    "get_sentence_embedding_dimension": "it is dimension",
    "encode_query": "queries and documents are encoded alike: encode(texts)",
    "encode_document": "queries and documents are encoded alike: encode(texts)",
    "encode_multi_process": "encode uses all cores; workers sets the number of threads",
    "start_multi_process_pool": "encode uses all cores; workers sets the number of threads",
    "max_seq_length": "texts may have any length; imported networks truncate at their last position",
    "tokenize": "state.tokenizer splits texts, and encode(texts, return_tokens=True) returns the tokens",
    "save_pretrained": "use save(path), or export(path, format=…) for other programs",
    "from_pretrained": "SentenceEncoder(path) opens a folder written by any program, and SentenceEncoder("
    "'hub:owner/name') downloads one from the hub",
}


class EncodingMixin(ShownAsHtml, FitFirst, ABC):
    """Methods of `SentenceEncoder` that only use its state."""

    normalize: bool | None
    truncate_dim: int | None
    batch_size: int
    workers: int | None

    @property
    @abstractmethod
    def state(self) -> EncoderState:
        """The trained state, or the state that training starts from."""

    @property
    @abstractmethod
    def folder(self) -> EncoderFolder:
        """The folder from which other processes can open the encoder; ValueError if there is none."""

    def pretrained_layers(self) -> PretrainedLayers:
        """Return the network's layers, from which a `Tagger` or a `TextClassifier` can start.

        Raises
        ------
        ValueError
            If there are none, or they read subwords.
        """
        return layers_of(self.state)

    habits = _HABITS

    def push_to_hub(
        self, repository: str, *, private: bool = False, revision: str | None = None, message: str | None = None
    ) -> str:
        """Push the encoder to the Hugging Face Hub; see `w2v.formats.publishing.push_folder`.

        Parameters
        ----------
        repository : str
            ``owner/name``; afterwards ``SentenceEncoder("hub:owner/name")`` opens it.
        private : bool, default False
            Whether to make a new repository private.
        revision : str, optional
            Branch to push to.
        message : str, optional
            Commit message.

        Returns
        -------
        str
            The address of the page.
        """
        with tempfile.TemporaryDirectory() as folder:
            save_encoder(self.state, Path(folder, "model"))
            pushed = push_folder(Path(folder, "model"), repository, private=private, revision=revision, message=message)
        return pushed.url

    @overload
    def encode(
        self,
        sentences: str | Iterable[str],
        *,
        batch_size: int | None = ...,
        normalize: bool | None = ...,
        truncate_dim: int | None = ...,
        precision: Precision = ...,
        return_tokens: Literal[False] = ...,
        return_attention: Literal[False] = ...,
        progress: Callable[[int, int], None] | bool | str | None = ...,
    ) -> NDArray[Any]: ...
    @overload
    def encode(
        self,
        sentences: str | Iterable[str],
        *,
        batch_size: int | None = ...,
        normalize: bool | None = ...,
        truncate_dim: int | None = ...,
        precision: Precision = ...,
        return_tokens: bool = ...,
        return_attention: bool = ...,
        progress: Callable[[int, int], None] | bool | str | None = ...,
    ) -> NDArray[Any] | Encoded: ...
    @also_called(_ELSEWHERE, normalize_embeddings="normalize", show_progress_bar="progress")
    def encode(
        self,
        sentences: str | Iterable[str],
        *,
        batch_size: int | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        precision: Precision = "float32",
        return_tokens: bool = False,
        return_attention: bool = False,
        progress: Callable[[int, int], None] | bool | str | None = None,
    ) -> NDArray[Any] | Encoded:
        """Return the vectors of sentences.

        Parameters
        ----------
        sentences : iterable of str, or str
            Texts of any length, also empty ones; or a table with one column, such as a data frame.
        batch_size, normalize, truncate_dim : optional
            Override the constructor's values.
        precision : {"float32", "float16", "int8"}, default "float32"
            See `w2v.encoder.model.inference.Output`.
        return_tokens : bool, default False
            Return the tokens and their vectors as well.
        return_attention : bool, default False
            Return the tokens, their vectors and the attention weights as well.
        progress : bool, str or callable, optional
            True, "bar" or "log" shows progress, as in `fit`; a function is called with the number of encoded sentences
            and the total.

        Returns
        -------
        ndarray of shape (S, d) of `precision`, or Encoded
            For a single str, its vector of shape (d,). A sentence's vector does not depend on the other sentences, bit
            for bit. A sentence without a known word has a zero vector.

        Raises
        ------
        TypeError
            If `sentences` is no list, a table of several columns, a dict or a set, or if a sentence is not a str; the
            message counts sentences from 0.
        ValueError
            If an option is out of range, or a static encoder is asked for attention.
        """
        if isinstance(sentences, str):
            if return_tokens or return_attention:
                raise TypeError("return_tokens and return_attention need a list of sentences, not one string")
            [vector] = self.encode(
                [sentences], batch_size=batch_size, normalize=normalize, truncate_dim=truncate_dim, precision=precision
            )
            return np.asarray(vector)
        given: Sequence[str] = listed(sentences, "sentences")
        output = self._output(normalize, truncate_dim, precision)
        if return_tokens or return_attention:
            return self.inference.explain(given, output, with_attention=return_attention)
        size = self.batch_size if batch_size is None else batch_size
        check_parameter("batch_size", size)
        with _shown(progress) as told:
            return self.inference.encode(given, output, size, told)

    def encode_files(
        self,
        files: Inputs,
        folder: str | os.PathLike[str],
        *,
        client: Client | str | None = None,
        format: FileFormat = "npy",
        batch_size: int | None = None,
        normalize: bool | None = None,
        truncate_dim: int | None = None,
        precision: Precision = "float32",
        errors: str = "strict",
        overwrite: bool = False,
        progress: Callable[[int, int], None] | bool | str | None = None,
    ) -> EncodedFiles:
        """Encode text files into a folder, one file of vectors each, here or on a cluster.

        Each line is a sentence. The vectors of ``news.txt.gz`` go to ``news.txt.gz.npy`` or ``news.txt.gz.parquet``,
        which is called ``….part`` until it is complete. A second call encodes only the files that are missing.

        Parameters
        ----------
        files : str, path-like or list of these
            Names or glob patterns of plain or compressed text files.
        folder : path-like
            Output folder, created if it is missing. ``encoding.json`` in it records the outputs and their sources.
        client : distributed.Client or str, optional
            Encode on the workers of this Dask cluster, one file per thread. A str is the address of its scheduler, or
            ``local:N`` for N processes on this machine. The encoder must come from `load`, and every worker must find
            its folder, the files and the output under the same names.
        format : {"npy", "parquet"}, default "npy"
            Arrays whose row n is line n, or tables with the columns text, vector, line and id, which needs pyarrow.
        batch_size, normalize, truncate_dim, precision, progress : optional
            As for `encode`; a function is called with the bytes read and the total.
        errors : {"strict", "replace"}, default "strict"
            How to handle bytes that are not UTF-8; see `w2v.corpora.TextReader`.
        overwrite : bool, default False
            Encode all files again, and replace the results of another encoder or other options.

        Returns
        -------
        EncodedFiles
            ``written`` has the number of vectors of each new file, ``kept`` the files of an earlier run.

        Raises
        ------
        UnreadableFilesError
            If files cannot be read; all others were encoded, and ``encoded`` lists them.
        CorpusError
            If a file is missing, or two files have the same output.
        ModelError
            If the folder holds something else, or cannot be written.
        ClusterError
            If the cluster cannot be reached, or its workers do not see the files.
        ValueError
            If an option is out of range, or an encoder for a cluster was not loaded from a folder.
        ImportError
            If pyarrow is needed but missing.
        """
        FILE_FORMAT.check("format", format)
        if format == "parquet":
            load_arrow()
        size = self.batch_size if batch_size is None else batch_size
        check_parameter("batch_size", size)
        if client is None:
            state, engine = self.state, here(self.inference)
        else:
            folder_of_encoder = self.folder
            state, engine = folder_of_encoder.open(), on_cluster(client, folder_of_encoder, self.workers)
        output = self._output(normalize, truncate_dim, precision)
        recipe = Recipe(digest_of_state(state), output.columns(state.dimension), output, format, size, errors)
        with _shown(progress) as told:
            return encode_all(files, folder, recipe, engine, overwrite=overwrite, tell=told)

    def transformed(self, sentences: Iterable[str]) -> NDArray[Any]:
        """Return the result of `transform`: the vectors of a list of sentences, shape (S, d)."""
        if isinstance(sentences, str):
            raise TypeError("transform needs a list of sentences, not one string; encode takes both")
        vectors: NDArray[Any] = self.encode(sentences)
        return vectors

    def most_similar(self, text: str, topn: int = 10, *, texts: Any = None) -> NearTexts:
        """Return the words, and optionally sentences, nearest to a word, a phrase or a sentence.

        Parameters
        ----------
        text : str
            The query; `encode` makes its vector and leaves out unknown words.
        topn : int, default 10
        texts : path, list of path-like, TextReader or iterable of str, optional
            Sentences to search as well; each line of a file is one.

        Returns
        -------
        NearTexts
            A list of (text, similarity, line), the nearest first, without `text` and its words. Words have no line.
            ``unknown`` lists the words that were left out.

        Raises
        ------
        ValueError
            If no word of `text` is known, or `topn` is below 1.
        """
        return nearest_texts(self.inference, text, top_n=topn, texts=texts)

    def similarity(self, a: str | Iterable[str] | NDArray[Any], b: str | Iterable[str] | NDArray[Any]) -> NDArray[Any]:
        """Return the cosine of every text or vector of `a` with every one of `b`, as sentence-transformers does.

        Parameters
        ----------
        a, b : ndarray of shape (S, d) or (d,), iterable of str, or str
            Vectors that `encode` returned, or texts to encode.

        Returns
        -------
        ndarray of shape (S, T), float32
            A single text or vector counts as one row. Texts without a known word have cosine 0 with everything.
        """
        return cos_sim(*(given if isinstance(given, np.ndarray) else self.encode(given) for given in (a, b)))

    @property
    def dimension(self) -> int:
        """The width of the vectors."""
        return self._output(None, None, "float32").columns(self.state.dimension)

    def export(self, path: str | os.PathLike[str], *, format: str, overwrite: bool = False) -> None:
        """Write the encoder for another program; see `w2v.encoder.formats.write_encoder`."""
        write_encoder(self.state, path, format=format, overwrite=overwrite)

    def to_embeddings(self) -> Embeddings:
        """Return word vectors multiplied by their weights: their sums are the vectors of a static encoder.

        For an encoder with several blocks they are an approximation; see `w2v.encoder.formats.tables.folded_rows`.
        `w2v.formats.write_vectors` writes them for tools that know only words.

        Raises
        ------
        ValueError
            If the encoder has attention or a dense layer, which a table of words cannot represent.
        """
        state = self.state
        if state.network is not None:
            raise ValueError(
                "an encoder with attention is more than a table of words, so it has no word vectors; the format onnx "
                "takes every encoder"
            )
        if not state.pooling.is_linear:
            raise ValueError("an encoder that maps its vectors is more than a table of words; export it as onnx")
        return Embeddings(state.vocabulary, folded_rows(state), tokenizer=state.tokenizer)

    @property
    def _n_features_out(self) -> int:
        return self.dimension

    @property
    def inference(self) -> Inference:
        """The `Inference` that encodes; for streams of text see `Inference.encode_blocks`."""
        state = self.state
        check_parameter("workers", self.workers)
        cached: Inference | None = self.__dict__.get("_cached_inference")
        if cached is None or cached.state is not state or cached.workers != (self.workers or cached.workers):
            cached = self._cached_inference = Inference(state, self.workers)
        return cached

    def _output(self, normalize: bool | None, truncate_dim: int | None, precision: Precision) -> Output:
        wanted = [given for given in (normalize, self.normalize) if given is not None]
        return Output(
            wanted[0] if wanted else self.state.pooling.normalize,
            self.truncate_dim if truncate_dim is None else truncate_dim,
            precision,
        )


@contextmanager
def _shown(progress: Callable[[int, int], None] | bool | str | None) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function that takes the number of sentences done and the total; None without progress."""
    if callable(progress):
        yield progress
        return
    with show_progress(mode_of(progress), "encoding") as update:
        yield None if update is None else partial(update, "encoding")
