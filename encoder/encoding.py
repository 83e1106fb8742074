"""What an encoder is used for: sentences to vectors, and its words to the files of other tools."""

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

from w2v.corpora.columns import one_column
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
    "convert_to_tensor": "torch.from_numpy(encoder.encode(…)) is a tensor",
    "output_value": "return_tokens=True gives the vectors of tokens",
    "device": "it runs on the CPU; workers is the number of threads",
    "prompt": "put it in front of the texts",
    "prompt_name": "put the prompt in front of the texts",
}
_HABITS = {
    "get_sentence_embedding_dimension": "it is dimension",
    "encode_query": "queries and documents are encoded alike: encode(texts)",
    "encode_document": "queries and documents are encoded alike: encode(texts)",
    "encode_multi_process": "encode uses all cores; workers says how many",
    "start_multi_process_pool": "encode uses all cores; workers says how many",
    "max_seq_length": "texts may have any length; a network that was imported cuts where its positions end",
    "tokenize": "state.tokenizer makes the tokens, and encode(texts, return_tokens=True) returns them",
    "save_pretrained": "save(path) writes a folder, and export(path, format=…) one for other programs",
    "from_pretrained": "SentenceEncoder(path) opens a folder, whichever program has written it, and SentenceEncoder("
    "'hub:owner/name') fetches one of the hub",
}


