// The only way markup comes about on this page. Text is always a text node, whatever stands in it.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "dataset") Object.assign(node.dataset, value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const SHAPES = {
  supported: ["M5 12.5l4.5 4.5L19 7.5"],
  moved: ["M4 12h13", "M12 6.5l5.5 5.5-5.5 5.5"],
  partial: ["M12 4a8 8 0 1 0 0 16z", "M12 4a8 8 0 0 1 0 16"],
  removed: ["M6 6l12 12", "M18 6L6 18"],
  conflict: ["M8 5v14", "M16 5v14", "M3 12h5", "M16 12h5"],
  previous: ["M14 6l-6 6 6 6"],
  next: ["M10 6l6 6-6 6"],
  close: ["M6 6l12 12", "M18 6L6 18"],
};

export function icon(name) {
  const make = (tag, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const svg = make("svg", { viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true" });
  SHAPES[name].forEach((d) => svg.append(make("path", { d })));
  return svg;
}

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

export function day(iso) {
  const [year, month, date] = (iso || "").split("-").map(Number);
  return date ? `${date} ${MONTHS[month - 1]} ${year}` : iso || "";
}

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const flat = (text) => text.split(/\s+/).join(" ").trim();

export function say(text) {
  document.getElementById("status").textContent = text;
}

export async function copy(text, button) {
  const label = button.textContent;
  try {
    if (navigator.clipboard) await navigator.clipboard.writeText(text);
    else copyByHand(text);
    button.textContent = "Copied";
    say("Copied");
  } catch {
    button.textContent = "Not copied: the browser refused";
  }
  setTimeout(() => (button.textContent = label), 1500);
}

// Browsers offer no clipboard to a page that is served over plain HTTP by another machine.
function copyByHand(text) {
  const field = h("textarea", { class: "sr" });
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("refused");
}

export async function api(path, body, more = {}) {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" }, ...more };
  let reply;
  try {
    reply = await fetch(path, init);
  } catch {
    throw new Error("Byline does not answer; is it still running in the terminal?");
  }
  const kind = reply.headers.get("content-type") || "";
  const value = kind.includes("json") ? await reply.json() : await reply.text();
  if (!reply.ok) throw new Error(value.error || value.detail || value || `the server answered ${reply.status}`);
  return value;
}

// Calls a generator behind Gradio's queue and gives `on` each of its values, and {type: "waiting"} meanwhile.
export async function run(name, data, on, signal) {
  const session_hash = `page${crypto.getRandomValues(new Uint32Array(3)).join("")}`;
  const { event_id } = await api(`/gradio_api/call/${name}`, { data, session_hash });
  const cancel = () => api("/gradio_api/cancel", { session_hash, fn_index: 0, event_id }, { keepalive: true }).catch(() => {});
  signal?.addEventListener("abort", cancel);
  const reply = await fetch(`/gradio_api/queue/data?session_hash=${session_hash}`, { signal });
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the connection broke off; ask again");
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const message = JSON.parse(event.slice("data: ".length));
      if (message.msg === "estimation" && message.rank > 0) on({ type: "waiting", before: message.rank });
      else if (message.msg === "process_generating" && message.success) on(message.output.data[0]);
      else if (message.msg === "process_completed") {
        if (!message.success) throw new Error(message.output.error || "something went wrong; the terminal that runs Byline says more");
        return;
      } else if (message.msg === "unexpected_error") throw new Error(message.message);
    }
  }
}
