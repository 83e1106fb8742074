"""The explorer in Chromium without a GPU: the time until the first map is shown, and how smoothly it moves.

    python benchmarks/retrieval/explorer.py wiki.model --browser /usr/bin/chromium

A server is started for every run: without a cached map, the worst case, and with one. The time is measured from the
start of the navigation, and from the start of the process, until the first map has been drawn. Then the map is dragged
in circles, fully zoomed out and zoomed in, while everything moves; frames are those drawn by the page. Rendering is
done by SwiftShader on the CPU. Needs Playwright (extra `browser`) and a model with at least 100,000 words.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks._common import ROOT, write_results

FLAGS = (
    "--headless", "--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
)  # fmt: skip
WIDTH, HEIGHT = 1280, 800
MIDDLE_X, MIDDLE_Y = 840, 400
COUNT_FRAMES = """() => {
  const frames = (window.counted = []);
  const count = (now) => { if (window.counted === frames) { frames.push(now); requestAnimationFrame(count); } };
  requestAnimationFrame(count);
}"""
STATE = "() => performance.getEntriesByName('first-map').map((mark) => mark.startTime)"


@contextmanager
def served(model: str, cache: str) -> Iterator[tuple[str, float]]:
    """Start the command; yield its URL and its start time."""
    began = time.time()
    command = [sys.executable, "-m", "cli", "explore", model, "--no-browser", "--port", "0"]
    environment = {**os.environ, "W2V_CACHE_DIR": cache}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    assert process.stdout is not None
    try:
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            raise SystemExit(f"{' '.join(command)} failed")
        yield found[0], began
    finally:
        process.terminate()
        process.communicate()


def measure(browser: Any, model: str, cache: str, *, with_panning: bool) -> dict[str, Any]:
    """Open the page in a fresh context."""
    complaints: list[str] = []
    with served(model, cache) as (address, began):
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        while not (marks := page.evaluate(STATE)):
            page.wait_for_timeout(20)
        result: dict[str, Any] = {
            "first_map_seconds": marks[0] / 1000,
            "first_map_seconds_from_the_command": time.time() - began,
        }
        if with_panning:
            page.locator("#progress").wait_for(state="hidden", timeout=300_000)
            result["final_map_seconds_from_the_command"] = time.time() - began
            page.wait_for_timeout(2000)
            result["panning"] = {"whole map": pan(page)}
            for _ in range(4):
                page.locator("#zoom-in").click()
                page.wait_for_timeout(900)
            result["panning"]["16 times as near"] = pan(page)
        page.context.close()
    return {**result, "complaints": complaints}


def pan(page: Any, seconds: float = 4.0) -> dict[str, float]:
    """Drag the map in circles; count its frames, and the CPU time per frame in all processes of the browser."""
    page.mouse.move(MIDDLE_X, MIDDLE_Y)
    page.mouse.down()
    page.evaluate(COUNT_FRAMES)
    start, cpu = time.perf_counter(), cpu_of_children()
    while (passed := time.perf_counter() - start) < seconds:
        angle = 2 * math.pi * passed / 2
        page.mouse.move(MIDDLE_X + 180 * math.sin(angle), MIDDLE_Y + 180 * (1 - math.cos(angle)))
    frames = page.evaluate("() => counted")
    cpu = cpu_of_children() - cpu
    page.mouse.up()
    gaps = sorted(after - before for before, after in zip(frames, frames[1:], strict=False))
    return {
        "frames_per_second": 1000 * len(gaps) / (frames[-1] - frames[0]),
        "median_frame_ms": statistics.median(gaps),
        "slowest_of_20_ms": gaps[int(0.95 * len(gaps))],
        "cpu_ms_a_frame": 1000 * cpu / len(gaps),
    }


def cpu_of_children() -> float:
    """Return the CPU seconds of all running child processes."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            seconds[int(folder.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    ours, size = {os.getpid()}, 0
    while size < len(ours):
        size = len(ours)
        ours |= {pid for pid, parent in parents.items() if parent in ours}
    return sum(seconds[pid] for pid in ours - {os.getpid()})


def main() -> None:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--browser", default=shutil.which("chromium"), help="the Chromium to start")
    parser.add_argument("--runs", type=int, default=3)
    a = parser.parse_args()
    from playwright.sync_api import sync_playwright

    from w2v.explorer.explored import ExploredModel

    n_words = len(ExploredModel(a.model).word_map.rows)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="w2v-") as folder:
        browser = playwright.chromium.launch(executable_path=a.browser, args=list(FLAGS))
        fresh = [measure(browser, a.model, str(Path(folder, str(run))), with_panning=run == 0) for run in range(a.runs)]
        kept = [measure(browser, a.model, str(Path(folder, "0")), with_panning=False) for _ in range(a.runs)]
        results = {
            "browser": f"Chromium {browser.version}, SwiftShader, {WIDTH} x {HEIGHT}",
            "words_on_the_map": n_words,
            "first_map_seconds": statistics.median(run["first_map_seconds"] for run in fresh),
            "first_map_seconds_with_a_kept_map": statistics.median(run["first_map_seconds"] for run in kept),
            "panning": fresh[0]["panning"],
            "console_errors": sum(len(run["complaints"]) for run in (*fresh, *kept)),
            "fresh": fresh,
            "kept": kept,
        }
        browser.close()
    print(json.dumps(results, indent=1))
    write_results(__file__, "explorer", results)


if __name__ == "__main__":
    main()
