"""Tokenizers by name, and any callable as one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from w2v.corpora.tokenizers.jieba import JiebaTokenizer
from w2v.corpora.tokenizers.penn import PennTokenizer
from w2v.corpora.tokenizers.protocol import RULES, Tokenizer
from w2v.corpora.tokenizers.separated import TabsTokenizer, WhitespaceTokenizer
from w2v.corpora.tokenizers.words import CharactersTokenizer, WordsTokenizer


@dataclass(frozen=True)
class CallableTokenizer:
    """A tokenizer that calls a user's function.

    Parameters
    ----------
    function : callable
        Takes a text, returns an iterable of str. Empty tokens are dropped.

    Raises
    ------
    TypeError
        If `function` is not callable. When called: if it returns a str, or tokens that are not str.
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
                raise TypeError(
                    f"the tokenizer {self.qualified_name} must return tokens of type str, not {token!r:.80}"
                )
            if token:
                result.append(token)
        return result

    @property
    def qualified_name(self) -> str:
        """Module and name of the function, only for display: it is never imported by this name."""
        owner = self.function if hasattr(self.function, "__qualname__") else type(self.function)
        module = getattr(owner, "__module__", None)
        name = str(owner.__qualname__)
        return f"{module}.{name}" if module else name

    def to_config(self) -> dict[str, Any]:
        """Return the name of the tokenizer and of the function. The function itself is not saved."""
        return {"name": self.name, "callable": self.qualified_name}


_BY_NAME: dict[str, Callable[..., Tokenizer]] = {
    kind.name: kind
    for kind in (WordsTokenizer, WhitespaceTokenizer, TabsTokenizer, CharactersTokenizer, JiebaTokenizer, PennTokenizer)
}

TOKENIZER_NAMES = tuple(_BY_NAME)
"""The names for `get_tokenizer`."""


def get_tokenizer(tokenizer: str | Tokenizer | Callable[[str], Iterable[str]]) -> Tokenizer:
    """Return a tokenizer for a name, a tokenizer or a callable.

    Parameters
    ----------
    tokenizer : str, Tokenizer or callable
        One of `TOKENIZER_NAMES`, a tokenizer, which is returned unchanged, or any callable from a text to tokens.

    Returns
    -------
    Tokenizer

    Raises
    ------
    ValueError
        If no tokenizer has the name; the message lists the names.
    TypeError
        If `tokenizer` is none of the above.
    """
    if isinstance(tokenizer, str):
        if tokenizer not in _BY_NAME:
            raise ValueError(
                f"there is no tokenizer {tokenizer!r:.80}{_did_you_mean(tokenizer)}; the names are {_known()}"
            )
        return _BY_NAME[tokenizer]()
    if isinstance(tokenizer, type):
        if hasattr(tokenizer, "to_config"):
            raise TypeError(f"pass an instance, {tokenizer.__name__}(), not the class {tokenizer.__name__}")
    elif isinstance(tokenizer, Tokenizer):
        return tokenizer
    return CallableTokenizer(tokenizer)


def tokenizer_from_config(config: Mapping[str, Any]) -> Tokenizer:
    """Restore a tokenizer from a result of `Tokenizer.to_config`.

    Parameters
    ----------
    config : mapping
        ``"name"`` and the options of the tokenizer. It may come from a stranger's file: nothing is imported by its
        content.

    Returns
    -------
    Tokenizer

    Raises
    ------
    ValueError
        If the name or an option is unknown, or if the tokenizer was a callable, which must be passed again.
    TypeError
        If a value has the wrong type.
    """
    options = dict(config)
    name = options.pop("name", None)
    if name == CallableTokenizer.name:
        raise ValueError(
            f"the tokenizer was the Python callable {options.get('callable', '?')}, which is not saved with a model; "
            "in Python, pass it again as `tokenizer`"
        )
    if not isinstance(name, str) or name not in _BY_NAME:
        raise ValueError(f"there is no tokenizer {name!r:.80}; the names are {_known()}. A newer version may have it")
    known = set(_BY_NAME[name]().to_config()) - {"name"}
    if "rules" in known and (rules := options.pop("rules", 1)) not in range(1, RULES + 1):
        raise ValueError(f"the tokenizer {name!r} follows version {rules!r} of the rules, which may need a newer w2v")
    if unknown := sorted(map(str, set(options) - known)):
        raise ValueError(f"the tokenizer {name!r:.80} has no option {', '.join(map(repr, unknown))}")
    return _BY_NAME[name](**options)


def _did_you_mean(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), TOKENIZER_NAMES, n=1)
    return f" (did you mean {near[0]!r:.80}?)" if near else ""


def _known() -> str:
    return ", ".join(map(repr, TOKENIZER_NAMES))
