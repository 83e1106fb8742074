"""The map of the sentences of an index: its computing time, how well it preserves neighbours, and its frame rate.

    python benchmarks/retrieval/map.py wiki.index --browser /usr/bin/chromium

The map is computed once, without a browser; CPU seconds are reported by stage, since the machine may have other work.
Preserved neighbours are, for 300 sentences, the fraction of the 10 nearest by their vectors that are among the nearest
thousandth on the map, and the same on the principal plane. Then the page is opened with the cached map, and dragged in
circles, fully zoomed out and zoomed in, rendered by SwiftShader on the CPU. Frames per second and the CPU time per
frame in all processes of the browser are reported. Needs Playwright (extra `browser`).
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import write_results
from benchmarks.retrieval.explorer import FLAGS, HEIGHT, WIDTH, measure

N_SAMPLED, N_NEAREST, PART = 300, 10, 0.001


def lay_out(path: str, cache: Path) -> dict[str, Any]:
    """Compute the map of an index; return the CPU seconds after which each stage was reached."""
    from w2v.explorer import word_map
    from w2v.explorer.documents.explored import ExploredIndex

    word_map._NICENESS = 0  # nobody is waiting meanwhile
    start, clock = time.process_time(), time.perf_counter()
    explored = ExploredIndex(path, cache=cache)
    stages: dict[str, float] = {}
    explored.map.told = lambda layout: stages.setdefault(layout.stage, round(time.process_time() - start, 2))  # type: ignore[assignment]
    explored.map.start()
    explored.map._thread.join()
    assert explored.map.regions is not None
    return {
        "sentences": len(explored.index),
        "points": len(explored.map.rows),
        "columns_of_vectors": explored.index.contents.dimension,
        "cpu_seconds": stages,
        "wall_seconds": time.perf_counter() - clock,
        "regions": [len(level.spots) for level in explored.map.regions.levels],
        "largest_regions": [", ".join(words) for words in explored.map.regions.levels[0].names],
        "kept_neighbours": kept_neighbours(explored),
    }


def kept_neighbours(explored: Any) -> dict[str, float]:
    """Return the mean fraction of nearest neighbours that are near on the map, and on the principal plane."""
    from w2v.explorer.layout import find_basis, reduce_rows

    table, rows = explored.index.table, explored.map.rows
    basis = find_basis(table, rows)
    planes = {
        "map": explored.map.state().layout.points,
        "principal plane": reduce_rows(table, rows, basis._replace(directions=basis.directions[:, :2])),
    }
    sample = np.arange(min(N_SAMPLED, len(rows)))
    _, near = explored.index.nearest(table.rows(rows[sample]), N_NEAREST + 1, exact=True)
    found: dict[str, list[float]] = {name: [] for name in planes}
    for place, true in zip(sample.tolist(), near, strict=True):
        others = [explored.map.place_of(row) for row in true.tolist() if row != rows[place]][:N_NEAREST]
        for name, points in planes.items():
            distances = np.square(points - points[place]).sum(axis=1)
            reach = np.partition(distances, int(PART * len(rows)))[int(PART * len(rows))]
            found[name].append(float(np.mean([distances[other] <= reach for other in others])))
    return {name: float(np.mean(values)) for name, values in found.items()}


def look(path: str, cache: str, browser: str, runs: int) -> dict[str, Any]:
    """Open the page with the cached map, and move it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
        seen = [measure(launched, path, cache, with_panning=run == 0) for run in range(runs)]
        version = launched.version
        launched.close()
    return {
        "browser": f"Chromium {version}, SwiftShader, {WIDTH} x {HEIGHT}",
        "first_map_seconds_with_a_kept_map": statistics.median(run["first_map_seconds"] for run in seen),
        "panning": seen[0]["panning"],
        "console_errors": sum(len(run["complaints"]) for run in seen),
        "runs": seen,
    }


def main() -> None:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index")
    parser.add_argument("--browser", default=shutil.which("chromium"), help="the Chromium to start")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cache", help="folder of cached maps, which may already contain this map")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="w2v-") as folder:
        cache = a.cache or folder
        results = {"layout": lay_out(a.index, Path(cache, "maps")), "page": look(a.index, cache, a.browser, a.runs)}
    print(json.dumps(results, indent=1))
    write_results(__file__, "map", results)


if __name__ == "__main__":
    main()
