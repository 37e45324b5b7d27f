// The page: the conversation on the left, articles and sources on the right.

import { forget, hideCard, keyOf, render } from "./answer.js";
import { api, h, plural, run, say } from "./dom.js";
import { limits, limitsGiven, limitsInWords, showPanel, span } from "./panel.js";
import { showSource } from "./viewer.js";

const $ = (id) => document.getElementById(id);
const KEPT = "byline.turns";
const side = $("side");
const question = $("question");
let overview = null;
let turns = [];
let asking = null; // {turn, controller}
let opener = null; // what had the focus when the side was opened

// --- conversation ---

async function ask(text, turn) {
  if (asking) {
    say("One question at a time: stop the other one first");
    $("stop").focus();
    return;
  }
  if (!turn) {
    turn = {};
    turns.push(turn);
  }
  Object.assign(turn, { question: text, limits: limitsInWords(), state: "running", claims: [], answer: null, error: "", progress: null });
  const controller = new AbortController();
  asking = { turn, controller };
  const before = turns.slice(0, turns.indexOf(turn)).map((t) => t.question).slice(-3);
  draw(turn, true);
  busy(true);
  say("Asking");
  try {
    await run("chat", [text, before, limitsGiven()], (event) => {
      if (event.type === "claim") turn.claims.push(event.claim);
      else if (event.type === "answer") Object.assign(turn, { answer: event.answer, state: "done" });
      else if (event.type === "error") Object.assign(turn, { error: event.message, state: "error" });
      else turn.progress = event;
      draw(turn);
    }, controller.signal);
    if (turn.state === "running") turn.state = "stopped";
  } catch (error) {
    if (controller.signal.aborted) turn.state = "stopped";
    else Object.assign(turn, { state: "error", error: error.message });
  }
  asking = null;
  busy(false);
  draw(turn);
  keep();
  say(summary(turn));
  refreshOverview();
}

function summary({ state, answer, error }) {
  if (state === "error") return error;
  if (state === "stopped") return "Stopped";
  if (answer.abstained) return `${answer.text} ${plural(answer.nearest.length, "near line")}`;
  return `Answer: ${plural(answer.claims.length, "sentence")}`;
}

function draw(turn, fresh) {
  forget(turn.node);
  const near = $("thread").scrollHeight - $("thread").scrollTop - $("thread").clientHeight < 80;
  const node = render(turn, { open: openSource, again: (t) => ask(t.question, t) });
  if (turn.node?.isConnected) {
    const focused = turn.node.contains(document.activeElement) ? [...turn.node.querySelectorAll("button,[tabindex]")].indexOf(document.activeElement) : -1;
    turn.node.replaceWith(node);
    if (focused >= 0) node.querySelectorAll("button,[tabindex]")[focused]?.focus({ preventScroll: true });
  } else $("turns").append(node);
  turn.node = node;
  $("welcome").hidden = turns.length > 0;
  $("new").hidden = turns.length === 0;
  if (fresh) node.scrollIntoView({ block: "start" });
  else if (near && turn.state === "running") node.scrollIntoView({ block: "end" });
}

function busy(yes) {
  $("send").hidden = yes;
  $("stop").hidden = !yes;
}

// A conversation lives as long as its tab, reloads included; what does not fit is dropped, oldest first.
function keep() {
  let kept = turns.map(({ node, progress, ...rest }) => rest);
  for (;;) {
    try {
      return sessionStorage.setItem(KEPT, JSON.stringify(kept));
    } catch {
      if (!kept.length) return;
      kept = kept.slice(1);
    }
  }
}

function restore() {
  try {
    turns = JSON.parse(sessionStorage.getItem(KEPT) || "[]");
    turns.forEach((turn) => draw(turn));
  } catch {
    turns = [];
    $("turns").replaceChildren();
  }
  $("turns").lastElementChild?.scrollIntoView({ block: "start" });
}

addEventListener("pagehide", () => {
  if (!asking) return;
  asking.turn.state = "stopped";
  keep();
  asking.controller.abort();
});

// --- side: the article panel, or a source ---

function openSide() {
  if (!document.body.classList.contains("open")) opener = document.activeElement;
  document.body.classList.add("open");
  const covers = getComputedStyle(side).position === "fixed";
  for (const node of [document.querySelector("main"), document.querySelector("header")]) node.inert = covers;
}

function closeSide() {
  markOpen(null, null);
  document.body.classList.remove("open");
  for (const node of [document.querySelector("main"), document.querySelector("header")]) node.inert = false;
  drawPanel();
  if (opener?.isConnected) opener.focus();
  else question.focus();
}

async function openSource(context, citation, claim) {
  hideCard();
  openSide();
  side.dataset.shows = "source";
  const shown = (c) => markOpen(context.turn.node, c);
  await showSource(side, { cites: context.cites, citation, claim, shown, back: closeSide });
}

