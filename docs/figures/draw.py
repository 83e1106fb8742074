"""Draw the figures of the explanation pages: `python docs/figures/draw.py` writes the SVG files beside this one.

Colours are variables. A drawing by itself follows the reader's preference for light or dark; put into a page it takes
the page's own colours (docs/_static/book.css).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
STYLE = """
svg.drawing{--ink:#1f2328;--soft:#656d76;--line:#8c959f;--fill:#f3f5f8;--blue:#0969da;--warm:#bc4c00;--paper:#fff;
font-family:ui-sans-serif,system-ui,-apple-system,"Segoe UI",sans-serif;font-size:14px}
@media (prefers-color-scheme:dark){svg.drawing{--ink:#e6edf3;--soft:#9198a1;--line:#6e7681;--fill:#1c2129;
--blue:#58a6ff;--warm:#f0883e;--paper:#0d1117}}
svg.drawing text{fill:var(--ink);text-anchor:middle;dominant-baseline:central}
svg.drawing .soft{fill:var(--soft);font-size:12px}
svg.drawing .start{text-anchor:start}
svg.drawing .end{text-anchor:end}
svg.drawing .code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:13px}
svg.drawing .box{fill:var(--fill);stroke:var(--line)}
svg.drawing .blue{stroke:var(--blue)}
svg.drawing .warm{stroke:var(--warm)}
svg.drawing .on-cell{fill:var(--paper)}
svg.drawing .cell{stroke:var(--paper)}
svg.drawing .on-blue{fill:var(--blue)}
svg.drawing .on-warm{fill:var(--warm)}
svg.drawing .path{fill:none;stroke:var(--line);stroke-width:1.5}
svg.drawing .path.blue{stroke:var(--blue)}
svg.drawing .path.warm{stroke:var(--warm)}
svg.drawing .dashed{stroke-dasharray:4 4}
svg.drawing .arrow{marker-end:url(#tip)}
svg.drawing marker path{fill:context-stroke}
"""


class Drawing:
    """Shapes on a canvas; coordinates are in pixels from its upper left corner.

    Parameters
    ----------
    width, height : int
    title : str
        What it shows, for those who cannot see it.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self.parts: list[str] = []

    def text(self, x: float, y: float, words: str, kind: str = "") -> None:
        """Write words, their centre at (x, y) unless `kind` has "start" or "end"."""
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{_class(kind)}>{escape(words)}</text>')

    def box(self, x: float, y: float, width: float, height: float, words: str = "", kind: str = "") -> None:
        """Draw a rounded box with lines of words in its middle."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"{_class(f"box {kind}")}/>'
        )
        lines = words.split("\n") if words else []
        for number, line in enumerate(lines):
            place = y + height / 2 + 18 * (number - (len(lines) - 1) / 2)
            self.text(x + width / 2, place, line, "soft" if number else "")

    def cell(self, x: float, y: float, size: float, strength: float, kind: str = "on-blue", height: float = 0) -> None:
        """Draw a cell of a picture of a matrix; `strength` is its opacity."""
        opacity = f' fill-opacity="{max(0.04, min(1.0, strength)):.3g}"'
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{size:g}" height="{height or size:g}"{_class(f"cell {kind}")}{opacity}/>'
        )

    def arrow(self, *points: tuple[float, float], kind: str = "", radius: float = 8) -> None:
        """Draw an arrow along points, corners rounded."""
        self.parts.append(f'<path d="{_rounded(points, radius)}"{_class(f"path arrow {kind}")}/>')

    def line(self, points: Sequence[tuple[float, float]], kind: str = "") -> None:
        """Draw a line through points."""
        steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{steps}"{_class(f"path {kind}")}/>')

    def circle(self, x: float, y: float, radius: float, words: str = "", kind: str = "") -> None:
        """Draw a circle with words in it."""
        self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}"{_class(f"box {kind}")}/>')
        if words:
            self.text(x, y, words)

    def svg(self) -> str:
        """Give the whole as SVG."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="drawing" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" role="img">'
        )
        tip = (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z"/></marker></defs>'
        )
        parts = "\n".join(self.parts)
        return f"{head}\n<title>{escape(self.title)}</title>\n<style>{STYLE}</style>\n{tip}\n{parts}\n</svg>\n"


def _class(kind: str) -> str:
    return f' class="{" ".join(kind.split())}"' if kind.strip() else ""


def _rounded(points: Sequence[tuple[float, float]], radius: float) -> str:
    path = f"M{points[0][0]:g} {points[0][1]:g}"
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        start, end = (_towards(corner, point, radius) for point in (before, after))
        path += f" L{start[0]:g} {start[1]:g} Q{corner[0]:g} {corner[1]:g} {end[0]:g} {end[1]:g}"
    return f"{path} L{points[-1][0]:g} {points[-1][1]:g}"


def _towards(origin: tuple[float, float], target: tuple[float, float], distance: float) -> tuple[float, float]:
    length = math.dist(origin, target)
    share = min(distance, length / 2) / length
    return origin[0] + (target[0] - origin[0]) * share, origin[1] + (target[1] - origin[1]) * share


def softmax(scores: np.ndarray) -> np.ndarray:
    """Give the weights of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return weights


def pipeline() -> Drawing:
    """Show how text becomes vectors and vectors answers."""
    drawing = Drawing(720, 196, "Text becomes ids, ids train a table of vectors, the table becomes an encoder.")
    boxes = [
        (10, "text\nfiles, lines", ""), (158, "ids\nint32, once", ""), (306, "word vectors\ntable V × D", "blue"),
        (454, "encoder\nsum, or attention", "warm"), (602, "index\nof sentences", ""),
    ]  # fmt: skip
    for x, words, kind in boxes:
        drawing.box(x, 50, 108, 58, words, kind)
    steps = ["scan", "train", "fit", "encode"]
    for (x, _, _), step in zip(boxes, steps, strict=False):
        drawing.arrow((x + 108, 79), (x + 146, 79))
        drawing.text(x + 127, 40, step, "soft")
    below = [(212, "w2v train"), (360, "w2v neighbors"), (508, "w2v encode"), (656, "w2v search")]
    for x, words in below:
        drawing.text(x, 146, words, "code")
    drawing.line([(158, 128), (266, 128)])
    drawing.line([(306, 128), (414, 128)])
    drawing.line([(454, 128), (562, 128)])
    drawing.line([(602, 128), (710, 128)])
    drawing.text(360, 178, "Each is a folder or a file, and another tool can do any of the steps.", "soft")
    return drawing


def sums() -> Drawing:
    """Show a sentence as the sum of its weighted words, and how near two sentences are."""
    drawing = Drawing(720, 270, "Word vectors laid end to end: their sum is the sentence, near a similar one.")
    x, y = 90.0, 220.0
    start = (x, y)
    for word, dx, dy, ox, oy in (
        ("a", 6, -1, 0, 16), ("storm", 104, -8, 0, 16), ("on the", 10, -3, 2, 18), ("lake", 118, -26, 6, 16),
        ("frightened", 48, -40, 42, 6), ("fishermen", 66, -50, 44, 4),
    ):  # fmt: skip
        drawing.arrow((x, y), (x + dx, y + dy), kind="blue")
        drawing.text(x + dx / 2 + ox, y + dy / 2 + oy, word, "soft")
        x, y = x + dx, y + dy
    drawing.line([start, (x, y)], "dashed")
    drawing.arrow((x - 1, y + 0.4), (x, y))
    drawing.text(x + 14, y - 6, "the question", "start")
    near = (start[0] + 320, start[1] - 172)
    drawing.arrow(start, near, kind="warm")
    drawing.text(near[0] + 10, near[1] - 6, "“… A wind storm came down …”", "start")
    far = (start[0] + 14, start[1] - 190)
    drawing.arrow(start, far, kind="")
    drawing.text(far[0] - 4, far[1] - 12, "“… gold, and silver, and brass …”", "start")
    drawing.text(
        360, 254, "Frequent words are short. Only the direction counts: a small angle is a high similarity.", "soft"
    )
    return drawing


def chunk() -> Drawing:
    """Show a chunk of skip-gram: the scores of targets and shared noise with the inputs."""
    drawing = Drawing(
        720, 424, "The matrix of scores of a chunk: a band of observed pairs, and rows of noise words shared by all."
    )
    n_targets, reach, n_noise, size = 8, 3, 4, 24
    n_inputs = n_targets + 2 * reach
    left, top = 250, 76
    words = "the old king gave his daughter a crown of gold and a robe".split()
    words = [*words, "too"][:n_inputs]
    for column, word in enumerate(words):
        x = left + size * column + size / 2
        drawing.parts.append(
            f'<text transform="translate({x:g} {top - 8}) rotate(-50)" class="start soft">{escape(word)}</text>'
        )
    for row in range(n_targets):
        drawing.text(left - 10, top + size * (row + 0.5), words[row + reach], "end")
        radius = (3, 2, 3, 1, 3, 2, 3, 1)[row]
        for column in range(n_inputs):
            distance = abs(column - row - reach)
            is_pair = 1 <= distance <= radius
            drawing.cell(left + size * column, top + size * row, size, 0.85 if is_pair else 0.04)
    noise = ["river", "were", "seven", "stone"]
    below = top + size * n_targets + 14
    for row in range(n_noise):
        drawing.text(left - 10, below + size * (row + 0.5), noise[row], "end")
        for column in range(n_inputs):
            is_target = reach <= column < reach + n_targets
            drawing.cell(left + size * column, below + size * row, size, 0.6 if is_target else 0.04, "on-warm")
    drawing.text(left + size * n_inputs / 2, below + size * n_noise + 22, "H inputs: their rows are X", "soft")
    drawing.text(96, top + size * n_targets / 2 - 9, "T targets", "end")
    drawing.text(96, top + size * n_targets / 2 + 9, "rows of Y", "soft end")
    drawing.text(96, below + size * n_noise / 2 - 9, "N noise words", "end")
    drawing.text(96, below + size * n_noise / 2 + 9, "rows of Y, too", "soft end")
    right = left + size * n_inputs + 14
    drawing.text(right, top + 40, "pulled together:", "start")
    drawing.text(right, top + 60, "α (1 − σ(score))", "code start")
    drawing.text(right, below + 36, "pushed apart:", "start")
    drawing.text(right, below + 56, "−α w σ(score)", "code start")
    return drawing


def layer() -> Drawing:
    """Show the two orders of a layer."""
    drawing = Drawing(720, 430, "A layer with the norm before its parts, and one with the norm after.")
    for left, title, is_pre in ((60, "pre-norm", True), (420, "post-norm", False)):
        middle, width = left + 95, 150
        x = middle - width / 2
        drawing.text(middle, 16, title)
        drawing.text(middle, 414, "x", "code")
        order = ["attention", "feed-forward"]
        bottom = 398
        for number, part in enumerate(order):
            y = bottom - 180 * number
            if is_pre:
                drawing.arrow((middle, y), (middle, y - 36))
                drawing.box(x, y - 66, width, 30, "norm")
                drawing.arrow((middle, y - 66), (middle, y - 82))
                drawing.box(x, y - 116, width, 34, part, "blue" if number == 0 else "warm")
                plus = y - 142
            else:
                drawing.arrow((middle, y), (middle, y - 36))
                drawing.box(x, y - 70, width, 34, part, "blue" if number == 0 else "warm")
                plus = y - 98
            drawing.arrow((middle, plus + (26 if is_pre else 28)), (middle, plus + 12))
            drawing.circle(middle, plus, 11, "+")
            drawing.arrow((middle, y - 14), (middle - 105, y - 14), (middle - 105, plus), (middle - 11, plus))
            if not is_pre:
                drawing.arrow((middle, plus - 11), (middle, plus - 28))
                drawing.box(x, plus - 58, width, 30, "norm")
                drawing.line([(middle, plus - 58), (middle, bottom - 180 * (number + 1))])
            else:
                drawing.line([(middle, plus - 11), (middle, bottom - 180 * (number + 1))])
        drawing.text(middle - 112, 300, "x itself", "soft end")
    for left in (60, 420):
        drawing.arrow((left + 95, 40), (left + 95, 30))
    return drawing


def attention() -> Drawing:
    """Show one head: products of queries and keys, their softmax, and the mean of values."""
    drawing = Drawing(720, 330, "Scores of queries and keys become weights, and weights average the values.")
    words = ["birds", "fly", "over", "the", "sea"]
    scores = np.array(
        [
            [2.4, 1.6, 0.2, -1.0, 1.0], [2.2, 1.8, 0.9, -1.2, 0.6], [0.4, 1.4, 1.2, -0.4, 2.0],
            [0.3, -0.2, 0.2, 0.6, 2.2], [1.2, 0.4, 1.0, -0.2, 2.4],
        ]
    )  # fmt: skip
    weights = softmax(scores)
    values = np.array(
        [[0.9, 0.2, 0.1, 0.3], [0.1, 0.9, 0.4, 0.2], [0.3, 0.6, 0.9, 0.1], [0.5, 0.1, 0.2, 0.4], [0.2, 0.3, 0.6, 0.9]]
    )
    size, top = 34, 90
    for left, matrix, title, formula, kind in (
        (96, (scores + 1.2) / 3.6, "scores", "q · k / √D", "on-blue"),
        (334, weights, "weights", "softmax by rows", "on-warm"),
    ):
        drawing.text(left + size * 2.5, 18, title)
        drawing.text(left + size * 2.5, 38, formula, "code soft")
        for column, word in enumerate(words):
            drawing.text(left + size * (column + 0.5), top - 14, word, "soft")
        for row in range(5):
            for column in range(5):
                drawing.cell(left + size * column, top + size * row, size, float(matrix[row, column]), kind)
                value = scores[row, column] if kind == "on-blue" else weights[row, column]
                words_in = f"{value:.1f}" if kind == "on-blue" else f"{value:.2f}".lstrip("0")
                is_strong = matrix[row, column] > 0.45
                kind_in = "soft on-cell" if is_strong else "soft"
                drawing.text(left + size * (column + 0.5), top + size * (row + 0.5), words_in, kind_in)
    for row, word in enumerate(words):
        drawing.text(86, top + size * (row + 0.5), word, "end")
    drawing.arrow((276, top + size * 2.5), (322, top + size * 2.5))
    drawing.arrow((514, top + size * 2.5), (560, top + size * 2.5))
    drawing.text(638, 18, "rows")
    drawing.text(638, 38, "Σ p v", "code soft")
    for row in range(5):
        for column in range(4):
            drawing.cell(570 + size * column, top + size * row, size, float((weights @ values)[row, column]))
    words_below = "Each row of weights sums to 1. “over” looks at “sea” and “fly”: its new row is made of their values."
    drawing.text(360, 294, words_below, "soft")
    return drawing


def positions() -> Drawing:
    """Show sinusoidal rows, and the biases that relative positions start with."""
    drawing = Drawing(720, 300, "Sinusoidal positions as a picture, and the starting biases of relative positions.")
    n_places, dim, width, height = 40, 24, 9, 8
    left, top = 60, 56
    drawing.text(left + n_places * width / 2, 18, "sinusoidal: a row is added to each token")
    rates = 10000.0 ** (-2 * (np.arange(dim) // 2) / dim)
    angles = np.arange(n_places)[:, None] * rates
    rows = np.where(np.arange(dim) % 2 == 0, np.sin(angles), np.cos(angles))
    for place in range(n_places):
        for column in range(dim):
            value = float(rows[place, column])
            kind = "on-blue" if value >= 0 else "on-warm"
            drawing.cell(left + width * place, top + height * column, width, abs(value), kind, height)
    drawing.text(left + n_places * width / 2, top + dim * height + 20, "position of the token →", "soft")
    drawing.text(left - 8, top + dim * height / 2, "column", "soft end")
    left, size = 490, 24
    drawing.text(left + 3.5 * size, 18, "relative: a bias for every distance")
    for row in range(7):
        for column in range(7):
            distance = column - row
            kind = "on-blue" if distance == -1 else "on-warm"
            drawing.cell(left + size * column, top + size * row, size, 0.9 if abs(distance) == 1 else 0.04, kind)
    drawing.text(left + 3.5 * size, top + 7 * size + 18, "one head starts looking back,", "soft")
    drawing.text(left + 3.5 * size, top + 7 * size + 36, "one looking ahead", "soft")
    return drawing


def activations() -> Drawing:
    """Show the three activations."""
    drawing = Drawing(720, 230, "GELU, ReLU and tanh as curves.")
    grid = np.linspace(-3.0, 3.0, 121)
    curves: list[tuple[str, Callable[[float], float]]] = [
        ("GELU", lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2)))),
        ("ReLU", lambda x: max(x, 0.0)),
        ("tanh", math.tanh),
    ]
    for number, (name, function) in enumerate(curves):
        middle, base, scale = 130 + 230 * number, 150, 32
        drawing.line([(middle - 100, base), (middle + 100, base)])
        drawing.line([(middle, 40), (middle, 200)])
        drawing.line([(middle + scale * float(x), base - scale * function(float(x))) for x in grid], "blue")
        drawing.text(middle, 18, name)
    return drawing


def packing() -> Drawing:
    """Show sentences packed one after another beside sentences padded to one length."""
    drawing = Drawing(720, 230, "Sentences packed one after another take less room than padded sentences.")
    lengths, size = (5, 9, 2, 7), 22
    drawing.text(24, 20, "padded: B × T rows, and much of a batch is padding", "start")
    for row, length in enumerate(lengths):
        for column in range(max(lengths)):
            kind = "on-blue" if column < length else "on-warm"
            drawing.cell(24 + size * column, 38 + size * row, size, 0.75 if column < length else 0.12, kind)
    drawing.text(24, 158, "packed: N rows one after another, and where each sentence begins", "start")
    x = 24
    for number, length in enumerate(lengths):
        for column in range(length):
            drawing.cell(x + size * column, 176, size, 0.75 - 0.25 * (number % 2))
        drawing.text(x, 212, str(sum(lengths[:number])), "code soft start")
        x += size * length
    drawing.text(x, 212, str(sum(lengths)), "code soft")
    drawing.text(x + 20, 212, "offsets", "soft start")
    return drawing


def branch() -> Drawing:
    """Show the head that starts as a weighted sum and learns to differ from it."""
    drawing = Drawing(720, 270, "The network gives each word a scale and an offset; at first 1 and 0.")
    drawing.box(20, 104, 120, 56, "x\nweighted row", "blue")
    drawing.box(230, 20, 190, 56, "layers of attention\nh", "warm")
    drawing.arrow((80, 104), (80, 48), (220, 48))
    drawing.text(150, 36, "x W + b", "code soft")
    drawing.box(500, 20, 150, 56, "[o, g] = h V + c\nV, c start at 0")
    drawing.arrow((420, 48), (492, 48))
    drawing.circle(470, 132, 14, "×")
    drawing.circle(575, 132, 14, "+")
    drawing.arrow((140, 132), (454, 132))
    drawing.arrow((530, 76), (530, 100), (470, 100), (470, 116))
    drawing.text(500, 90, "exp(g)", "code soft")
    drawing.arrow((575, 76), (575, 116))
    drawing.text(590, 96, "o", "code soft")
    drawing.arrow((484, 132), (559, 132))
    drawing.arrow((589, 132), (640, 132))
    drawing.box(642, 112, 62, 40, "y")
    drawing.arrow((673, 152), (673, 196))
    drawing.text(714, 212, "sentence = Σ y", "end")
    words_below = (
        "As long as V and c are zero, y = x: training begins at the weighted sum, and leaves it only to improve."
    )
    drawing.text(20, 246, words_below, "soft start")
    return drawing


def contrast() -> Drawing:
    """Show what a batch asks: which of all second sentences belongs to each first one."""
    drawing = Drawing(
        720, 330, "A matrix of cosines: those that belong together are on the diagonal, hard negatives beside."
    )
    n, n_hard, size, left, top = 6, 6, 30, 150, 74
    likeness = np.random.default_rng(5).uniform(0.05, 0.4, (n, n + n_hard))
    np.fill_diagonal(likeness[:, :n], 0.9)
    np.fill_diagonal(likeness[:, n:], 0.55)
    for row in range(n):
        drawing.text(left - 10, top + size * (row + 0.5), f"a{chr(0x2081 + row)}", "end code")
        for column in range(n + n_hard):
            x = left + size * column + (16 if column >= n else 0)
            is_hard = column >= n
            kind = "on-warm" if is_hard else "on-blue"
            drawing.cell(x, top + size * row, size, float(likeness[row, column]), kind)
    for column in range(n + n_hard):
        x = left + size * (column + 0.5) + (16 if column >= n else 0)
        name = "b" if column < n else "c"
        drawing.text(x, top - 14, f"{name}{chr(0x2081 + column % n)}", "code soft")
    drawing.text(left + size * n / 2, 20, "second sentences")
    drawing.text(left + size * (n + n_hard / 2) + 16, 20, "hard negatives")
    drawing.text(left - 44, top + size * n / 2, "first", "end")
    drawing.text(left - 44, top + size * n / 2 + 18, "sentences", "end soft")
    below = top + size * n + 26
    for number, words in enumerate(
        (
            "Each row asks: which column is mine? Each column of the left part asks the same of the rows.",
            "The diagonal is the answer; everything else in the batch is a wrong answer.",
        )
    ):
        drawing.text(left, below + 20 * number, words, "soft start")
    return drawing


def huffman() -> Drawing:
    """Show the path to a word in a Huffman tree."""
    drawing = Drawing(720, 300, "A Huffman tree: frequent words are near the root; a word is a path of decisions.")
    nodes = {"root": (360, 36), "a": (220, 96), "b": (500, 96), "c": (300, 156), "d": (420, 156), "e": (360, 216)}
    leaves = {"the": (130, 160, "a"), "of": (250, 222, "c"), "sea": (580, 160, "b"), "king": (470, 222, "d")}
    deep = {"gold": (310, 274, "e"), "robe": (410, 274, "e")}
    for first, second in (("root", "a"), ("root", "b"), ("a", "c"), ("b", "d"), ("c", "e")):
        is_path = (first, second) in {("root", "a"), ("a", "c"), ("c", "e")}
        drawing.line([nodes[first], nodes[second]], "blue" if is_path else "")
    for word, (x, y, parent) in {**leaves, **deep}.items():
        drawing.line([nodes[parent], (x, y - 14)], "blue" if word == "gold" else "")
        drawing.box(x - 30, y - 14, 60, 28, word, "blue" if word == "gold" else "")
    drawing.line([nodes["d"], (400, 206)], "dashed")
    drawing.text(398, 214, "…", "soft")
    for name, (x, y) in nodes.items():
        drawing.circle(x, y, 12, "", "blue" if name in {"root", "a", "c", "e"} else "")
    drawing.text(384, 30, "every inner node has an output row y", "soft start")
    drawing.text(20, 274, "p(gold | x): four decisions instead of V products", "soft start")
    return drawing


FIGURES: dict[str, Callable[[], Drawing]] = {
    figure.__name__: figure
    for figure in (pipeline, sums, chunk, layer, attention, positions, activations, packing, branch, contrast, huffman)
}


if __name__ == "__main__":
    for name, figure in FIGURES.items():
        (FOLDER / f"{name}.svg").write_text(figure().svg(), encoding="utf-8")
