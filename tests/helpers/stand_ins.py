"""Small stand-ins for files named on pages: some verses for `simplewiki.txt`, a model trained on them for `my.model`.

Every word in a page's code is added to the text often enough to be learned, so that the page's own queries work. The
output then differs from the page in words and numbers but not in form.
"""

from __future__ import annotations

import contextlib
import gzip
import lzma
import random
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tests.helpers.examples.bert_folders import write_cross_encoder
from w2v.corpora import WordsTokenizer, bundled_corpus

if TYPE_CHECKING:
    from w2v import Word2Vec

VERSES = 4_000
TIMES = 12
"""How often each word and each quoted text in a page's code is added to the text."""

REVIEWS = """id,review,year,stars,shop
r1,The battery lasts two days.,2021,5,Berlin
r2,The screen broke after a week.,2019,1,Paris
r3,The battery was dead after one year.,2023,2,Berlin
r4,The camera takes sharp pictures at night.,2022,5,
r5,I can hear the music very well.,2022,4,Paris
r6,The glass of the screen is strong.,2023,4,Berlin
"""
QUESTIONS = ": royal\nman king woman queen\nking man queen woman\n: kin\nman woman brother sister\n"
PAIRS = "king\tqueen\t8.5\nbread\tmeat\t6.1\ngold\tsilver\t8.0\nman\tsheep\t1.2\nriver\tsea\t7.0\nnight\tday\t5.0\n"
HAN = re.compile(r"[\u4e00-\u9fff]+")