// The sentence whose source is open, also when one steps from citation to citation.
function markOpen(node, citation) {
  document.querySelectorAll(".claim.open").forEach((n) => n.classList.remove("open"));
  document.querySelectorAll("#turns .cite[aria-current]").forEach((n) => n.removeAttribute("aria-current"));
  const chips = citation && node ? [...node.querySelectorAll(".cite")].filter((n) => n.dataset.key === keyOf(citation)) : [];
  chips.forEach((n) => n.setAttribute("aria-current", "true"));
  const claim = chips[0]?.closest(".claim");
  claim?.classList.add("open");
  claim?.scrollIntoView({ block: "nearest" });
}

function openArticle(article) {
  openSide();
  side.dataset.shows = "source";
  const whole = { doc: article.doc, file: article.file, line_start: 1, line_end: 1 };
  showSource(side, { cites: [], citation: whole, claim: null, back: closeSide });
}

function drawPanel() {
  side.dataset.shows = "panel";
  if (overview) showPanel(side, { overview, openArticle, close: closeSide, changed: (anew) => (anew ? refreshOverview(true) : drawLimits()) });
}

function drawLimits() {
  const words = limitsInWords();
  $("limits").hidden = !words;
  const clear = () => {
    Object.keys(limits).forEach((k) => (limits[k] = ""));
    drawLimits();
    if (side.dataset.shows === "panel") drawPanel();
    question.focus();
  };
  $("limits").replaceChildren(h("span", {}, `Only ${words}`), h("button", { type: "button", class: "quiet", onclick: clear }, "Ask all articles"));
}

async function refreshOverview(redraw) {
  const before = JSON.stringify(overview);
  try {
    overview = await api("/page/api/overview");
  } catch {
    return;
  }
  $("corpus").textContent = `${overview.corpus}${overview.articles === null ? "" : ` · ${plural(overview.articles, "article")}`} · ${overview.model || "quoting, no model"}`;
  if (overview.articles !== null) $("about").textContent = `${span(overview)}. Every sentence opens the lines it rests on.`;
  if ((redraw || before !== JSON.stringify(overview)) && side.dataset.shows !== "source") {
    const state = redraw && side.querySelector(".state");
    drawPanel();
    if (state) side.querySelector(".state").replaceWith(state);
  }
}

async function suggest() {
  const found = await api("/page/api/examples").catch(() => []);
  $("examples").hidden = !found.length;
  $("examples").querySelector("ul").replaceChildren(...found.map((q) => h("li", {}, h("button", { type: "button", onclick: () => ask(q) }, q))));
}

// The first index run has its progress where the examples will be.
async function firstRun() {
  const bar = h("div", { class: "state" });
  $("welcome").append(bar);
  const { reindex } = await import("./panel.js");
  await reindex(bar, {}, async () => bar.remove());
  await refreshOverview(true);
}

// --- keys, theme, start ---

$("composer").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = question.value.trim();
  if (!/[\p{L}\p{N}]/u.test(text)) return; // a question has words
  if (!asking) question.value = "";
  grow();
  ask(text);
});

question.addEventListener("keydown", (e) => {
  if (e.key === "Enter" && !e.shiftKey && !e.isComposing) {
    e.preventDefault();
    $("composer").requestSubmit();
  }
});

const grow = () => {
  question.style.height = "auto";
  question.style.height = `${Math.min(question.scrollHeight, 200)}px`;
};
question.addEventListener("input", grow);

$("stop").addEventListener("click", () => {
  asking?.controller.abort();
  question.focus();
});

$("new").addEventListener("click", () => {
  asking?.controller.abort();
  turns = [];
  $("turns").replaceChildren();
  keep();
  $("welcome").hidden = false;
  $("new").hidden = true;
  drawPanel();
  question.focus();
});

$("articles").addEventListener("click", () => {
  openSide();
  drawPanel();
  side.querySelector("button,input")?.focus();
});

document.addEventListener("keydown", (e) => {
  if (e.key !== "Escape") return;
  if (!$("card").hidden) hideCard();
  else if (document.body.classList.contains("open")) closeSide();
});

const THEMES = { auto: "dark", dark: "light", light: "auto" };
function theme(name) {
  document.documentElement.dataset.theme = name;
  $("themename").textContent = { auto: "Auto", dark: "Dark", light: "Light" }[name];
  $("theme").setAttribute("aria-label", `Theme: ${name}`);
}
$("theme").addEventListener("click", () => {
  const name = THEMES[document.documentElement.dataset.theme];
  theme(name);
  try {
    localStorage.setItem("byline.theme", name);
  } catch {
    // This browser keeps nothing for this site.
  }
});

theme(document.documentElement.dataset.theme);
restore();
await refreshOverview(true);
if (overview?.articles === null) await firstRun();
if (!turns.length && overview?.articles) suggest();
