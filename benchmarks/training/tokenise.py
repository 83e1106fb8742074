"""Tokenise text with the tokenizer `words`: one sentence per line, words separated by spaces.

python benchmarks/training/tokenise.py simplewiki.txt.xz corpus.txt [--words 1000000]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from w2v.corpora.readers import TextReader
from w2v.corpora.tokenizers import WordsTokenizer


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", nargs="+")
    parser.add_argument("output")
    parser.add_argument("--words", type=int, help="stop after this many words")
    a = parser.parse_args()
    tokenizer, n_words = WordsTokenizer(), 0
    with open(a.output, "w", encoding="utf-8") as file:
        for line in TextReader(a.input).lines():
            words = tokenizer(line)
            if words:
                file.write(" ".join(words) + "\n")
                n_words += len(words)
            if a.words and n_words >= a.words:
                break
    print(f"{n_words:,} words", file=sys.stderr)


if __name__ == "__main__":
    main()
