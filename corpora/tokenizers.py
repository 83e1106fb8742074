"""How a text becomes tokens: by name, or by any callable."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast, runtime_checkable

from w2v.corpora.characters import character_table, chinese_pattern, settled, single_pattern, word_pattern

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RULES = 2
"""Version of what `words`, `characters` and `jieba` take for a word, saved with a model. Of version 1, which saved no
number, marks could begin words, joiners and soft hyphens divided them, and decomposed letters were others than composed
ones. Models of it are opened and divide text by the present rules: only words that hold such characters differ."""

_ASCII_WORD = re.compile(r"[A-Za-z0-9]+(?:'[A-Za-z0-9]+)*")
_NOT_WHITE_SPACE = re.compile(r"[^ \t\n\r\v\f]+")
_NOT_BETWEEN_ITEMS = re.compile(r"[^\t\n\r\v\f]+")

_PENN_PARTS = (
    (("://", "www."), r"(?:https?://|www\.)\S*[^\s.,;:!?'\")\]}>]"),  # addresses, without the marks behind them
    (("@",), r"[\w.+-]*\w@\w[\w-]*(?:\.\w+)+"),
    (("@", "#"), r"[@#]\w+"),
    ((".",), r"(?:[^\W\d_]\.){2,}"),  # U.S.
    (
        (".",),
        r"(?:Mrs?|Ms|Dr|Prof|[SJ]r|St|Inc|Corp|Co|Ltd|vs|Gen|Sen|Rep|Gov|Lt|Col|No|Jan|Feb|Mar|Apr|Aug|Sept|Oct|Nov|Dec)\.",
    ),
    (("annot",), r"[Cc]an(?=not\b)"),
    (("'", "\u2019"), r"\w+?(?=[nN]['\u2019][tT]\b)|[nN]['\u2019][tT]\b"),  # did, n't
    (("'", "\u2019"), r"['\u2019](?:[sSmMdD]|re|RE|ve|VE|ll|LL)\b"),
    (("",), r"\w+(?:(?:[-./]|,(?=\d))\w+|['\u2019](?!(?:[sSmMdDtT]|re|RE|ve|VE|ll|LL)\b)\w+)*"),
    (("",), r"([^\w\s])\1*"),
)
"""What `PennTokenizer` takes for a token, the first that fits; each is looked for only in texts that hold its mark."""


@functools.cache
def _penn_pattern(wanted: tuple[bool, ...]) -> re.Pattern[str]:
    return re.compile("|".join(part for (_, part), is_wanted in zip(_PENN_PARTS, wanted, strict=True) if is_wanted))


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


class _BuiltIn:
    """A tokenizer that its name and its options, the fields, describe."""

    name: ClassVar[str]

    def to_config(self) -> dict[str, Any]:
        """Return the name and the options."""
        return {"name": self.name, **vars(self)}


@dataclass(frozen=True)
class _ByRules(_BuiltIn):
    """A tokenizer whose options are all yes or no, and that has rules for what a word is."""

    lowercase: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be true or false, not {value!r:.80}")

    def to_config(self) -> dict[str, Any]:
        """Return the name, the version of the rules and the options."""
        return {"name": self.name, "rules": RULES, **vars(self)}


@dataclass(frozen=True)
class WordsTokenizer(_ByRules):
    """Words of any script, with apostrophes inside, and numbers.

    A word begins with a letter, a digit or another number (`str.isalnum`), and goes on with these and with marks
    (Unicode category M), which many scripts write vowels with. Inside it, between such characters, an apostrophe may
    stand, ``'`` or U+2019, which is written ``'``, and joiners (U+200C, U+200D, U+2060, U+180E), which stay. Soft
    hyphens, other format characters (category Cf) and U+FE0E and U+FE0F, which say how an emoji is drawn, are passed
    over, as UAX #29 has it. Everything else separates words, emoji too: they are no words. Composed and decomposed
    letters are the same: words are in NFC.

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

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return _find(text, self.lowercase, word_pattern)


@dataclass(frozen=True)
class WhitespaceTokenizer(_BuiltIn):
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


