// The source viewer: an article's lines with their numbers, the cited ones in view, the quoted words marked.

import { keyOf, placeNode, placeOf } from "./answer.js";
import { api, copy, day, h, icon, plural, say, sentence } from "./dom.js";

const MORE = 100; // lines fetched at a time when scrolling on
let shown = null; // {doc, rows: Map(n -> element), total}

export async function showSource(panel, { cites, citation, claim, shown: opened, back, focus }) {
  const index = cites.findIndex((c) => keyOf(c) === keyOf(citation));
  const show = (other, more) => showSource(panel, { cites, citation: other, claim: null, shown: opened, back, ...more });
  const go = (step) => show(cites[index + step], { focus: step < 0 ? ".previous" : ".next" });
  const head = h("div", { class: "head" });
  const lines = h("div", { class: "lines", tabindex: "0", role: "region", "aria-label": "Lines of the article" });
  const request = {
    doc: citation.doc, first: citation.line_start, last: citation.line_end, sha256: citation.sha256 || "",
    start: citation.start ?? null, end: citation.end ?? null, quote: citation.text || "",
  };
  const asked = (panel.dataset.asked = String(Number(panel.dataset.asked || 0) + 1));
  let window_;
  try {
    window_ = await api("/page/api/lines", request);
  } catch (error) {
    if (panel.dataset.asked !== asked) return;
    panel.replaceChildren(
      h("div", { class: "head" }, toolbar({ cites, index, go, back }), h("h2", {}, citation.title || placeOf(citation))),
      h("p", { class: "banner fault", role: "alert" }, sentence(error.message)),
      citation.text ? h("div", { class: "gone" }, h("p", {}, `What was quoted from ${placeOf(citation)}:`), h("blockquote", {}, citation.text)) : "",
    );
    opened?.(citation);
    panel.querySelector(".bar .quiet").focus();
    return;
  }
  if (panel.dataset.asked !== asked) return; // another one was opened meanwhile
  const place = placeOf({ file: window_.file, line_start: window_.first, line_end: window_.last });
  const about = [window_.source, day(window_.date), window_.author].filter(Boolean).join(" · ");
  head.append(
    toolbar({ cites, index, go, back }),
    h("h2", {}, window_.title || window_.file.split("/").pop()),
    about ? h("p", { class: "about" }, about) : "",
    h("p", { class: "where" }, h("code", {}, place), h("button", { type: "button", class: "quiet", onclick: (e) => copy(place, e.currentTarget) }, "Copy place")),
    places(claim, citation, show),
    warning(window_, citation),
  );
  shown = { doc: window_.doc, total: window_.total, rows: new Map(), lines };
  lines.append(edge(-1), edge(1));
  add(window_.rows, citation.text ? 1 : 0);
  panel.replaceChildren(head, lines);
  const cited = lines.querySelector("mark") || lines.querySelector(".cited");
  if (citation.text && cited) {
    const offset = cited.getBoundingClientRect().top - lines.getBoundingClientRect().top;
    lines.scrollTop += offset - lines.clientHeight / 3;
  }
  watchEdges(lines);
  say(`${place} is open${cites.length > 1 ? `, source ${index + 1} of ${cites.length}` : ""}`);
  opened?.(citation);
  const button = focus && head.querySelector(`.step${focus}:enabled`);
  (button || lines).focus({ preventScroll: true });
}

function toolbar({ cites, index, go, back }) {
  const step = (name, label, by) => h("button", { type: "button", class: `step ${name}`, "aria-label": label, disabled: !cites[index + by] || index < 0, onclick: () => go(by) }, icon(name));
  return h(
    "div",
    { class: "bar" },
    index >= 0 && cites.length > 1 && [step("previous", "Previous citation", -1), h("span", { class: "count" }, `${index + 1} of ${cites.length}`), step("next", "Next citation", 1)],
    h("span", { class: "space" }),
    h("button", { type: "button", class: "quiet", onclick: back, "aria-label": "Close the source" }, icon("close"), h("span", {}, "Close")),
  );
}

function places(claim, citation, show) {
  if (!claim || claim.citations.length < 2) return "";
  return h(
    "div",
    { class: "places" },
    h("span", {}, `${claim.citations.length} sources:`),
    claim.citations.map((c) =>
      h("button", { type: "button", class: "cite", "aria-current": c === citation ? "true" : "false", onclick: () => show(c, { claim }) }, placeNode(c))),
  );
}

function warning(window_, citation) {
  let text = "";
  if (window_.changed && window_.found) text = `This file changed after the answer was written. The quotation stands there still, on line ${window_.first}.`;
  else if (window_.changed) text = "This file changed after the answer was written, and the quotation is not in it any more. What was quoted:";
  else if (window_.unindexed && citation.text) text = "This file changed since it was indexed.";
  if (!text) return "";
  return h("div", { class: "banner", role: "note" }, h("p", {}, text), window_.changed && !window_.found && h("blockquote", {}, citation.text));
}

function line(row, marking) {
  return h(
    "div",
    { class: row.cited && marking ? "line cited" : "line", dataset: { n: row.n } },
    h("span", { class: "n" }, `${row.n}`),
    h("span", { class: "t" }, row.pieces.map(([text, marked]) => (marked ? h("mark", {}, text) : text))),
  );
}

function add(rows, marking) {
  const { lines, rows: known } = shown;
  const fresh = rows.filter((r) => !known.has(r.n));
  if (!fresh.length) return;
  const before = [...known.keys()].length && fresh[0].n < Math.min(...known.keys());
  const nodes = fresh.map((r) => line(r, marking));
  fresh.forEach((r, i) => known.set(r.n, nodes[i]));
  if (before) {
    const height = lines.scrollHeight;
    lines.firstElementChild.after(...nodes);
    lines.scrollTop += lines.scrollHeight - height;
  } else lines.lastElementChild.before(...nodes);
  const numbers = [...known.keys()];
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  lines.firstElementChild.hidden = first === 1;
  lines.lastElementChild.hidden = last === shown.total;
  lines.firstElementChild.textContent = `${plural(first - 1, "line")} before`;
  lines.lastElementChild.textContent = `${plural(shown.total - last, "line")} after`;
}

const edge = (direction) => h("button", { type: "button", class: "edge", dataset: { direction }, onclick: (e) => more(e.currentTarget) }, "");

async function more(button) {
  const now = shown;
  if (button.disabled) return;
  button.disabled = true;
  const numbers = [...now.rows.keys()];
  const up = button.dataset.direction === "-1";
  const at = up ? Math.min(...numbers) - 1 : Math.max(...numbers) + 1;
  try {
    const found = await api("/page/api/lines", { doc: now.doc, first: at, last: at, around: MORE });
    const missing = found.rows.filter((r) => (up ? r.n <= at : r.n >= at));
    if (shown === now) add(missing, 0);
  } catch (error) {
    button.textContent = error.message;
  }
  button.disabled = false;
}

function watchEdges(lines) {
  const seen = new IntersectionObserver((entries) => entries.forEach((e) => e.isIntersecting && more(e.target)), { root: lines });
  lines.querySelectorAll(".edge").forEach((e) => seen.observe(e));
}
