"""Word vectors: training, queries, persistence and evaluation.

The names below are loaded at their first use, so `import w2v` is fast and needs no compiler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.lazy import offer

if TYPE_CHECKING:
    from w2v.encoder.distillation.distilling import distill as distill
    from w2v.encoder.retrieval.cosines import cos_sim as cos_sim
    from w2v.encoder.retrieval.index.sentence_index import SentenceIndex as SentenceIndex
    from w2v.encoder.sentence_encoder import SentenceEncoder as SentenceEncoder
    from w2v.encoding.vocabulary import UnknownWordError as UnknownWordError
    from w2v.encoding.vocabulary import Vocabulary as Vocabulary
    from w2v.monitoring.history import TrainingInterrupted as TrainingInterrupted
    from w2v.neural.tasks.images.classifier import ImageClassifier as ImageClassifier
    from w2v.neural.tasks.labels.classification.text_classifier import TextClassifier as TextClassifier
    from w2v.neural.tasks.labels.tagging import Tagger as Tagger
    from w2v.neural.tasks.text.language_model import LanguageModel as LanguageModel
    from w2v.neural.tasks.text.translation import Translator as Translator
    from w2v.phrases.estimator import Phrases as Phrases
    from w2v.phrases.phrase_list import ENGLISH_CONNECTOR_WORDS as ENGLISH_CONNECTOR_WORDS
    from w2v.phrases.phrase_list import PhraseList as PhraseList
    from w2v.phrases.phrase_list import PhraseTokenizer as PhraseTokenizer
    from w2v.settings.parameters import Parameters as Parameters
    from w2v.storage.files import ModelError as ModelError
    from w2v.training.monitor import CallbackError as CallbackError
    from w2v.training.monitor import Every as Every
    from w2v.training.monitor import TrainingView as TrainingView
    from w2v.training.trainer import DivergenceError as DivergenceError
    from w2v.training.word2vec import Word2Vec as Word2Vec
    from w2v.vectors.embeddings import Embeddings as Embeddings

__version__ = "0.1.0"

_HOME = {
    "CallbackError": "training.monitor",
    "Every": "training.monitor",
    "TrainingView": "training.monitor",
    "DivergenceError": "training.trainer",
    "distill": "encoder.distillation.distilling",
    "cos_sim": "encoder.retrieval.cosines",
    "ENGLISH_CONNECTOR_WORDS": "phrases.phrase_list",
    "Embeddings": "vectors.embeddings",
    "ImageClassifier": "neural.tasks.images.classifier",
    "LanguageModel": "neural.tasks.text.language_model",
    "ModelError": "storage.files",
    "Parameters": "settings.parameters",
    "PhraseList": "phrases.phrase_list",
    "PhraseTokenizer": "phrases.phrase_list",
    "Phrases": "phrases.estimator",
    "SentenceEncoder": "encoder.sentence_encoder",
    "SentenceIndex": "encoder.retrieval.index.sentence_index",
    "Tagger": "neural.tasks.labels.tagging",
    "TrainingInterrupted": "monitoring.history",
    "TextClassifier": "neural.tasks.labels.classification.text_classifier",
    "Translator": "neural.tasks.text.translation",
    "UnknownWordError": "encoding.vocabulary",
    "Vocabulary": "encoding.vocabulary",
    "Word2Vec": "training.word2vec",
}

_ELSEWHERE = {
    "Doc2Vec": "SentenceEncoder makes vectors of texts",
    "FastText": "it is Word2Vec(subwords=True) for vectors and TextClassifier(layers=0) for labels",
    "KeyedVectors": "they are Embeddings; w2v.formats.read_vectors(path) reads the files of other programs",
    "SentenceTransformer": "it is SentenceEncoder",
    "StaticModel": "it is SentenceEncoder",
    "downloader": "w2v.corpora.download(name) brings vectors and texts; w2v download --list shows them",
    "load": "each class opens its own: Word2Vec.load, Embeddings.load, SentenceEncoder(path), SentenceIndex(path)",
    "load_model": "each class opens its own: Word2Vec.load, Embeddings.load, TextClassifier.load",
    "train_supervised": "it is TextClassifier(layers=0).fit(path)",
    "train_unsupervised": "it is Word2Vec(subwords=True).fit(path)",
}
"""Names of other libraries, and their replacements here."""

offer(__name__, _HOME, _ELSEWHERE)