@dataclass(frozen=True)
class TabsTokenizer(_BuiltIn):
    r"""Items between tabs, whose names may hold spaces: for sequences of products, users or places.

    ``\t``, ``\n``, ``\r``, ``\v`` and ``\f`` separate. Spaces around a name are dropped, and so are empty names.
    Everything else stays.

    Examples
    --------
    >>> TabsTokenizer()("Green Tea\tSugar, 1 kg\t\tMilk ")
    ['Green Tea', 'Sugar, 1 kg', 'Milk']
    """

    name: ClassVar[str] = "tabs"

    def __call__(self, text: str) -> list[str]:
        """Return the items of `text`."""
        return [item for part in _NOT_BETWEEN_ITEMS.findall(text) if (item := part.strip(" "))]


@dataclass(frozen=True)
class CharactersTokenizer(_ByRules):
    """Words, as `WordsTokenizer` finds them, but single characters where a script sets no spaces between words.

    Such scripts are Chinese, Japanese (kana too), Thai, Lao, Khmer, Myanmar and a few more; Korean, which has spaces,
    is none. Marks, which some of them write vowels and tones with, stay with the character before them. Decimal
    digits make numbers in every script.

    Parameters
    ----------
    lowercase : bool, default True
        As in `WordsTokenizer`.

    Raises
    ------
    TypeError
        If `lowercase` is no bool.

    Examples
    --------
    >>> CharactersTokenizer()("2023年，Python语言")
    ['2023', '年', 'python', '语', '言']
    """

    name: ClassVar[str] = "characters"

    def __call__(self, text: str) -> list[str]:
        """Return the words and characters of `text`."""
        return _find(text, self.lowercase, single_pattern)


@dataclass(frozen=True)
class PennTokenizer(_BuiltIn):
    """Words as they are written and marks by themselves, about as the Penn Treebank has them: for tagging.

    Letters and digits with the hyphens, apostrophes, points and commas between them are a word. So are abbreviations
    (``U.S.``), addresses, names and topics of messages (``@anna``, ``#topic``), and runs of one mark (``...``, ``--``).
    English clitics (``n't``, ``'s``, ``'re``) are words of their own.

    Examples
    --------
    >>> PennTokenizer()("Mr. Lee's U.S. car didn't cost $1,500... see http://a.org/b?c=1.")
    ['Mr.', 'Lee', "'s", 'U.S.', 'car', 'did', "n't", 'cost', '$', '1,500', '...', 'see', 'http://a.org/b?c=1', '.']
    """

    name: ClassVar[str] = "penn"

    def __call__(self, text: str) -> list[str]:
        """Return the words and marks of `text`."""
        return [text[start:stop] for start, stop in self.spans(text)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the words and marks of `text` begin and end."""
        pattern = _penn_pattern(tuple([any(mark in text for mark in marks) for marks, _ in _PENN_PARTS]))
        return [found.span() for found in pattern.finditer(text)]


@dataclass(frozen=True)
class JiebaTokenizer(_ByRules):
    """Words, as `WordsTokenizer` finds them, but jieba's where the text is Chinese.

    jieba divides each run of Chinese characters, with the ASCII letters and digits that touch it, by its dictionary of
    simplified Chinese. Where such a run ends a word ends too. All other text is none of its business: jieba itself
    would tear words of other scripts to letters.

    Parameters
    ----------
    lowercase : bool, default True
        As in `WordsTokenizer`; jieba sees the text as it is.
    hmm : bool, default True
        Let jieba's hidden Markov model make words of characters that its dictionary leaves alone, names for example.

    Raises
    ------
    TypeError
        If an option is no bool.
    ModuleNotFoundError
        When first called, if the package rjieba is missing.

    Notes
    -----
    The divisions are made by rjieba, jieba's algorithm and data in Rust. Within such runs its words are those of jieba
    0.42.1, but for a few runs in a million. It reads and writes no file, downloads nothing and prints nothing. For a
    dictionary of your own pass a callable, ``tokenizer=jieba.lcut`` for example.

    Examples
    --------
    >>> JiebaTokenizer()("我来到北京清华大学，学习C语言。")
    ['我', '来到', '北京', '清华大学', '学习', 'c语言']
    """

    name: ClassVar[str] = "jieba"
    hmm: bool = True

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text`."""
        return WordsTokenizer(self.lowercase)(self.divide(text))

    def divide(self, text: str) -> str:
        """Return `text` with a space between any two Chinese words and around them."""
        parts = chinese_pattern().split(settled(text, lowercase=False))
        if len(parts) == 1:
            return parts[0]
        # one call for all runs: a line feed divides them, and stays a token of its own
        words = _load_jieba()("\n".join(parts[1::2]), self.hmm)
        parts[1::2] = " ".join(words).split(" \n ")
        return " ".join(parts)


@functools.cache
def _load_jieba() -> Callable[[str, bool], list[str]]:
    """Return the function that divides text. Its dictionary is ours alone, so nobody's added words change it."""
    try:
        import rjieba
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "the tokenizer 'jieba' needs the package rjieba, jieba in Rust: pip install 'w2v-toolkit[jieba]'"
        ) from error
    return cast("Callable[[str, bool], list[str]]", rjieba.Jieba().cut)


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
            raise TypeError(f"a tokenizer must be a name or a callable, not {self.function!r:.80}")

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


