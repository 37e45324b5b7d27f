// One turn of the conversation: the question, and its answer as far as it is known.

import { copy, day, flat, h, icon, plural, sentence as upper } from "./dom.js";

const VERDICTS = {
  supported: ["supported", "The cited lines say this"],
  moved: ["moved", "Other lines than the ones the writer named say this; the citation was corrected"],
  partial: ["partly supported", "The cited lines say only a part of this"],
  unsupported: ["removed", "No line says this"],
};

export const placeOf = (c) => `${c.file}:${c.line_start}${c.line_end === c.line_start ? "" : `-${c.line_end}`}`;

// A place in little room: of a long name the end stays, and always the lines.
export function placeNode(c) {
  const place = placeOf(c);
  const at = place.lastIndexOf(":");
  return h("span", { class: "place" }, h("span", { class: "file" }, h("bdi", {}, place.slice(0, at).split("/").pop())), place.slice(at));
}

export const keyOf = (c) => `${c.doc} ${c.start} ${c.end}`;
const same = (a, b) => keyOf(a) === keyOf(b);

// All citations of an answer in the order in which they are shown; the first ones are numbered as in its text.
export function citationsOf(turn) {
  const { answer, claims } = turn;
  const all = answer
    ? [
        ...answer.citations,
        ...answer.conflicts.flatMap((c) => c.sides.flatMap((s) => s.citations)),
        ...answer.nearest.flatMap((hit) => [hit, ...hit.also]),
        ...answer.removed.flatMap((c) => c.citations),
      ]
    : claims.flatMap((c) => c.citations);
  return all.filter((c, i) => all.findIndex((d) => same(c, d)) === i);
}

export function render(turn, actions) {
  const { answer } = turn;
  const cites = citationsOf(turn);
  const context = { turn, cites, open: actions.open };
  const claims = answer ? answer.claims : turn.claims;
  const running = turn.state === "running";
  return h(
    "article",
    { class: "turn", "aria-busy": running ? "true" : "false" },
    h("h2", {}, turn.question),
    turn.limits && h("p", { class: "within" }, turn.limits),
    answer?.degraded && h("p", { class: "banner", role: "note" }, `No model wrote this: ${answer.degraded}. The sentences are quoted.`),
    answer?.conflicts.map((c) => conflictNode(c, context)),
    h("div", { class: "claims" }, claims.map((c) => claimNode(c, context))),
    answer?.abstained && abstention(answer, context),
    answer?.removed.length > 0 && removedNode(answer.removed, context),
    answer?.notes.map((note) => h("p", { class: "note" }, upper(note))),
    running && progressNode(turn.progress),
    turn.state === "stopped" && h("p", { class: "note" }, claims.length ? "Stopped. The sentences above are checked, but there may be more to say." : "Stopped before there was an answer."),
    turn.state === "error" && h("p", { class: "banner fault", role: "alert" }, upper(turn.error)),
    !running && footer(turn, actions),
  );
}

export function claimNode(claim, context) {
  const open = () => claim.citations.length && context.open(context, claim.citations[0], claim);
  return h(
    "div",
    { class: `claim ${claim.verdict}` },
    sentence(claim.text, open, claim.citations.length > 0),
    h("p", { class: "meta" }, verdict(claim), claim.citations.map((c) => cite(c, context, claim))),
    claim.reasons.length > 0 && h("p", { class: "reasons" }, upper(claim.reasons.join("; "))),
  );
}

// A sentence that opens its first source; its words can still be selected.
function sentence(text, open, opens) {
  if (!opens) return h("p", { class: "text" }, text);
  const act = () => String(getSelection()) || open();
  const keys = (e) => {
    if (e.key !== "Enter" && e.key !== " ") return;
    e.preventDefault();
    open();
  };
  return h("p", { class: "text" }, h("span", { role: "button", tabindex: "0", onclick: act, onkeydown: keys }, text));
}

