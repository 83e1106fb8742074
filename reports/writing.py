"""Reports as files: an HTML page, or Markdown with separate pictures."""

from __future__ import annotations

import os
from pathlib import Path

from w2v.reports.blocks import Card
from w2v.reports.markdown import render_pictures, to_markdown
from w2v.reports.page import to_html
from w2v.storage.files import ModelError, atomic_file, check_output_file, check_writable_beside

_PAGES, _DOCUMENTS = (".html", ".htm"), (".md", ".markdown")
_PICTURES = (
    "map", "training", "quality", "training-time", "quality-time", "confusion", "calibration", "mistakes", "over-time"
)  # fmt: skip


def check_report_path(path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Check early, before anything is computed, that a report can be saved at `path`.

    Raises
    ------
    ModelError
        If the name ends in neither .html nor .md, if the file exists and `overwrite` is False, or if it cannot
        be written there.
    """
    if Path(path).suffix.lower() not in _PAGES + _DOCUMENTS:
        raise ModelError(f"{path}: a report's name must end in .html for a page or in .md for Markdown")
    for name in [path] if _is_page(path) else [path, *(_picture_path(path, name) for name in _PICTURES)]:
        check_output_file(name, overwrite=overwrite)
    check_writable_beside(path)


def save_report(card: Card, path: str | os.PathLike[str], *, overwrite: bool = False) -> list[Path]:
    """Write a report; the same card gives the same bytes.

    Parameters
    ----------
    card : Card
        As returned by `model_card`.
    path : str or path-like
        Ends in .html or .md; for .md, pictures are written next to it as ``NAME-map.svg``, ``NAME-training.svg`` etc.
    overwrite : bool, default False
        Replace existing files.

    Returns
    -------
    list of Path
        The files written, the report first.

    Raises
    ------
    ModelError
        As for `check_report_path`, or if writing fails.
    """
    check_report_path(path, overwrite)
    contents = {Path(path): to_html(card)}
    if not _is_page(path):
        pictures = render_pictures(card)
        contents = {_picture_path(path, name): content for name, content in pictures.items()}
        # last, so that it never refers to a missing picture
        contents[Path(path)] = to_markdown(card, {name: _picture_path(path, name).name for name in pictures})
    for file_path, content in contents.items():
        with atomic_file(file_path, overwrite=overwrite) as file:
            file.write(content.encode())
    return [Path(path), *(file_path for file_path in contents if file_path != Path(path))]


def _is_page(path: str | os.PathLike[str]) -> bool:
    """Return whether a report with this name is HTML."""
    return Path(path).suffix.lower() in _PAGES


def _picture_path(path: str | os.PathLike[str], name: str) -> Path:
    """Return the name of a picture file of a report."""
    return Path(path).with_name(f"{Path(path).stem}-{name}.svg")
