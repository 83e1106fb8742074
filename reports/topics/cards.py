"""The card of topics: a table, a map, a tree, and their sizes over time."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from w2v.display.wording import percent, shortened
from w2v.encoder.retrieval.topics.folder import KIND
from w2v.encoder.retrieval.topics.topics import Topics
from w2v.reports.assembling import CardOptions, Request, make_card, name_of, shell
from w2v.reports.blocks import (
    Block,
    Bullets,
    Card,
    Code,
    Curves,
    MapPoint,
    Paragraph,
    Section,
    Series,
    Table,
    WordMap,
)
from w2v.reports.measures import Evaluations, Measured
from w2v.reports.requests import TOPICS, check_request

if TYPE_CHECKING:
    from w2v.encoder.retrieval import Periods

OPENERS: dict[str, Callable[[str | os.PathLike[str]], Topics]] = {KIND: Topics.open}
"""The class that opens the folder of topics."""

N_CURVES, N_GROUPS, N_SENTENCES = 8, 8, 3
"""Maximum number of topics followed over time, of colours on the map, and of sentences per topic."""

_LONGEST, _MOST_IN_TREE = 200, 120


def card_of_topics(topics: Topics, over_time: Periods | None = None, request: Request | None = None) -> Card:
    """Return the report of the topics of a text.

    Parameters
    ----------
    topics : Topics
    over_time : Periods, optional
        The result of `Topics.over_time`.
    request : Request, optional
        The folder in which the topics are saved, and the title.

    Raises
    ------
    ValueError
        If something is requested that topics do not have.
    """
    request = request or Request(None, Evaluations(), CardOptions(), lambda step: None)
    check_request(request, TOPICS)
    n, outliers = len(topics.labels_), topics.n_outliers_
    quoted = shlex.quote(name_of(request.folder, "my.topics"))
    python = f"""from w2v.encoder.retrieval import Topics

topics = Topics.open({name_of(request.folder, "my.topics")!r})
topics.info()
topics.predict(["A sentence.", "Another one."])"""
    by_what = {"kmeans": "k-means", "hdbscan": "density (HDBSCAN)"}[topics.method]
    return make_card(
        "Topics",
        f"{n:,} sentences in {len(topics):,} topics, by {by_what}; named by their keywords.",
        [
            ("topics", f"{len(topics):,}"),
            ("sentences", f"{n:,}"),
            ("outliers", f"{outliers:,}, {percent(outliers / n)}" if outliers else None),
            ("largest topic", percent(int(topics.sizes_.max()) / n)),
        ],
        [
            _table_section(topics),
            _map_section(topics),
            _time_section(topics, over_time),
            _tree_section(topics),
            Section("How to use it", (shell(f"topics {quoted} --tree"), Code(python, "python"))),
            Section("Limits", (Bullets((
                "Topics are groups of vectors: read their sentences before you trust a name.",
                "Another seed or number of topics gives different topics; rely on those that stay the same.",
            )),)),
        ],
        ("text-classification", ("topic-modeling",)),
        Measured(),
        request,
    )  # fmt: skip


def _table_section(topics: Topics) -> Section:
    rows = tuple(
        (
            str(row.topic),
            f"{row.size:,}",
            ", ".join(row.keywords),
            shortened(row.representative[0], _LONGEST) if row.representative else "",
        )
        for row in topics.info()
    )
    more = tuple(
        (str(row.topic), shortened(sentence, _LONGEST))
        for row in topics.info()
        for sentence in row.representative[:N_SENTENCES]
    )
    return Section(
        "Topics",
        (
            Table((">topic", ">sentences", "keywords", "example"), rows),
            Table((">topic", "sentence"), more, "More sentences of each topic", is_detail=True),
        ),
    )


def _map_section(topics: Topics) -> Section | None:
    """Return the centres in their principal plane, coloured by groups of similar topics."""
    if len(topics) < 3:
        return None
    centred = topics.centers_ - topics.centers_.mean(axis=0)
    plane = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    tree = topics.hierarchy()
    group = tree.cut(min(N_GROUPS, len(topics)))
    names = topics.names_
    first = [names[int(np.flatnonzero(group == number)[0])] for number in range(int(group.max()) + 1)]
    points = tuple(
        MapPoint(f"{topic}: {names[topic]}", float(x), float(y), int(group[topic]), -float(topic))
        for topic, (x, y) in enumerate(plane.tolist())
    )
    caption = (
        "The centres of the topics in the plane in which they differ most. Colours mark branches of the tree, each "
        "named by its largest topic."
    )
    return Section("Map", (WordMap("map", "Topics", tuple(first), points, caption),))


def _time_section(topics: Topics, over_time: Periods | None) -> Section | None:
    """Return the size of the largest topics in each period, and their keywords there."""
    if not over_time:
        return None
    starts = list(dict.fromkeys(row.start for row in over_time))
    filled = {row.start for row in over_time if row.size}
    names, blocks = topics.names_, list[Block]()
    if len(filled) > 1:
        places = {start: float(place) for place, start in enumerate(starts, 1) if start in filled}
        points = {topic: list[tuple[float, float]]() for topic in range(min(N_CURVES, len(topics)))}
        for row in over_time:
            if row.topic in points and row.start in places:
                points[row.topic].append((places[row.start], 100 * row.fraction))
        series = tuple(Series(names[topic].split(", ")[0], tuple(found)) for topic, found in points.items())
        blocks.append(Curves("over-time", "The largest topics over time", "period", "% of sentences", series))
    rows = tuple(
        (row.start, row.stop, str(row.topic), f"{row.size:,}", percent(row.fraction), ", ".join(row.keywords))
        for row in over_time
        if row.size
    )
    if over_time.n_undated:
        blocks.append(Paragraph(f"{over_time.n_undated:,} sentences without a date are left out."))
    header = ("from", "to", ">topic", ">sentences", ">of all", "keywords")
    blocks.append(Table(header, rows, "Every topic in every period", is_detail=len(blocks) > 0))
    return Section("Over time", tuple(blocks))


def _tree_section(topics: Topics) -> Section | None:
    if not 2 <= len(topics) <= _MOST_IN_TREE:
        return None
    text = "Similar topics, by Ward's linkage of their centres: number and sentences in brackets."
    return Section("Tree", (Paragraph(text), Code(str(topics.hierarchy()), "text")))
