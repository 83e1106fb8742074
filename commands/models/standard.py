"""`w2v evaluate --standard`: which of the usual test sets are there, and which of them a model is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from w2v.commands.shared.output import say
from w2v.corpora.catalogue.obtaining import find_standard

_OF_SENTENCES = ("sts",)


class Standard(NamedTuple):
    """The standard sets for a model.

    Attributes
    ----------
    files : dict of str to tuple of Path
        By what they measure.
    names : dict of str to str
        The name of each file in the results.
    missing : dict of str to str
        The sets that were not found, and how to get them.
    """

    files: dict[str, tuple[Path, ...]]
    names: dict[str, str]
    missing: dict[str, str]

    def named(self, results: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """Return the results by kind, under the names of the sets instead of the files."""
        return {
            kind: {self.names.get(path, path): one for path, one in found.items()} for kind, found in results.items()
        }

    def tell_missing(self) -> None:
        """Print one line per missing set that says how to get it."""
        for name, way in self.missing.items():
            say(f"Missing: {name}; get it with: {way}")


NO_SETS = Standard({}, {}, {})


def standard_sets(model: Path, folder: Path) -> Standard:
    """Find the standard sets for a model: all for word vectors, those of sentences for encoders.

    Raises `click.ClickException` if there are none.
    """
    from w2v.encoder.opening import is_foreign
    from w2v.vectors.model_folder import read_kind
    from w2v.vectors.persistence import KIND as WORD_VECTORS

    is_of_words = not is_foreign(model) and read_kind(model) == WORD_VECTORS
    found, missing = find_standard(folder, () if is_of_words else _OF_SENTENCES)
    if not found:
        raise click.ClickException(
            f"No standard set is in {folder} or in a package; get one with: {next(iter(missing.values()))}"
        )
    kinds = dict.fromkeys(one.measures for one in found)
    files = {kind: tuple(one.path for one in found if one.measures == kind) for kind in kinds}
    return Standard(files, {str(one.path): one.name for one in found}, missing)
