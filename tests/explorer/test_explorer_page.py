"""The explorer's page in Chromium: what it shows, that hostile words stay text, and that it can be used by keyboard.

Needs Playwright (extra `browser`) and a Chromium, which W2V_CHROMIUM names or the PATH has.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from tests.helpers.examples.explorer_examples import HOSTILE, TOPICS, save_attention, save_model
from tests.helpers.examples.label_examples import mistaken_classifier
from tests.helpers.examples.pictures import bar_classifier, bars, write_folder
from tests.helpers.examples.tag_models import name_tagger
from tests.helpers.examples.text_models import counting_model, number_translator
from tests.helpers.explorer_pages import Opened, serve
from w2v.neural.names import JUDGES

pytest.importorskip("starlette")

pytestmark = pytest.mark.browser

READY = "() => document.querySelector('[role=tabpanel]:not([hidden])') !== null"


@pytest.fixture(scope="module")
def words_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(save_model(tmp_path_factory.mktemp("words"), 3000))


@pytest.fixture(scope="module")
def encoder_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(save_attention(tmp_path_factory.mktemp("sentences")))


@pytest.fixture(scope="module")
def translator_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("translator") / "numbers.translator"
    number_translator().save(folder)
    yield from serve(folder)


@pytest.fixture(scope="module")
def model_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("lines") / "lines.lm"
    counting_model().save(folder)
    yield from serve(folder)


def saved(model: Any, folder: Path) -> Path:
    model.save(folder / "m")
    return folder / "m"


@pytest.fixture(scope="module")
def classifier_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(saved(mistaken_classifier(), tmp_path_factory.mktemp("classifier")))


@pytest.fixture(scope="module")
def tagger_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(saved(name_tagger(), tmp_path_factory.mktemp("tagger")))


@pytest.fixture(scope="module")
def pictures_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from serve(saved(bar_classifier(), tmp_path_factory.mktemp("pictures")))


@pytest.fixture
def look(browser: Any) -> Iterator[Any]:
    opened: list[Opened] = []

    def open_page(address: str, **options: Any) -> Opened:
        opened.append(Opened(browser, address, **options))
        return opened[-1]

    yield open_page
    for seen in opened:
        assert seen.complaints == []
        assert seen.foreign == []
        seen.page.context.close()


def test_page_searches_as_one_types(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.page.locator("#search").press_sequentially("ho", delay=30)
    seen.wait(lambda: "horse" in seen.words("#completions .word"))
    seen.wait(lambda: len(seen.words()) == 24)
    assert seen.page.locator("#answer h2").inner_text() == "horse"
    assert {*TOPICS["animals"], "horse"} - {*seen.words()} == {"horse"}
    seen.page.keyboard.press("ArrowDown")
    assert seen.page.locator("#completions [aria-selected=true]").inner_text() == "horse"
    seen.page.keyboard.press("Enter")
    seen.wait(lambda: seen.page.url.endswith("#/words/horse"))


def test_page_adds_words_up(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.page.locator("#search").press_sequentially("cat - dog + re", delay=20)
    seen.wait(lambda: seen.words("#completions .word") == ["red"])
    seen.page.locator("#completions .chip").click()
    seen.wait(
        lambda: (
            seen.page.locator("#answer h2").count()
            and seen.page.locator("#answer h2").inner_text() == "cat - dog + red"
        )
    )
    assert seen.words()[0] in TOPICS["colours"]


def test_page_says_that_it_shows_a_guess(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.page.locator("#search").press_sequentially("hrose", delay=20)
    seen.wait(lambda: seen.page.locator("#answer .guess").count() == 1)
    guess = seen.page.locator("#answer .guess").inner_text()
    assert guess == "“hrose” is not in the vocabulary. Showing: horse?"
    seen.page.locator("#search").fill("hors")  # which "horse" begins with
    seen.wait(lambda: seen.page.locator("#answer .guess").count() == 0)
    assert seen.page.locator("#answer h2").inner_text() == "horse"


def test_page_shows_what_is_near_to_the_mean_of_several_words(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.page.locator("#search").press_sequentially("red blue", delay=20)
    seen.wait(lambda: "mean of its words" in seen.page.locator("#answer").inner_text())
    assert seen.page.locator("#answer h2").inner_text() == "red blue"
    assert seen.words()[0] in TOPICS["colours"]


def corner(seen: Opened) -> tuple[float, float]:
    """Return a place on the map's lower right corner, where no word is."""
    box = seen.page.locator("#map").bounding_box()
    assert box is not None
    return box["x"] + box["width"] - 4, box["y"] + box["height"] - 4


