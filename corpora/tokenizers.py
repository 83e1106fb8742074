"""How a text becomes tokens: by name, or by any callable."""

from __future__ import annotations

import difflib
import functools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

APOSTROPHE = -1
"""What `code_point_table` holds for the two characters that a word may have inside, ``'`` and U+2019."""

SEPARATOR = 0
"""What `code_point_table` holds for a character that belongs to no word."""

N_CODE_POINTS = 0x110000

# planes 4 to 13 are empty, 15 and 16 are private; asking for their categories would take most of the time
_PLANES_WITH_MARKS = ((0, 0x3FFFF), (0xE0000, 0xEFFFF))

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_NOT_WHITE_SPACE = re.compile(r"[^ \t\n\r\v\f]+")


@runtime_checkable
class Tokenizer(Protocol):
    """What turns a text into tokens, and can say how it does so."""

    @property
    def name(self) -> str:
        """The name by which `get_tokenizer` knows it."""

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text` in order; none of them is empty."""

    def to_config(self) -> dict[str, Any]:
        """Return what `tokenizer_from_config` needs to make it again; it can be written as JSON."""


@dataclass(frozen=True)
class WordsTokenizer:
    """Words of any script, with apostrophes inside, and numbers.

    A word character is a letter, a digit or another number (`str.isalnum`), or a mark (Unicode category M), which
    many scripts write vowels with. An apostrophe, ``'`` or U+2019, belongs to a word if a word character stands on
    both sides; it is written ``'``. Everything else separates words.

    Parameters
    ----------
    lowercase : bool, default True
        Lower-case each character by itself: a final sigma is not told from another, and the one character whose lower
        case is two (U+0130) stays.

    Raises
    ------
    TypeError
        If `lowercase` is no bool.

    Notes
    -----
    `code_point_table` says the same as an array; the two agree for every text. Which characters are letters is what
    the running Python's version of Unicode says.

    Examples
    --------
    >>> WordsTokenizer()("Don't 'quote' GAUSS\u2019S naïve e-mail no_2!")
    ["don't", 'quote', "gauss's", 'naïve', 'e', 'mail', 'no', '2']
    """

    name: ClassVar[str] = "words"
    lowercase: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.lowercase, bool):
            raise TypeError(f"lowercase must be true or false, not {self.lowercase!r}")

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        if self.lowercase:
            text = _lowercased(text)
        text = text.replace("\u2019", "'")
        if text.isascii():
            return _ASCII_WORD.findall(text)
        return _word_pattern().findall(text.replace("_", " "))

    def to_config(self) -> dict[str, Any]:
        """Return the name and the options."""
        return {"name": self.name, "lowercase": self.lowercase}


@dataclass(frozen=True)
class WhitespaceTokenizer:
    r"""Tokens between ASCII white space, as they are: for text that is tokenised already.

    Only space, ``\t``, ``\n``, ``\r``, ``\v`` and ``\f`` separate. Everything else stays, upper case, punctuation and
    a non-breaking space included.

    Examples
    --------
    >>> WhitespaceTokenizer()("New_York is  big .")
    ['New_York', 'is', 'big', '.']
    """

    name: ClassVar[str] = "whitespace"

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text`."""
        return _NOT_WHITE_SPACE.findall(text)

    def to_config(self) -> dict[str, Any]:
        """Return the name."""
        return {"name": self.name}


@dataclass(frozen=True)
class CallableTokenizer:
    """Tokens that a function of yours makes.

    Parameters
    ----------
    function : callable
        Takes a text, returns an iterable of str. Empty tokens are dropped.

    Raises
    ------
    TypeError
        If `function` cannot be called. When called: if it returns a str, or tokens that are none.
    """

    name: ClassVar[str] = "callable"
    function: Callable[[str], Iterable[str]]

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"a tokenizer must be a name or a callable, not {self.function!r}")

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text`."""
        tokens: object = self.function(text)
        if isinstance(tokens, (str, bytes)) or not isinstance(tokens, Iterable):
            raise TypeError(f"the tokenizer {self.qualified_name} must return an iterable of str, not {tokens!r:.80}")
        result = []
        for token in tokens:
            if not isinstance(token, str):
                raise TypeError(f"the tokenizer {self.qualified_name} must make tokens of type str, not {token!r:.80}")
            if token:
                result.append(token)
        return result

    @property
    def qualified_name(self) -> str:
        """Module and name of the function, for people: it is never imported by this name."""
        owner = self.function if hasattr(self.function, "__qualname__") else type(self.function)
        module = getattr(owner, "__module__", None)
        name = str(owner.__qualname__)
        return f"{module}.{name}" if module else name

    def to_config(self) -> dict[str, Any]:
        """Return the name and which function it is. The function itself is not saved."""
        return {"name": self.name, "callable": self.qualified_name}


_BY_NAME: dict[str, type[WordsTokenizer] | type[WhitespaceTokenizer]] = {
    WordsTokenizer.name: WordsTokenizer,
    WhitespaceTokenizer.name: WhitespaceTokenizer,
}

TOKENIZER_NAMES = tuple(_BY_NAME)
"""The names that `get_tokenizer` knows."""


