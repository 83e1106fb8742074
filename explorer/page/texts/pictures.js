// Labels of a picture and the network's attention: held-out pictures to choose from, or one from a file.

import { examples, look, Mistake } from "../api.js";
import { announce, byId, make, mistake, oneAtATime, shown, wordElement } from "../dom.js";
import { barRow, percent } from "./pieces.js";

const GREY = [0.299, 0.587, 0.114];

export class Looking {
  constructor(facts, onChange) {
    Object.assign(this, { facts, onChange, asked: oneAtATime(), kept: null, picture: null, source: null, maps: [] });
    byId("file").addEventListener("change", ({ target }) => target.files.length > 0 && this.read(target.files[0]));
    byId("invert").addEventListener("change", () => this.source !== null && this.lookAt({ pixels: encode(this.pixelsOf(this.source)) }));
    byId("layer").addEventListener("change", () => this.ask());
    byId("head").addEventListener("change", () => this.drawAttention());
    const zone = byId("look");
    for (const name of ["dragover", "drop"]) zone.addEventListener(name, (event) => event.preventDefault());
    zone.addEventListener("dragover", () => zone.classList.add("over"));
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("over"));
    zone.addEventListener("drop", ({ dataTransfer }) => dataTransfer.files.length > 0 && this.read(dataTransfer.files[0]));
    const layers = Array.from({ length: facts.layers }, (_, i) => make("option", { value: i + 1 }, `layer ${i + 1}`));
    byId("layer").replaceChildren(...layers);
    byId("layer").value = facts.layers;
  }

  async open([which = "0"]) {
    this.kept ??= await examples();
    const { heldOut, wrong, examples: kept } = this.kept;
    const thumbs = kept.map((one, i) => {
      const says = `predicted ${shown(one.answer)}, ${percent(one.probability)}${i < wrong ? `, should be ${shown(one.labels)}` : ""}`;
      const canvas = this.draw(make("canvas", { "aria-hidden": "true" }), decode(one.pixels));
      return make("button", { type: "button", class: i < wrong ? "thumb wrong" : "thumb", title: says, "aria-label": `Picture ${i + 1}, ${says}`, "aria-pressed": "false", onclick: () => this.choose(i) }, canvas);
    });
    byId("thumbs").replaceChildren(...thumbs);
    byId("thumbs-title").textContent = heldOut === null ? "This model stores no held-out pictures; open one from a file." : `Held-out pictures: ${wrong.toLocaleString("en-GB")} of ${heldOut.toLocaleString("en-GB")} were labelled wrongly, those first`;
    if (kept.length > 0) return this.choose(Math.min(Number(which) || 0, kept.length - 1));
    byId("seen").hidden = true;
  }

  choose(i) {
    [...byId("thumbs").children].forEach((thumb, j) => thumb.setAttribute("aria-pressed", String(i === j)));
    const { labels, answer, probability, pixels } = this.kept.examples[i];
    byId("verdict").replaceChildren(...(i < this.kept.wrong ? ["Predicted ", wordElement(answer), ` (${percent(probability)}), should be `, wordElement(labels)] : ["It shows ", wordElement(labels)]));
    this.source = null;
    byId("invert").disabled = true;
    this.onChange(String(i));
    return this.lookAt({ example: i }, decode(pixels));
  }

  /** Show the picture in a file, scaled to the input size of the network. */
  async read(file) {
    const { width, height } = this.facts;
    const canvas = make("canvas", { width, height });
    try {
      const picture = await createImageBitmap(file, { resizeWidth: width, resizeHeight: height, resizeQuality: "high" });
      canvas.getContext("2d").drawImage(picture, 0, 0, width, height);
    } catch {
      return byId("labels").replaceChildren(mistake(new Mistake({ error: `${file.name} is not a picture that this browser can read` }), () => {}));
    }
    this.source = canvas.getContext("2d").getImageData(0, 0, width, height).data;
    byId("invert").disabled = false;
    for (const thumb of byId("thumbs").children) thumb.setAttribute("aria-pressed", "false");
    byId("verdict").replaceChildren(`${shown(file.name)}, scaled to ${width} × ${height}`);
    return this.lookAt({ pixels: encode(this.pixelsOf(this.source)) });
  }

  /** Return the values of a picture, given red, green, blue and opacity. */
  pixelsOf(rgba) {
    const { width, height, channels } = this.facts;
    const pixels = new Uint8Array(width * height * channels);
    for (let i = 0; i < width * height; i++) {
      const color = [0, 1, 2].map((channel) => rgba[4 * i + channel]);
      const values = channels === 3 ? color : Array(channels).fill(color.reduce((sum, value, channel) => sum + GREY[channel] * value, 0));
      values.forEach((value, channel) => (pixels[channels * i + channel] = Math.round(byId("invert").checked ? 255 - value : value)));
    }
    return pixels;
  }

  lookAt(question, pixels = decode(question.pixels)) {
    this.picture = { question, pixels };
    byId("seen").hidden = false;
    this.draw(byId("picture"), pixels);
    return this.ask();
  }

  async ask() {
    if (this.picture === null) return;
    const signal = this.asked();
    try {
      const layer = this.facts.layers > 0 ? Number(byId("layer").value) : null;
      const { labels, attention } = await look({ ...this.picture.question, layer }, signal);
      announce(`${shown(labels[0].label)}, ${percent(labels[0].probability)}`);
      byId("labels").replaceChildren(...labels.map(({ label, probability }, i) => make("li", {}, barRow(wordElement(label), probability, percent(probability), i === 0))));
      this.showAttention(attention);
    } catch (error) {
      if (error instanceof Mistake) byId("labels").replaceChildren(mistake(error, () => {}));
    }
  }

  showAttention(maps) {
    this.maps = maps;
    byId("attention-part").hidden = maps.length === 0;
    byId("no-attention").hidden = maps.length > 0;
    if (maps.length === 0) return;
    const heads = byId("head");
    if (heads.options.length !== maps.length) heads.replaceChildren(...maps.map((_, i) => make("option", { value: i }, i === 0 ? "mean of heads" : `head ${i}`)));
    this.drawAttention();
  }

  /** Draw the picture, with each patch coloured by its attention. */
  drawAttention() {
    const { width, height, patch } = this.facts;
    const canvas = this.draw(byId("attention"), this.picture.pixels);
    const context = canvas.getContext("2d");
    const map = this.maps[Number(byId("head").value)];
    const even = 1 / map.flat().length;
    const most = Math.max(...map.flat());
    const full = Math.max(most, 2 * even); // uniform attention has medium strength
    map.forEach((row, y) =>
      row.forEach((weight, x) => {
        context.fillStyle = `rgb(255 140 40 / ${((0.8 * weight) / full).toFixed(3)})`;
        context.fillRect(x * patch, y * patch, patch, patch);
      }),
    );
    byId("attention-note").textContent = `the strongest patch has ${percent(most)}, the average is ${percent(even)}`;
  }

  /** Draw a picture on a canvas of the same size. */
  draw(canvas, pixels) {
    const { width, height, channels } = this.facts;
    Object.assign(canvas, { width, height });
    const image = new ImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      for (let channel = 0; channel < 3; channel++) image.data[4 * i + channel] = pixels[channels * i + (channels === 3 ? channel : 0)];
      image.data[4 * i + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }
}

const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const encode = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