class StandIns:
    """Makes files by name, in the working directory, for one page.

    Parameters
    ----------
    code : str
        All code of the page.
    """

    def __init__(self, code: str) -> None:
        self.code = code

    def make(self) -> None:
        """Make every file that has a rule, unless the page creates it before using it."""
        for pattern, maker in _MAKERS:
            for name in sorted(set(re.findall(_whole(pattern), self.code))):
                path = Path(name.replace("*", "1"))
                if not path.exists() and not self._page_makes(name):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    maker(self, path)

    def _page_makes(self, name: str) -> bool:
        before = re.split(_whole(re.escape(name)), self.code, maxsplit=1)[0]
        if f"w2v download {Path(name).stem}" in before:
            return True
        return before.endswith(("--output ", "-o ", "> ", 'save("', 'output = "'))

    @cached_property
    def text(self) -> list[str]:
        """The verses, with the page's words mixed in."""
        verses = [verse.strip() for verse in bundled_corpus("bible")]
        verses = verses[:: len(verses) // VERSES]
        quoted = [words for words in re.findall(r'"([^"\n]{3,80})"', self.code) if not words.startswith("-")]
        words = sorted(set(WordsTokenizer()(self.code)))
        drawn = random.Random(1)
        extra = [word for word in [*words, *quoted] for _ in range(TIMES)]
        drawn.shuffle(extra)
        for word in extra:
            place = drawn.randrange(len(verses))
            first, _, rest = verses[place].partition(" ")
            verses[place] = f"{first} {word} {rest}"
        return verses

    def write_text(self, path: Path) -> None:
        """Write the text."""
        _write(path, self.text)

    def write_german(self, path: Path) -> None:
        """Write the text in a language in which every word is different."""
        _write(path, (" ".join(f"{word}en" for word in WordsTokenizer()(line)) for line in self.text))

    def write_dictionary(self, path: Path) -> None:
        """Write words of the text with their translations into that language."""
        words = sorted(set(WordsTokenizer()(" ".join(self.text[:300]))))
        _write(path, (f"{word}\t{word}en" for word in words))

    def write_bible(self, path: Path) -> None:
        """Write the whole corpus of the quick start."""
        _write(path, bundled_corpus("bible"))

    def write_sentences(self, path: Path) -> None:
        """Write one sentence per line."""
        _write(path, self.text[:2_000])

    def write_paragraphs(self, path: Path) -> None:
        """Write three sentences per line, so that sentences have neighbours."""
        text = self.text
        _write(path, [" ".join(text[place : place + 3]) for place in range(0, len(text), 3)])

    def write_chinese(self, path: Path) -> None:
        """Write sentences of the Chinese words on the page."""
        words = sorted(set(HAN.findall(self.code)))
        drawn = random.Random(1)
        lines = ["，".join(drawn.choices(words, k=8)) + "。" for _ in range(20 * len(words))]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_items(self, path: Path) -> None:
        """Write journeys between the names that the page quotes."""
        names = sorted({*re.findall(r'"([A-Z][^"\n]*)"', self.code), "Miami Intl", "Denver Intl"})
        drawn = random.Random(1)
        path.write_text("".join("\t".join(drawn.choices(names, k=9)) + "\n" for _ in range(600)), encoding="utf-8")

    def write_baskets(self, path: Path) -> None:
        """Write lines with weights."""
        path.write_text("2.5\tgreen tea\tsugar\n1\tmilk\tsugar\tgreen tea\n" * 20, encoding="utf-8")

    @cached_property
    def _model(self) -> Word2Vec:
        from w2v import Word2Vec

        return Word2Vec(vector_size=64, epochs=2, workers=1, random_state=1).fit(self.text)

    def write_model(self, path: Path) -> None:
        """Train a model briefly."""
        self._model.save(path)

    def interrupt_training(self, path: Path) -> None:
        """Leave an interrupted training in place of a complete model."""
        from w2v import CallbackError, Word2Vec

        def interrupt(_: object) -> None:
            raise RuntimeError("as if by Ctrl-C")

        text = Path("interrupted.txt")
        _write(text, self.text[:500])
        with contextlib.suppress(CallbackError):
            model = Word2Vec(vector_size=16, epochs=2, workers=1)
            model.fit(text, checkpoint=path, overwrite=True, callbacks=[interrupt])

    def write_bert(self, path: Path) -> None:
        """Make a folder of another program with a small network in BERT's layout."""
        from w2v.encoder import SentenceEncoder

        embeddings = self._model.embeddings_
        encoder = SentenceEncoder(embeddings, "attention", norm="post", positions="learned", head="linear", dim=68)
        encoder.export(path, format="sentence-transformers")

    def write_cross_encoder(self, path: Path) -> None:
        """Make a folder of another program with a small network that scores pairs of texts."""
        write_cross_encoder(path, np.random.default_rng(5))

    def write_encoder(self, path: Path) -> None:
        """Make an encoder from such a model."""
        from w2v.encoder import SentenceEncoder

        encoder = SentenceEncoder(self._model.embeddings_)
        encoder.fit([" ".join(self.text[place : place + 3]) for place in range(0, 3_000, 3)]).save(path)

    def write_translator(self, path: Path) -> None:
        """Train a translator briefly."""
        from tests.helpers.examples.text_models import number_translator

        number_translator().save(path)

    def write_language_model(self, path: Path) -> None:
        """Train a language model briefly."""
        from tests.helpers.examples.text_models import counting_model

        counting_model().save(path)

    def write_tagger(self, path: Path) -> None:
        """Train a tagger briefly."""
        from tests.helpers.examples.tag_models import name_tagger

        name_tagger().save(path)

    def write_classifier(self, path: Path) -> None:
        """Train a classifier briefly."""
        from tests.helpers.examples.label_examples import topic_classifier

        topic_classifier().save(path)

    def write_image_classifier(self, path: Path) -> None:
        """Train an image classifier briefly."""
        from tests.helpers.examples.pictures import bar_classifier

        bar_classifier().save(path)

    def write_tagged(self, path: Path) -> None:
        """Write sentences of tagged words."""
        from tests.helpers.examples.tag_models import named_sentences, without_columns, write_tagged

        write_tagged(path, without_columns(named_sentences(60)))

    def write_teacher(self, path: Path) -> None:
        """Write vectors for the lines of `sentences.txt`."""
        np.save(path, np.random.default_rng(1).standard_normal((2_000, 32)).astype(np.float32))

    def write_sentence_pairs(self, path: Path) -> None:
        """Write pairs of sentences that share words."""
        text = self.text[:1_200]
        rows = [f"{line}\t{' '.join(reversed(line.split()))}\n" for line in text]
        path.write_text("".join(rows), encoding="utf-8")

    def write_translations(self, path: Path) -> None:
        """Write sentences with their translations; some have two."""
        text = [line for line in self.text[:400] if "\t" not in line]
        rows = [f"{line}\t{' '.join(sorted(line.split())[::7])}\n" for line in (*text, *(f"Yet {one}" for one in text))]
        path.write_text("".join(rows), encoding="utf-8")

    def write_labels(self, path: Path) -> None:
        """Write labels and texts in two classes."""
        rows = [f"{'river' if place % 2 else 'house'}\t{line}\n" for place, line in enumerate(self.text[:600])]
        path.write_text("".join(rows), encoding="utf-8")

    def write_scores(self, path: Path) -> None:
        """Write pairs of sentences with scores."""
        text = self.text[:300]
        rows = [f"{place % 6}\t{line}\t{text[-place]}\n" for place, line in enumerate(text, 1)]
        path.write_text("".join(rows[:299]), encoding="utf-8")

    def write_glove(self, path: Path) -> None:
        """Write vectors in GloVe's format."""
        numbers = np.random.default_rng(1).standard_normal((40, 100)).round(4)
        words: Sequence[str] = sorted(set(WordsTokenizer()(" ".join(self.text[:20]))))[:40]
        rows = (f"{word} {' '.join(map(str, row))}\n" for word, row in zip(words, numbers, strict=True))
        path.write_text("".join(rows), encoding="utf-8")


def _whole(pattern: str) -> str:
    return rf"(?<![\w./*-])(?:{pattern})(?![\w-])"


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write lines, compressed if the file name implies it."""
    data = "".join(f"{line}\n" for line in lines).encode()
    pack: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress}
    path.write_bytes(pack.get(path.suffix, bytes)(data))


def _constant(content: str) -> Callable[[StandIns, Path], None]:
    def write(_: StandIns, path: Path) -> None:
        path.write_text(content, encoding="utf-8")

    return write


_MAKERS: list[tuple[str, Callable[[StandIns, Path], None]]] = [
    (r"quickstart/bible\.txt", StandIns.write_bible),
    (r"quickstart/bible\.model", StandIns.write_model),
    (r"(?:simplewiki|wiki)\.txt(?:\.xz)?", StandIns.write_paragraphs),
    (r"(?:corpus|news|new|old|text|bible|english)\.txt", StandIns.write_text),
    (r"simple\.txt", StandIns.write_sentences),
    (r"german\.txt", StandIns.write_german),
    (r"en-de\.tsv", StandIns.write_dictionary),
    (r"news/\*\.txt\.gz|dump\.gz", StandIns.write_text),
    (r"(?:sentences|questions|more|today)\.txt(?:\.gz)?", StandIns.write_sentences),
    (r"zhwiki-simplified\.txt|zhwiki\.txt", StandIns.write_chinese),
    (r"itineraries\.tsv|journeys\.tsv", StandIns.write_items),
    (r"baskets\.tsv", StandIns.write_baskets),
    (r"(?:captions|pairs|mined|pivots)\.tsv", StandIns.write_sentence_pairs),
    (r"deu\.txt|cmn\.txt", StandIns.write_translations),
    (r"labelled\.tsv|labels\.tsv", StandIns.write_labels),
    (r"sts-(?:dev|train)\.tsv", StandIns.write_scores),
    (r"glove\.txt", StandIns.write_glove),
    (r"vectors\.npy|teacher\.npy", StandIns.write_teacher),
    (r"questions-words\.txt", _constant(QUESTIONS)),
    (r"reviews\.csv", _constant(REVIEWS)),
    (r"semantic\.txt|morphological\.txt", _constant(": geography\n中国 北京 日本 东京\n")),
    (r"(?:EN-)?WS-353(?:-ALL)?\.txt", _constant(PAIRS)),
    (r"all-MiniLM-L6-v2", StandIns.write_bert),
    (r"ms-marco-MiniLM-L6-v2", StandIns.write_cross_encoder),
    (r"[\w-]+\.model", StandIns.write_model),
    (r"[\w-]+\.encoder", StandIns.write_encoder),
    (r"[\w-]+\.translator", StandIns.write_translator),
    (r"[\w-]+\.lm", StandIns.write_language_model),
    (r"[\w-]+\.tagger", StandIns.write_tagger),
    (r"(?:my|books)\.classifier", StandIns.write_classifier),
    (r"(?:my|digits)\.images", StandIns.write_image_classifier),
    (r"[\w-]+\.conll", StandIns.write_tagged),
    (r"test\.de", _constant("eins zwei\nvier\n")),
    (r"test\.en", _constant("one two\nfour\n")),
]
