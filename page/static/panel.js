// The corpus panel: what is indexed, what was skipped and why, limits on dates and files, re-indexing, uploads.

import { progressNode } from "./answer.js";
import { api, day, h, plural, run, sentence } from "./dom.js";

export const limits = { since: "", until: "", files: "", source: "" };

// What a question is limited to: as the API takes it, and in words.
export const limitsGiven = () => ({
  since: limits.since, until: limits.until,
  files: limits.files.split(",").map((f) => f.trim()).filter(Boolean), sources: limits.source ? [limits.source] : [],
});

export function limitsInWords() {
  const { since, until, files, source } = limits;
  const dates = since && until ? `${day(since)} to ${day(until)}` : since ? `from ${day(since)}` : until ? `until ${day(until)}` : "";
  return [dates, files && `files ${files}`, source].filter(Boolean).join(" · ");
}

export function span(overview) {
  const [first, last] = overview.dates;
  const when = !first ? "" : first === last ? ` of ${day(first)}` : `, ${day(first)} to ${day(last)}`;
  return `${plural(overview.articles, "article")}${when}`;
}

export function showPanel(panel, { overview, openArticle, changed, close }) {
  const list = h("ul", { class: "list" });
  const count = h("p", { class: "count", "aria-live": "polite" });
  const state = h("div", { class: "state", "aria-live": "polite" });
  const field = (name, label, node) => {
    node.setAttribute("aria-label", label);
    return h("label", {}, h("span", {}, label), bind(node, name, changed));
  };
  const update = h("button", { type: "button", class: "plain", onclick: () => reindex(state, update, () => changed(true)) }, "Look for changes");
  const find = h("input", { type: "search", placeholder: "Find an article", "aria-label": "Find an article by title, file, source or date" });
  let typing;
  find.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => fill(list, count, find.value, openArticle), 120);
  });
  panel.replaceChildren(
    h("div", { class: "head" },
      h("div", { class: "bar" }, h("h2", {}, "Articles"), h("span", { class: "space" }), h("button", { type: "button", class: "quiet narrow", onclick: close }, "Close")),
      h("p", { class: "about" }, overview.articles === null ? "Being indexed …" : `${span(overview)} · ${plural(overview.passages, "passage")}`),
      h("div", { class: "row" }, update, overview.uploads && uploadButton(state, () => reindex(state, update, () => changed(true)))),
      state),
    h("div", { class: "body", tabindex: "0", role: "region", "aria-label": "Indexed articles" },
      h("fieldset", {},
        h("legend", {}, "Ask only"),
        field("since", "From", h("input", { type: "date" })),
        field("until", "To", h("input", { type: "date" })),
        overview.sources.length > 0 && field("source", "Source", h("select", {}, h("option", { value: "" }, "any"), overview.sources.map((s) => h("option", { value: s }, s)))),
        field("files", "Files", h("input", { type: "text", placeholder: "wire/*", spellcheck: "false" }))),
      overview.skipped_total > 0 && skipped(overview),
      find, count, list),
  );
  if (overview.articles !== null) fill(list, count, "", openArticle);
}

function bind(node, name, changed) {
  node.value = limits[name];
  node.addEventListener("change", () => {
    limits[name] = node.value.trim();
    changed();
  });
  return node;
}

function skipped(overview) {
  return h("details", { class: "skipped" },
    h("summary", {}, `${plural(overview.skipped_total, "file")} skipped`),
    h("ul", {}, overview.skipped.map((s) => h("li", {}, h("code", {}, s.file), ` ${s.reason}`)),
      overview.skipped_total > overview.skipped.length && h("li", {}, `and ${plural(overview.skipped_total - overview.skipped.length, "more file")}`)));
}

async function fill(list, count, words, openArticle) {
  const found = await api(`/page/api/articles?words=${encodeURIComponent(words)}`);
  const hidden = found.total - found.articles.length;
  count.textContent = words && !found.total ? "No article matches." : hidden > 0 ? `${found.articles.length} of ${plural(found.total, "article")} shown; narrow the list to see others.` : words ? plural(found.total, "article") : "";
  list.replaceChildren(...found.articles.map((a) =>
    h("li", {}, h("button", { type: "button", onclick: () => openArticle(a) },
      h("b", {}, a.title || a.file),
      h("span", {}, [a.source, day(a.date), plural(a.lines, "line")].filter(Boolean).join(" · ")),
      a.title && h("code", {}, a.file)))));
}

export async function reindex(state, button, done) {
  button.disabled = true;
  try {
    await run("reindex", [], (event) => {
      if (event.type === "progress") state.replaceChildren(progressNode(event));
      else if (event.type === "error") state.replaceChildren(h("p", { class: "banner fault", role: "alert" }, sentence(event.message)));
      else {
        const parts = ["added", "changed", "removed"].filter((k) => event[k]).map((k) => `${event[k]} ${k}`);
        state.replaceChildren(h("p", { class: "note" }, parts.length ? `Done: ${parts.join(", ")}.` : "Nothing has changed."));
      }
    });
    await done();
  } catch (error) {
    state.replaceChildren(h("p", { class: "banner fault", role: "alert" }, sentence(error.message)));
  }
  button.disabled = false;
}

function uploadButton(state, done) {
  const input = h("input", { type: "file", multiple: true, accept: ".txt,.md,.markdown", class: "sr", tabindex: "-1", "aria-label": "Articles to add" });
  const button = h("button", { type: "button", class: "plain", onclick: () => input.click() }, "Add articles …");
  input.addEventListener("change", async () => {
    const faults = [];
    let saved = 0;
    for (const file of input.files) {
      state.replaceChildren(progressNode({ stage: `Adding ${file.name}` }));
      try {
        const reply = await fetch(`/page/api/upload?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
        if (reply.ok) saved += 1;
        else faults.push(reply.headers.get("content-type").includes("json") ? (await reply.json()).error : `${file.name}: ${await reply.text()}`);
      } catch {
        faults.push(`${file.name} did not arrive; is it larger than 20 MB?`);
      }
    }
    input.value = "";
    if (saved) await done();
    if (faults.length) state.append(h("div", { class: "banner fault", role: "alert" }, faults.map((f) => h("p", {}, f))));
    else if (!saved) state.replaceChildren();
  });
  return [button, input];
}