_BY_NAME: dict[str, Callable[..., Tokenizer]] = {
    kind.name: kind
    for kind in (WordsTokenizer, WhitespaceTokenizer, TabsTokenizer, CharactersTokenizer, JiebaTokenizer, PennTokenizer)
}

TOKENIZER_NAMES = tuple(_BY_NAME)
"""The names that `get_tokenizer` knows."""


def get_tokenizer(tokenizer: str | Tokenizer | Callable[[str], Iterable[str]]) -> Tokenizer:
    """Return the tokenizer that a name, a tokenizer or a callable stands for.

    Parameters
    ----------
    tokenizer : str, Tokenizer or callable
        One of `TOKENIZER_NAMES`, a tokenizer, which is returned as it is, or any callable from a text to tokens.

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
            raise ValueError(f"there is no tokenizer {tokenizer!r:.80}{_did_you_mean(tokenizer)}; known are {_known()}")
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
        raise ValueError(f"there is no tokenizer {name!r:.80}; known are {_known()}. A newer version may have it")
    known = set(_BY_NAME[name]().to_config()) - {"name"}
    if "rules" in known and (rules := options.pop("rules", 1)) not in range(1, RULES + 1):
        raise ValueError(f"the tokenizer {name!r} follows rules of version {rules!r}, which a newer version may know")
    if unknown := sorted(map(str, set(options) - known)):
        raise ValueError(f"the tokenizer {name!r:.80} has no option {', '.join(map(repr, unknown))}")
    return _BY_NAME[name](**options)


def code_point_table(tokenizer: Tokenizer) -> NDArray[np.int32]:
    """Return what `WordsTokenizer` or `CharactersTokenizer` makes of every character, as an array.

    Parameters
    ----------
    tokenizer : WordsTokenizer or CharactersTokenizer
        Whose table. Each is made once.

    Returns
    -------
    ndarray of shape (0x110000,), int32, read-only
        At a code point: the code point that it becomes (lower-cased, if the tokenizer does so) if it is a word
        character; APOSTROPHE (-1) for ``'`` and U+2019; DROPPED (-2) if it is passed over; JOINER (-3) if it stays
        inside words; SEPARATOR (0) for all else. MARK is added to a mark, which continues a token and begins none,
        and UNSETTLED to characters that show that a text may not be in NFC. In the table of `characters`, SINGLE is
        added to a character that is a token by itself.

    Raises
    ------
    TypeError
        If `tokenizer` is neither: no other one decides by character.
    """
    if not isinstance(tokenizer, (WordsTokenizer, CharactersTokenizer)):
        raise TypeError(
            f"only the tokenizers 'words' and 'characters' have a table of code points, not {tokenizer!r:.80}"
        )
    return character_table(tokenizer.lowercase, isinstance(tokenizer, CharactersTokenizer))


def _find(text: str, lowercase: bool, pattern: Callable[[], re.Pattern[str]]) -> list[str]:
    """Return what a pattern finds in `text`, whose apostrophes become ASCII; ASCII text needs no pattern of Unicode."""
    text = settled(text, lowercase).replace("\u2019", "'")
    if text.isascii():
        return _ASCII_WORD.findall(text)
    return pattern().findall(text.replace("_", " "))


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), TOKENIZER_NAMES, n=1)
    return f" (did you mean {near[0]!r:.80}?)" if near else ""


def _known() -> str:
    return ", ".join(map(repr, TOKENIZER_NAMES))
