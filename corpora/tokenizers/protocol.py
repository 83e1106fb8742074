"""What every tokenizer can do, and what those that are built in share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

RULES = 2
"""Version of what `words`, `characters` and `jieba` take for a word, saved with a model. Of version 1, which saved no
number, marks could begin words, joiners and soft hyphens divided them, and decomposed letters were others than composed
ones. Models of it are opened and divide text by the present rules: only words that hold such characters differ."""


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


class BuiltIn:
    """A tokenizer that its name and its options, the fields, describe."""

    name: ClassVar[str]

    def to_config(self) -> dict[str, Any]:
        """Return the name and the options."""
        return {"name": self.name, **vars(self)}


@dataclass(frozen=True)
class ByRules(BuiltIn):
    """A tokenizer whose options are all yes or no, and that has rules for what a word is."""

    lowercase: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be true or false, not {value!r:.80}")

    def to_config(self) -> dict[str, Any]:
        """Return the name, the version of the rules and the options."""
        return {"name": self.name, "rules": RULES, **vars(self)}