function verdict(claim) {
  const [word, meaning] = VERDICTS[claim.verdict];
  const shape = claim.verdict === "unsupported" ? "removed" : claim.verdict;
  return h("span", { class: `verdict ${claim.verdict}`, title: meaning }, icon(shape), word);
}

function cite(citation, context, claim) {
  const number = context.cites.findIndex((c) => same(c, citation)) + 1;
  const place = placeOf(citation);
  return h(
    "button",
    {
      type: "button", class: "cite", dataset: { key: keyOf(citation) }, "aria-label": `Source ${number}: ${place}`, "aria-describedby": "card",
      onclick: () => context.open(context, citation, claim), ...card(citation),
    },
    h("b", {}, `${number}`),
    placeNode(citation),
  );
}

function conflictNode(conflict, context) {
  return h(
    "section",
    { class: "conflict", "aria-label": "The articles disagree" },
    h("h3", {}, icon("conflict"), "The articles disagree"),
    h("div", { class: "sides" }, conflict.sides.map((side) => {
      const dates = [...new Set(side.citations.map((c) => c.date).filter(Boolean))].sort();
      const sources = [...new Set(side.citations.map((c) => c.source).filter(Boolean))];
      return h(
        "div",
        { class: "side" },
        h("p", { class: "when" }, dates.length ? dates.map(day).join(", ") : "no date", sources.length ? ` · ${sources.join(", ")}` : ""),
        claimNode(side, context),
      );
    })),
  );
}

function abstention(answer, context) {
  return h(
    "section",
    { class: "abstained" },
    h("p", { class: "text" }, answer.text),
    answer.nearest.length > 0 && h("h3", {}, "Nearest lines"),
    answer.nearest.map((hit) => {
      const places = [hit, ...hit.also].slice(0, 3);
      const claim = { text: hit.text, citations: places };
      return h("div", { class: "claim near" },
        sentence(flat(hit.text), () => context.open(context, hit, claim), true),
        h("p", { class: "meta" }, places.map((c) => cite(c, context, claim))));
    }),
  );
}

function removedNode(removed, context) {
  return h(
    "details",
    { class: "removed" },
    h("summary", {}, icon("removed"), `${plural(removed.length, "sentence")} removed: no line supports ${removed.length === 1 ? "it" : "them"}`),
    removed.map((c) => h("div", { class: "claim unsupported" },
      h("p", { class: "text" }, h("s", {}, c.text)),
      h("p", { class: "reasons" }, upper(c.reasons.join("; ") || "nothing was cited for it")),
      c.citations.length > 0 && h("p", { class: "meta" }, c.citations.map((x) => cite(x, context, c))))),
  );
}

const STAGES = {
  "checking the articles": "Looking for changed articles",
  reading: "Reading articles",
  embedding: "Indexing passages",
  vectors: "Storing vectors",
  searching: "Searching",
  writing: "Writing and checking",
};

