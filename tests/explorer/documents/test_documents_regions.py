"""Regions of a map: every point in one, one inside the other, and numbered round the middle."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.explorer.documents.regions import Regions, find_regions
from w2v.explorer.layout import Points


def blobs(rng: np.random.Generator, n: int = 6000) -> tuple[Points, np.ndarray]:
    """Return four hills, each of four smaller ones, and which small one each point is of."""
    small = np.arange(n) % 16
    corners = np.array([(x, y) for x in (-1, 1) for y in (-1, 1)], np.float32)
    centers = 0.6 * corners[small // 4] + 0.18 * corners[small % 4]
    return (centers + 0.03 * rng.normal(size=(n, 2))).astype(np.float32), small


@pytest.fixture(scope="module")
def found() -> tuple[Points, np.ndarray, Regions]:
    points, small = blobs(np.random.default_rng(4))
    return points, small, find_regions(points)


def test_find_regions_finds_the_hills(found: tuple[Points, np.ndarray, Regions]) -> None:
    points, small, regions = found
    fine = next(i for i, level in enumerate(regions.levels) if len(level.spots) >= 16)
    labels = regions.labels_of(fine)
    of_points = [np.bincount(labels[small == hill]).max() / (small == hill).sum() for hill in range(16)]
    of_regions = [np.bincount(small[labels == label]).max() / (labels == label).sum() for label in np.unique(labels)]
    assert min(of_regions) > 0.99  # none lies on two hills
    assert np.mean(of_points) > 0.5
    for label, spot in enumerate(regions.levels[fine].spots):
        assert np.linalg.norm(points[labels == label].mean(axis=0) - spot) < 0.1


def test_find_regions_lie_in_each_other(found: tuple[Points, np.ndarray, Regions]) -> None:
    regions = found[2]
    sizes = [len(level.spots) for level in regions.levels]
    assert len(sizes) > 1
    assert sizes == sorted(sizes)
    for i, level in enumerate(regions.levels):
        labels = regions.labels_of(i)
        assert np.unique(labels).tolist() == list(range(sizes[i]))  # each has points
        if i:
            np.testing.assert_array_equal(level.parents[labels], regions.labels_of(i - 1))
            assert np.unique(level.parents).tolist() == list(range(sizes[i - 1]))
    np.testing.assert_array_equal(regions.labels, regions.labels_of(len(sizes) - 1))


def test_find_regions_go_round_the_middle(found: tuple[Points, np.ndarray, Regions]) -> None:
    spots = found[2].levels[0].spots
    angles = np.arctan2(*(spots - spots.mean(axis=0)).T)
    assert (np.diff(angles) >= 0).all()


def test_find_regions_is_the_same_every_time(rng: np.random.Generator) -> None:
    points = blobs(rng, 500)[0]
    first, second = find_regions(points), find_regions(points.copy())
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.levels[0].spots, second.levels[0].spots)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_find_regions_of_few_points_or_one_place(n: int, rng: np.random.Generator) -> None:
    for points in (rng.normal(size=(n, 2)), np.ones((n, 2))):
        regions = find_regions(points.astype(np.float32))
        assert len(regions.levels[0].spots) == 1
        assert (regions.labels == 0).all()