def get_tokenizer(tokenizer: str | Tokenizer | Callable[[str], Iterable[str]]) -> Tokenizer:
    """Return the tokenizer that a name, a tokenizer or a callable stands for.

    Parameters
    ----------
    tokenizer : str, Tokenizer or callable
        ``"words"``, ``"whitespace"``, a tokenizer, which is returned as it is, or any callable from a text to tokens.

    Returns
    -------
    Tokenizer

    Raises
    ------
    ValueError
        If no tokenizer has the name; the message lists the known ones.
    TypeError
        If `tokenizer` is none of the above.
    """
    if isinstance(tokenizer, str):
        if tokenizer not in _BY_NAME:
            raise ValueError(f"there is no tokenizer {tokenizer!r}{_did_you_mean(tokenizer)}; known are {_known()}")
        return _BY_NAME[tokenizer]()
    if isinstance(tokenizer, type):
        if hasattr(tokenizer, "to_config"):
            raise TypeError(f"pass an instance, {tokenizer.__name__}(), not the class {tokenizer.__name__}")
    elif isinstance(tokenizer, Tokenizer):
        return tokenizer
    return CallableTokenizer(tokenizer)


def tokenizer_from_config(config: Mapping[str, Any]) -> Tokenizer:
    """Make the tokenizer again that `Tokenizer.to_config` described.

    Parameters
    ----------
    config : mapping
        ``"name"`` and the options of that tokenizer. It may come from a stranger's file: nothing is imported for it.

    Returns
    -------
    Tokenizer

    Raises
    ------
    ValueError
        If the name is unknown, if an option is, or if the tokenizer was a callable, which must be passed again.
    TypeError
        If a value has the wrong type.
    """
    options = dict(config)
    name = options.pop("name", None)
    if name == CallableTokenizer.name:
        raise ValueError(
            f"the tokenizer was the Python callable {options.get('callable', '?')}, which is not saved with a model; "
            "pass it again as `tokenizer`"
        )
    if not isinstance(name, str) or name not in _BY_NAME:
        raise ValueError(f"there is no tokenizer {name!r}; known are {_known()}. A newer version may have it")
    known = set(_BY_NAME[name]().to_config()) - {"name"}
    if unknown := sorted(map(str, set(options) - known)):
        raise ValueError(f"the tokenizer {name!r} has no option {', '.join(map(repr, unknown))}")
    return _BY_NAME[name](**options)


def code_point_table(tokenizer: Tokenizer) -> NDArray[np.int32]:
    """Return what `WordsTokenizer` makes of every character, as an array.

    Parameters
    ----------
    tokenizer : WordsTokenizer
        Whose table. Each is made once.

    Returns
    -------
    ndarray of shape (0x110000,), int32, read-only
        At a code point: the code point that it becomes (lower-cased, if the tokenizer does so) if it is a word
        character; APOSTROPHE (-1) for ``'`` and U+2019; SEPARATOR (0) for all else.

    Raises
    ------
    TypeError
        If `tokenizer` is no WordsTokenizer: no other one decides by character.
    """
    if not isinstance(tokenizer, WordsTokenizer):
        raise TypeError(f"only the tokenizer {WordsTokenizer.name!r} has a table of code points, not {tokenizer!r}")
    return _code_point_table(tokenizer.lowercase)


@functools.lru_cache(maxsize=2)
def _code_point_table(lowercase: bool) -> NDArray[np.int32]:
    import numpy as np

    characters = _all_characters()
    becomes = _lowercased(characters) if lowercase else characters
    code_points = np.frombuffer(becomes.encode("utf-32-le", "surrogatepass"), dtype="<i4")
    table = np.full(N_CODE_POINTS, SEPARATOR, dtype=np.int32)
    for run in re.finditer(r"[^\W_]+", characters):
        table[run.start() : run.end()] = code_points[run.start() : run.end()]
    for start, stop in _mark_ranges():
        table[start:stop] = code_points[start:stop]
    table[[ord("'"), 0x2019]] = APOSTROPHE
    table.setflags(write=False)
    return table


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    r"""Return the pattern of a word in text without underscores, which ``\w`` would include."""
    marks = "".join(f"\\U{start:08x}-\\U{stop - 1:08x}" for start, stop in _mark_ranges())
    word_character = rf"[\w{marks}]"
    return re.compile(rf"{word_character}+(?:'{word_character}+)*")


@functools.cache
def _mark_ranges() -> tuple[tuple[int, int], ...]:
    """Return the ranges [start, stop) of the code points that are marks: of category Mn, Mc or Me."""
    characters = _all_characters()
    ranges = []
    for first, last in _PLANES_WITH_MARKS:
        categories = "".join(map(unicodedata.category, characters[first : last + 1]))
        ranges += [(first + run.start(), first + run.end()) for run in re.finditer("M+", categories[::2])]
    return tuple(ranges)


def _all_characters() -> str:
    import numpy as np

    return np.arange(N_CODE_POINTS, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


def _lowercased(text: str) -> str:
    """Lower-case each character by itself; one whose lower case is more than one character stays."""
    if text.isascii():
        return text.lower()
    # str.lower looks around a capital sigma, and makes two characters of U+0130 only
    return "\u0130".join(part.lower() for part in text.replace("\u03a3", "\u03c3").split("\u0130"))


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), TOKENIZER_NAMES, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _known() -> str:
    return ", ".join(map(repr, TOKENIZER_NAMES))