def test_page_leads_back_where_no_word_is_in_sight(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.wait(lambda: seen.page.locator("#progress").is_hidden())
    assert seen.page.locator("#lost").is_hidden()
    seen.page.mouse.move(*corner(seen))
    for _ in range(12):
        seen.page.mouse.wheel(0, -300)
    seen.wait(lambda: seen.page.locator("#lost").is_visible())
    seen.page.locator("#lost").click()
    seen.wait(lambda: seen.page.locator("#lost").is_hidden())


def test_page_goes_from_word_to_word_and_back(look: Any, words_address: str) -> None:
    seen = look(words_address + "#/words/red")
    seen.wait(lambda: len(seen.words()) == 24)
    nearest = seen.words()[0]
    assert nearest in TOPICS["colours"]
    seen.page.locator("#answer .ranking button").first.click()
    seen.wait(lambda: seen.page.locator("#answer h2").inner_text() == nearest)
    seen.page.go_back()
    seen.wait(lambda: seen.page.locator("#answer h2").inner_text() == "red")


def test_page_corrects_spelling(look: Any, words_address: str) -> None:
    seen = look(words_address + "#/words/yelow")
    seen.wait(lambda: seen.words("#answer .chip") == ["yellow"])
    seen.page.locator("#answer .chip").click()
    seen.wait(lambda: seen.page.locator("#answer h2").inner_text() == "yellow")


def test_page_shows_hostile_words_as_text(look: Any, words_address: str) -> None:
    seen = look(words_address)
    title = seen.page.title()
    for word in HOSTILE:
        if len(word) > 200:
            continue
        seen.page.evaluate("(word) => { location.hash = `#/words/${encodeURIComponent(word)}`; }", word)
        shown = {"\u202egnp.exe": "‹202e›gnp.exe", "a\nb\tc\x00d": "a‹a›b‹9›c‹0›d", " ": "␣"}.get(word, word)
        seen.wait(lambda shown=shown: shown in seen.words("#answer h2 .word"))
    assert seen.page.title() == title
    assert seen.page.locator("img, body script, svg[onload], iframe").count() == 0
    assert seen.page.evaluate("() => ({}).polluted") is None


def test_page_answers_analogies_and_draws_them(look: Any, words_address: str) -> None:
    seen = look(words_address + "#/analogy/one/two/three")
    seen.wait(lambda: len(seen.words("#analogy-answer .word")) == 10)
    seen.page.locator("#analogy-b").fill("red")
    seen.wait(lambda: seen.page.url.endswith("#/analogy/one/red/three"))
    seen.wait(
        lambda: seen.words("#analogy-answer .word")[:1] and seen.words("#analogy-answer .word")[0] in TOPICS["colours"]
    )
    seen.page.get_by_label("multiply").check()
    seen.wait(lambda: float(seen.page.locator("#analogy-answer .score").first.inner_text()) > 0)


def test_page_compares_sentences_by_word_weights(look: Any, words_address: str) -> None:
    seen = look(words_address + "#/sentences")
    seen.page.locator("#first").fill("a red cat")
    seen.page.locator("#second").fill("the blue dog <b>")
    seen.wait(lambda: seen.page.locator(".similarity strong").count() == 1)
    assert seen.words(".shares .word") == ["red", "cat", "blue", "dog"]
    assert seen.page.locator(".heat td:not(thead td)").count() == 4
    assert seen.page.locator("select").count() == 0
    seen.page.reload()
    seen.wait(lambda: seen.words(".shares .word") == ["red", "cat", "blue", "dog"])
    seen.page.locator("#second").fill("unheard of")
    seen.wait(lambda: "No word of the second sentence" in seen.page.locator("#comparison").inner_text())


def test_page_shows_attention_by_layer_and_head(look: Any, encoder_address: str) -> None:
    seen = look(encoder_address + "#/sentences")
    seen.page.locator("#first").fill("one red cat")
    seen.page.locator("#second").fill("two dogs and a dog")
    seen.wait(lambda: seen.page.locator(".heat").count() == 3)
    values = seen.page.locator(".heat").first.locator("td span").all_text_contents()
    assert len(values) == 9
    assert sum(map(float, values[:3])) == pytest.approx(1, abs=0.02)
    seen.page.get_by_label("Head").select_option("2")
    seen.wait(lambda: seen.page.locator(".heat").first.locator("td span").all_text_contents() != values)
    seen.page.locator(".heat").first.locator("tbody td").first.hover()
    assert "gives" in seen.page.locator(".reading").first.inner_text()


def assert_map(screenshot: bytes) -> None:
    """Look for words and points beside the panel and the buttons."""
    pixels = imread(io.BytesIO(screenshot))[:, 450:1000, :3]
    assert (pixels.max(axis=2) < 0.35).sum() > 1000  # words
    assert (np.ptp(pixels, axis=2) > 0.2).sum() > 2000  # points


def test_map_comes_back_when_the_graphics_card_was_lost(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.page.locator("#progress").wait_for(state="hidden")
    seen.page.evaluate(
        """() => {
  window.card = document.getElementById("points").getContext("webgl2").getExtension("WEBGL_lose_context");
  window.card.loseContext();
}"""
    )
    seen.page.wait_for_timeout(200)
    seen.page.mouse.move(700, 300)
    seen.page.evaluate("() => window.card.restoreContext()")
    seen.page.mouse.move(5, 5)
    seen.page.wait_for_timeout(1600)
    seen.complaints[:] = [said for said in seen.complaints if "CONTEXT_LOST" not in said]  # the browser's own
    assert_map(seen.page.screenshot())


def test_map_is_drawn_dragged_and_clicked(look: Any, words_address: str) -> None:
    seen = look(words_address)
    seen.page.locator("#progress").wait_for(state="hidden")
    seen.page.wait_for_timeout(1600)
    before = seen.page.screenshot()
    assert_map(before)
    seen.page.mouse.move(760, 380)
    seen.page.mouse.down()
    seen.page.mouse.move(820, 430, steps=4)
    seen.page.mouse.up()
    seen.page.wait_for_timeout(300)
    assert seen.page.screenshot() != before
    seen.page.locator("#zoom-all").click()
    seen.page.wait_for_timeout(900)
    for x, y in ((x, y) for y in range(200, 600, 7) for x in range(600, 1000, 23)):
        seen.page.mouse.move(x, y)
        if seen.page.locator("#tip").is_visible():
            break
    hovered = seen.page.locator("#tip .word").inner_text()
    seen.page.mouse.click(x, y)
    seen.wait(
        lambda: seen.page.locator("#answer h2").count() and seen.page.locator("#answer h2").inner_text() == hovered
    )


def test_map_is_used_by_keyboard(look: Any, words_address: str) -> None:
    seen = look(words_address, reduced_motion="reduce")
    seen.page.locator("#points").focus()
    for key in ("+", "+", "ArrowLeft", "ArrowUp", "-", "0"):
        seen.page.keyboard.press(key)
    seen.page.wait_for_timeout(100)
    spoken = seen.page.locator("#live").inner_text()
    seen.page.keyboard.press("Enter")
    seen.wait(lambda: seen.page.locator("#answer h2").count() == 1)
    assert spoken
    seen.page.keyboard.press("Escape")
    seen.wait(lambda: seen.page.locator("#answer h2").count() == 0)
    seen.page.keyboard.press("/")
    assert seen.page.evaluate("() => document.activeElement.id") == "search"
    seen.page.locator("#tab-words").focus()
    seen.page.keyboard.press("ArrowRight")
    seen.wait(lambda: seen.page.locator("#analogy").is_visible())
    assert seen.page.evaluate("() => document.activeElement.id") == "tab-analogy"
    seen.page.keyboard.press("?")
    seen.wait(lambda: seen.page.locator("#help").is_visible())
    seen.page.keyboard.press("Escape")
    seen.wait(lambda: not seen.page.locator("#help").is_visible())


def test_page_has_light_and_dark(look: Any, words_address: str) -> None:
    ground = "() => getComputedStyle(document.documentElement).backgroundColor"
    light = look(words_address, color_scheme="light")
    dark = look(words_address, color_scheme="dark")
    assert light.page.evaluate(ground) != dark.page.evaluate(ground)
    for _ in range(2):  # from what the system has to light, then to dark
        light.page.locator("#theme").click()
    assert light.page.evaluate(ground) == dark.page.evaluate(ground)
    light.page.reload()
    light.wait(lambda: light.page.evaluate(ground) == dark.page.evaluate(ground))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_can_be_read_and_named(scheme: str, look: Any, encoder_address: str) -> None:
    """Every control has a name, and text stands out from what is behind it by 4.5 to 1."""
    seen = look(encoder_address + "#/sentences", color_scheme=scheme)
    seen.page.locator("#first").fill("one red cat")
    seen.page.locator("#second").fill("two dogs and a dog")
    seen.wait(lambda: seen.page.locator(".heat").count() == 3)
    nameless = seen.page.evaluate(NAMELESS)
    assert nameless == []
    for address in ("#/sentences", "#/words/cat", "#/analogy/cat/red/dog"):
        seen.page.evaluate("(hash) => { location.hash = hash; }", address)
        seen.page.wait_for_timeout(500)
        assert seen.page.evaluate(CONTRASTS) == []


NAMELESS = """() => {
  const controls = [...document.querySelectorAll("button, input, textarea, select, canvas[tabindex]")];
  const isNamed = (e) => e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim();
  return controls.filter((e) => !isNamed(e)).map((e) => e.id);
}"""
CONTRASTS = """() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const paint = (color) => { context.fillStyle = color; context.fillRect(0, 0, 1, 1); };
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = () => {
    const [red, green, blue] = [...context.getImageData(0, 0, 1, 1).data].map((v) => linear(v / 255));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const poor = [];
  for (const element of document.querySelectorAll(".panel *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
    if (!text || !element.checkVisibility() || element.closest(".visually-hidden, option")) continue;
    const behind = [];
    for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    behind.forEach(paint);
    const ground = light();
    const style = getComputedStyle(element);
    context.globalAlpha = Number(style.opacity);
    paint(style.color);
    context.globalAlpha = 1;
    const ink = light();
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (ratio < 4.5) poor.push(`${text.slice(0, 20)} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


LABELS = """async () => {
  const { Labels } = await import("/page/drawing/labels.js");
  const { Camera } = await import("/page/drawing/camera.js");
  const labels = new Labels({ forget() {} });
  labels.setTheme({ font: "sans-serif" });
  const camera = new Camera();
  camera.resize(1000, 700, { left: 0, bottom: 0 });
  const n = 20000;
  const points = Float32Array.from({ length: 2 * n }, (_, i) => Math.sin(i * i) * Math.cos(i / 7));
  const words = Array.from({ length: n }, (_, i) => "word".repeat(1 + (i % 3)) + i);
  const map = {
    camera, words, points, hover: null, morph: null, letters: () => [13, 500],
    highlight: { marks: new Map(), lines: [] },
  };
  const place = () => {
    const placed = [...labels.place(map)].map(([place, { x, y, size }]) => ({ place, x, y, ...size }));
    const overlaps = placed.filter((a) => placed.some((b) => a.place < b.place && a.x < b.x + b.width &&
      b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height)).length;
    const inside = placed.filter(({ x, y }) => x > 100 && x < 800 && y > 100 && y < 600).map(({ place }) => place);
    return { overlaps, inside, ranks: Math.max(...inside) };
  };
  camera.zoom(3);
  const before = place();
  camera.move(37, -21);
  const after = place();
  camera.zoom(8);
  return { before, after, near: place() };
}"""


def test_labels_do_not_collide_nor_jump_and_rarer_ones_come_when_near(look: Any, words_address: str) -> None:
    found = look(words_address).page.evaluate(LABELS)
    assert [found[when]["overlaps"] for when in ("before", "after", "near")] == [0, 0, 0]
    before, after = ({*found[when]["inside"]} for when in ("before", "after"))
    assert len(before) > 20
    assert len(before & after) > 0.8 * len(before)  # but for those that have left the part that is looked at
    assert found["near"]["ranks"] > found["before"]["ranks"]


@pytest.mark.parametrize(("width", "height"), [(360, 640), (660, 500), (700, 500), (1920, 1080)])
def test_page_fits_windows_of_all_sizes(width: int, height: int, look: Any, words_address: str) -> None:
    seen = look(words_address + "#/words/red")
    seen.page.set_viewport_size({"width": width, "height": height})
    seen.page.wait_for_timeout(300)
    for selector in ("#search", "#tab-sentences", "#theme", "#zoom-in"):
        box = seen.page.locator(selector).bounding_box()
        assert box is not None
        assert 0 <= box["x"] and box["x"] + box["width"] <= width
        assert 0 <= box["y"] and box["y"] + box["height"] <= height
    assert seen.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_page_says_that_the_server_has_gone(look: Any, tmp_path: Path) -> None:
    serving = serve(save_model(tmp_path))
    seen = look(next(serving))
    serving.close()  # type: ignore[attr-defined]
    seen.page.locator("#search").fill("cat")
    seen.wait(lambda: "The explorer has ended" in seen.page.locator("#notice").inner_text())
    seen.complaints.clear()  # the browser's own, of the refused connection


def test_page_works_without_webgl(browser: Any, words_address: str) -> None:
    page = browser.new_context().new_page()
    page.add_init_script(
        "HTMLCanvasElement.prototype.getContext = new Proxy(HTMLCanvasElement.prototype.getContext, "
        "{ apply: (f, canvas, given) => given[0] === 'webgl2' ? null : Reflect.apply(f, canvas, given) });"
    )
    page.goto(words_address + "#/words/red")
    page.locator("#answer h2").wait_for()
    assert "no WebGL 2" in page.locator("#notice").inner_text()
    page.context.close()


def test_page_of_a_translator_shows_pieces_and_what_they_look_at(look: Any, translator_address: str) -> None:
    seen = look(translator_address, ready=READY)
    assert not seen.page.locator("#tabs").is_visible()
    seen.page.locator("#source").fill("eins zwei drei")
    seen.wait(lambda: seen.words("article .pieces .piece") == ["three", "two", "one"])
    assert seen.words(".heat tbody th .word") == ["three", "two", "one"]
    assert seen.words(".heat thead th .word") == ["eins", "zwei", "drei"]
    seen.page.locator(".piece").nth(1).hover()
    assert seen.words(".details .chosen .word") == ["two"]
    assert len(seen.words(".details .word")) == 5
    seen.page.locator(".pieces").focus()
    seen.page.keyboard.press("ArrowRight")
    assert seen.words(".details .chosen .word") == ["one"]
    candidates = seen.words(".candidates .word")
    assert len(candidates) == 5
    seen.page.locator(".candidates button").nth(1).click()
    assert " ".join(seen.words("article .pieces .piece")) == candidates[1]
    seen.page.locator("#beam").fill("1")
    seen.page.locator("#beam").blur()
    seen.wait(lambda: seen.page.locator(".candidates").count() == 0)
    seen.page.reload()
    seen.wait(lambda: seen.words("article .pieces .piece") == ["three", "two", "one"])
    assert seen.page.locator("#beam").input_value() == "1"
    seen.page.locator("#beam").fill("99")
    seen.page.locator("#beam").blur()
    seen.wait(lambda: "Beam must be from 1 to 20 here" in seen.page.locator("#translations").inner_text())
    seen.complaints.clear()  # the browser's own, of the refused question


def test_page_of_a_language_model_writes_and_judges(look: Any, model_address: str) -> None:
    seen = look(model_address, ready=READY)
    seen.page.locator("#prompt").fill("one <i>")
    seen.page.locator("#top-k").fill("1")
    seen.page.locator("#go").click()
    expected = [written.piece for written in counting_model().explain("one <i>", top_k=1, max_tokens=100)]
    seen.wait(lambda: seen.page.locator("#go").inner_text() == "Write")
    assert seen.words(".piece") == [{"</s>": "end"}.get(piece, piece) for piece in expected]
    assert seen.words(".given") == ["one <i>"]
    assert seen.page.locator(".details .row").count() >= 5
    seen.page.reload()
    seen.wait(lambda: len(seen.words(".piece")) == len(expected))
    hostile = ["one <script>alert(1)</script> two", "</s> \u202eabc javascript:alert(1)"]
    seen.page.locator("#tab-score").click()
    seen.page.locator("#judged").fill("\n".join(["one two three", *hostile]))
    seen.wait(lambda: seen.page.locator("#judgement .text").count() == 3)
    assert seen.words("#judgement .piece")[:4] == ["one", "two", "three", "end"]
    shown = [float(text) for text in seen.page.locator(".totals strong").all_inner_texts()]
    lines = ["one two three", *hostile]
    assert shown == pytest.approx([counting_model().perplexity(lines, by=by) for by in JUDGES[:2]], abs=0.006)


def test_page_of_a_classifier_shows_labels_words_and_mistakes(look: Any, classifier_address: str) -> None:
    seen = look(classifier_address, ready=READY)
    seen.page.locator("#to-classify").fill("the river and the gold <i>")
    seen.wait(lambda: len(seen.words(".labels .word")) == 2)
    assert seen.words(".piece") == ["the", "river", "and", "the", "gold", "i"]
    [p] = mistaken_classifier().predict_proba(["the river and the gold <i>"])
    best = mistaken_classifier().classes_[p.argmax()]
    assert seen.words(".labels .said .word") == [best] == seen.words(".labels [aria-pressed=true] .word")
    words = {"metal": ("gold", "river"), "water": ("river", "gold")}
    assert seen.words(".piece.on") in ([words[best][0]], [words[best][1]])
    assert words[best][0] in seen.words(".piece.for") and words[best][1] in seen.words(".piece.against")
    seen.page.locator(".labels button").nth(1).click()
    assert words[best][1] in seen.words(".piece.for") and words[best][0] in seen.words(".piece.against")
    seen.page.reload()
    seen.wait(lambda: seen.words(".piece")[:2] == ["the", "river"])
    seen.page.locator("#tab-examples").click()
    seen.wait(lambda: len(seen.words("#examples > .example button")) > 0)
    examples = mistaken_classifier().network_.examples
    assert examples is not None
    assert len(seen.words("#examples > .example")) == len(examples.mistakes)
    assert "<script>" in "".join(seen.words(".example"))
    seen.page.locator(".example button").first.click()
    seen.wait(lambda: seen.page.locator("#to-classify").input_value() == examples.kept[0]["text"])


def test_page_of_a_tagger_colours_words(look: Any, tagger_address: str) -> None:
    seen = look(tagger_address, ready=READY)
    seen.page.locator("#to-tag").fill("we met Anna Lee in Rome .\nBen slept")
    seen.wait(lambda: seen.page.locator("article").count() == 2)
    assert seen.words(".piece.tagged")[:3] == ["Anna", "Lee", "Rome"]
    assert seen.words(".legend .word") == ["LOC", "PER"]
    labels = seen.page.locator(".piece.tagged").evaluate_all(
        "all => all.slice(0, 3).map(one => one.dataset.label ?? '')"
    )
    assert labels == ["PER", "", "LOC"]
    seen.page.locator(".piece.tagged").nth(2).hover()
    assert seen.words("article:nth-of-type(1) .details .chosen .word") == ["LOC"]
    seen.page.locator("#tab-examples").click()
    seen.wait(lambda: "held-out sentences" in seen.page.locator("#examples").inner_text())


def test_page_of_pictures_shows_where_the_network_looks(look: Any, pictures_address: str, tmp_path: Path) -> None:
    seen = look(pictures_address, ready=READY)
    seen.wait(lambda: len(seen.words("#labels .word")) == 2)
    examples = bar_classifier().network_.examples
    assert examples is not None
    assert seen.page.locator(".thumb").count() == 8
    assert seen.words("#labels .chosen .word") == [examples.kept[0]["answer"]]
    pixels = seen.page.locator("#picture").evaluate("one => [...one.getContext('2d').getImageData(0, 0, 8, 8).data]")
    assert pixels[::4] == bar_classifier().examples_.pixels[0].ravel().tolist()
    heads = seen.page.locator("#head option").all_text_contents()
    assert heads == ["mean of heads", "head 1", "head 2"]
    drawn = "one => [...one.getContext('2d').getImageData(0, 0, 8, 8).data].join()"
    before = seen.page.locator("#attention").evaluate(drawn)
    seen.page.locator("#head").select_option("2")
    assert seen.page.locator("#attention").evaluate(drawn) != before
    seen.page.locator(".thumb").nth(2).click()
    seen.wait(lambda: seen.page.url.endswith("#/look/2"))
    picture = bars(1, seed=9)
    file = next(write_folder(tmp_path, *picture).rglob("*.png"))
    seen.page.locator("#file").set_input_files(file)
    seen.wait(lambda: "000.png" in seen.page.locator("#verdict").inner_text())
    pixels = seen.page.locator("#picture").evaluate("one => [...one.getContext('2d').getImageData(0, 0, 8, 8).data]")
    assert pixels[::4] == picture[0].ravel().tolist()
    [p] = bar_classifier().predict_proba(picture[0])
    seen.wait(lambda: seen.words("#labels .score")[0] == f"{100 * p.max():.1f}\u00a0%")
    seen.page.locator("#invert").check()
    seen.wait(lambda: seen.words("#labels .score")[0] != f"{100 * p.max():.1f}\u00a0%")
    (tmp_path / "no.png").write_bytes(b"no picture")
    seen.page.locator("#file").set_input_files(tmp_path / "no.png")
    seen.wait(lambda: "is not a picture" in seen.page.locator("#labels").inner_text())
    seen.complaints = [said for said in seen.complaints if "willReadFrequently" not in said]  # of this test's reading


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_texts_can_be_read_and_named(
    scheme: str,
    look: Any,
    translator_address: str,
    model_address: str,
    classifier_address: str,
    tagger_address: str,
    pictures_address: str,
) -> None:
    for address, part in (
        (translator_address, "#/translate/drei vier vier vier vier vier vier/5"),
        (model_address, "#/write/one/5//3/100"), (model_address, "#/score/five five one"),
        (classifier_address, "#/classify/the river and the gold"),
        (classifier_address, "#/examples"), (tagger_address, "#/tag/we met Anna Lee in Rome"),
        (tagger_address, "#/examples"), (pictures_address, "#/look/1"),
    ):  # fmt: skip
        seen = look(address + part, ready=READY, color_scheme=scheme)
        seen.wait(lambda seen=seen: seen.page.locator(".piece:visible, .example, .thumb, details").count() > 1)
        seen.page.wait_for_timeout(500)
        assert seen.page.evaluate(NAMELESS) == []
        assert seen.page.evaluate(CONTRASTS) == []
        for width in (360, 1920):
            seen.page.set_viewport_size({"width": width, "height": 700})
            assert seen.page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