class EncodingMixin(ShownAsHtml, FitFirst, ABC):
    """What `SentenceEncoder` does with its state, whatever that came from."""

    normalize: bool | None
    truncate_dim: int | None
    batch_size: int
    workers: int | None

    @property
    @abstractmethod
    def state(self) -> EncoderState:
        """What was learned, or what learning starts from."""

    @property
    @abstractmethod
    def folder(self) -> EncoderFolder:
        """Where other processes can open it; ValueError if that is nowhere."""

    def pretrained_layers(self) -> PretrainedLayers:
        """Return the network's layers, from which a `Tagger` or a `TextClassifier` can start.

        Raises
        ------
        ValueError
            If there are none, or they read pieces of words.
        """
        return layers_of(self.state)

    habits = _HABITS

    def push_to_hub(
        self, repository: str, *, private: bool = False, revision: str | None = None, message: str | None = None
    ) -> str:
        """Push the encoder to the Hugging Face hub; see `w2v.formats.publishing.push_folder`.

        Parameters
        ----------
        repository : str
            ``owner/name``; ``SentenceEncoder("hub:owner/name")`` opens it then.
        private : bool, default False
            Whether a repository that is made is private.
        revision : str, optional
            The branch to push to.
        message : str, optional
            Of the commit.

        Returns
        -------
        str
            The address of its page.
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
            Of any length, empty ones too; a table of one column, as a data frame, is its texts.
        batch_size, normalize, truncate_dim : optional
            In place of the constructor's.
        precision : {"float32", "float16", "int8"}, default "float32"
            See `w2v.encoder.model.inference.Output`.
        return_tokens : bool, default False
            Return the tokens and their vectors as well.
        return_attention : bool, default False
            Return the tokens, their vectors and the weights of attention as well.
        progress : bool, str or callable, optional
            True, "bar" or "log" shows how far it is, as in `fit`; a function is called with the number of sentences
            done and of all.

        Returns
        -------
        ndarray of shape (S, d) of `precision`, or Encoded
            Of one str the vector alone, shape (d,). A sentence's vector does not depend on the other sentences, bit
            for bit. That of a sentence without a known word is zero.

        Raises
        ------
        TypeError
            If `sentences` is a table of several columns, a dict or a set, or if a sentence is not a str; the message
            counts sentences from 0.
        ValueError
            If an option is out of range, or a static encoder is asked for attention.
        """
        if isinstance(sentences, str):
            if return_tokens or return_attention:
                raise TypeError("tokens and attention are of a list of sentences, not of one string")
            [vector] = self.encode(
                [sentences], batch_size=batch_size, normalize=normalize, truncate_dim=truncate_dim, precision=precision
            )
            return np.asarray(vector)
        sentences = one_column(sentences)
        listed: Sequence[str] = sentences if isinstance(sentences, list) else list(sentences)
        output = self._output(normalize, truncate_dim, precision)
        if return_tokens or return_attention:
            return self.inference.explain(listed, output, with_attention=return_attention)
        size = self.batch_size if batch_size is None else batch_size
        check_parameter("batch_size", size)
        with _shown(progress) as told:
            return self.inference.encode(listed, output, size, told)

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
        """Encode files of text to a folder, a file of vectors for each, here or on a cluster.

        A line is a sentence. The vectors of ``news.txt.gz`` are in ``news.txt.gz.npy`` or ``news.txt.gz.parquet``,
        which is called ``….part`` until it is whole. Called again, this does what is missing.

        Parameters
        ----------
        files : str, path-like or list of these
            Names or globs, of plain or packed text.
        folder : path-like
            It is made if it is missing, and has a record of what was made of what, ``encoding.json``.
        client : distributed.Client or str, optional
            Encode on the workers of this cluster of Dask, a file a thread. A str is the address of its scheduler, or
            ``local:N`` for N processes of this machine. The encoder must come from `load`, and every worker must find
            its folder, the files and the output under the same names.
        format : {"npy", "parquet"}, default "npy"
            Arrays whose row n is line n, or tables with the columns text, vector, line and id, which needs pyarrow.
        batch_size, normalize, truncate_dim, precision, progress : optional
            As for `encode`; a function is called with the bytes done and of all.
        errors : {"strict", "replace"}, default "strict"
            What to do with bytes that are not UTF-8; see `w2v.corpora.TextReader`.
        overwrite : bool, default False
            Do everything again, and replace what another encoder or other options have made.

        Returns
        -------
        EncodedFiles
            Its ``written`` has the number of vectors of each new file, its ``kept`` what an earlier run has made.

        Raises
        ------
        UnreadableFilesError
            If files cannot be read; all others were encoded. Its ``encoded`` says which.
        CorpusError
            If a file is missing, or two would make one output.
        ModelError
            If the folder holds something else, or cannot be written.
        ClusterError
            If the cluster cannot be reached, or its workers do not see the files.
        ValueError
            If an option is out of range, or an encoder that was not loaded is to go to a cluster.
        ImportError
            If pyarrow is needed and missing.
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
        """Return what `transform` does: the vectors of a list of sentences, shape (S, d)."""
        if isinstance(sentences, str):
            raise TypeError("transform needs a list of sentences, not one string; encode takes both")
        vectors: NDArray[Any] = self.encode(sentences)
        return vectors

    def most_similar(self, text: str, topn: int = 10, *, texts: Any = None) -> NearTexts:
        """Return the words nearest to a word, a phrase or a sentence, and sentences among them.

        Parameters
        ----------
        text : str
            Its vector is the one that `encode` makes: words that the encoder does not know are left out.
        topn : int, default 10
        texts : path, list of path-like, TextReader or iterable of str, optional
            Look among these sentences as well; a line of a file is one.

        Returns
        -------
        NearTexts
            A list of (text, similarity, line), the nearest first, without `text` and its words. Words have no line. Its
            ``unknown`` are the words that were left out.

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
            Vectors that `encode` made, or texts, which it is given.

        Returns
        -------
        ndarray of shape (S, T), float32
            One text or vector is a row. What has no known word is at 0 from everything.
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
        """Return word vectors with the weights folded in: sums of them are what a static encoder makes.

        With blocks beside the first they are near it; see `w2v.encoder.formats.tables.folded_rows`. As word vectors
        they can be written for tools that know words only; see `w2v.formats.write_vectors`.

        Raises
        ------
        ValueError
            If the encoder has attention or a dense map, which no table of words can hold.
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
        """What encodes; for streams of text see `Inference.encode_blocks`."""
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
    """Give the function to call with how much is done, and of how much; None if nobody wants to know."""
    if callable(progress):
        yield progress
        return
    with show_progress(mode_of(progress), "encoding") as update:
        yield None if update is None else partial(update, "encoding")
