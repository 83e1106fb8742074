"""The protocol of tokenizers, and base classes of the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

RULES = 2
"""Version of the rules of `words`, `characters` and `jieba` for words, saved with a model. In version 1, which saved no
number, marks could begin words, joiners and soft hyphens separated them, and decomposed letters differed from composed
ones. Such models still open, but with the current rules: only words with such characters differ."""


@runtime_checkable
class Tokenizer(Protocol):
    """Splits texts into tokens, and can describe itself."""

    @property
    def name(self) -> str:
        """The name for `get_tokenizer`."""

    def __call__(self, text: str) -> list[str]:
        """Return the tokens of `text` in order; none of them is empty."""

    def to_config(self) -> dict[str, Any]:
        """Return a JSON-compatible description for `tokenizer_from_config`."""


class BuiltIn:
    """A tokenizer that is described by its name and its options, the fields."""

    name: ClassVar[str]

    def to_config(self) -> dict[str, Any]:
        """Return the name and the options."""
        return {"name": self.name, **vars(self)}


@dataclass(frozen=True)
class ByRules(BuiltIn):
    """A tokenizer with boolean options and versioned rules for words."""

    lowercase: bool = True

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, bool):
                raise TypeError(f"{name} must be true or false, not {value!r:.80}")

    def to_config(self) -> dict[str, Any]:
        """Return the name, the version of the rules and the options."""
        return {"name": self.name, "rules": RULES, **vars(self)}