export function progressNode(progress) {
  const { stage = "", done = 0, total = 0, before = 0 } = progress || {};
  const label = before ? `Waiting: ${plural(before, "question")} before yours` : STAGES[stage] || stage || "Asking";
  return h(
    "div",
    { class: "progress" },
    h("span", { class: "spin", "aria-hidden": "true" }),
    h("span", {}, total ? `${label}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : `${label} …`),
    total > 0 && h("progress", { max: total, value: done, "aria-label": label }),
  );
}

function footer(turn, actions) {
  const { answer } = turn;
  const facts = [];
  if (answer) {
    const { model, prompt_tokens, completion_tokens, seconds } = answer.usage;
    facts.push(answer.mode === "model" && model ? model : "quoted, no model");
    if (prompt_tokens + completion_tokens) facts.push(`${prompt_tokens.toLocaleString("en")} + ${completion_tokens.toLocaleString("en")} tokens`);
    facts.push(`${Object.values(seconds).reduce((a, b) => a + b, 0).toFixed(2)} s`);
  }
  return h(
    "footer",
    {},
    facts.length > 0 && h("span", { class: "facts", title: answer && stages(answer.usage.seconds) }, facts.join(" · ")),
    answer && h("button", { type: "button", class: "quiet", onclick: (e) => copy(markdown(turn), e.currentTarget) }, "Copy as Markdown"),
    h("button", { type: "button", class: "quiet", onclick: () => actions.again(turn) }, "Ask again"),
  );
}

const stages = (seconds) => Object.entries(seconds).map(([stage, s]) => `${stage} ${s.toFixed(2)} s`).join(", ");

// What reads as markup in Markdown is escaped: article text must not become a picture or a link elsewhere either.
const escaped = (text) => flat(text).replace(/[\\`*_[\]<>!#|~$&]/g, "\\$&");

export function markdown(turn) {
  const { answer } = turn;
  const cites = citationsOf(turn);
  const marks = (c) => c.citations.map((x) => `[${cites.findIndex((y) => same(x, y)) + 1}]`).join("");
  const line = (c) => `${escaped(c.text)} ${marks(c)}${c.verdict === "supported" ? "" : ` (${VERDICTS[c.verdict][0]})`}`;
  const parts = [`**${escaped(turn.question)}**`];
  for (const conflict of answer.conflicts) parts.push(["The articles disagree:", ...conflict.sides.map((s) => `- ${line(s)}`)].join("\n"));
  if (answer.abstained) {
    parts.push(escaped(answer.text));
    if (answer.nearest.length) parts.push(["Nearest lines:", ...answer.nearest.map((n) => `- ${escaped(n.text)} [${cites.findIndex((y) => same(n, y)) + 1}]`)].join("\n"));
  }
  if (answer.claims.length) parts.push(answer.claims.map(line).join("\n"));
  const listed = cites.filter((c) => !answer.removed.some((r) => r.citations.some((x) => same(x, c))) || answer.citations.some((x) => same(x, c)));
  parts.push(listed.map((c) => {
    const about = [c.title, c.source, c.date].filter(Boolean).map(escaped).join(", ");
    return `[${cites.indexOf(c) + 1}] ${escaped(placeOf(c))}${about ? ` (${about})` : ""}: “${escaped(c.text)}”`;
  }).join("\n\n"));
  return `${parts.filter(Boolean).join("\n\n")}\n`;
}

// The card over a citation, on hover and on focus.

let waiting;
let over = null; // the citation that the card is for

function card(citation) {
  const show = (e) => {
    const target = e.currentTarget;
    clearTimeout(waiting);
    waiting = setTimeout(() => showCard(citation, target), e.type === "focus" ? 0 : 120);
  };
  return { onmouseenter: show, onfocus: show, onmouseleave: hideSoon, onblur: hideSoon };
}

function showCard(citation, target) {
  if (!target.isConnected) return;
  const node = document.getElementById("card");
  const about = [citation.source, day(citation.date)].filter(Boolean).join(" · ");
  node.replaceChildren(
    h("blockquote", {}, shorten(flat(citation.text))),
    citation.title ? h("p", { class: "title" }, citation.title) : "",
    about ? h("p", {}, about) : "",
    h("p", { class: "at" }, placeOf(citation)),
  );
  over = target;
  node.hidden = false;
  const at = target.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = node;
  node.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  node.style.top = `${at.bottom + height + 12 < innerHeight ? at.bottom + 6 : Math.max(8, at.top - height - 6)}px`;
  node.onmouseenter = () => clearTimeout(waiting);
  node.onmouseleave = hideSoon;
}

const shorten = (text) => (text.length > 420 ? `${text.slice(0, 420)} …` : text);

function hideSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(hideCard, 150);
}

export function hideCard() {
  clearTimeout(waiting);
  document.getElementById("card").hidden = true;
}

// Before `node` is drawn anew: its citations go away, and with them what would hide their card.
export function forget(node) {
  if (node?.contains(over)) hideCard();
}
