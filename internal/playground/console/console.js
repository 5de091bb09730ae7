// The script of the console: it puts what the server has rendered in its place, and sends
// what is pressed. It builds no text of its own.

const byId = (id) => document.getElementById(id);
const episodes = byId("episodes");

// parse makes elements of what the server has rendered and escaped; no script in it runs.
const parse = (html) => new DOMParser().parseFromString(html, "text/html").body.childNodes;

// say shows a sentence, and has it read out.
function say(text, wrong) {
  byId("status").textContent = text;
  byId("status").classList.toggle("bad", Boolean(wrong));
}

// sayLater says the latest of the sentences that come together.
let saying;
function sayLater(text) {
  clearTimeout(saying);
  saying = setTimeout(say, 1500, text);
}

// keep runs a change of the page, after which what was open is open, and what had the focus has it.
function keep(change) {
  const open = [...document.querySelectorAll("details[open]")].map((each) => each.id);
  const results = [...document.querySelectorAll(".knocked")].map((each) => [each.id, [...each.childNodes]]);
  const focus = document.activeElement;
  const path = focus?.dataset && Object.entries(focus.dataset).map(([k, v]) => `[data-${k}="${CSS.escape(v)}"]`).join("");
  const inside = focus?.closest("[id]")?.id;
  change();
  for (const id of open) byId(id)?.setAttribute("open", "");
  for (const [id, nodes] of results) byId(id)?.replaceChildren(...nodes);
  if (!focus?.isConnected) {
    const again = path ? document.querySelector(path) : inside && byId(inside)?.querySelector("summary, [tabindex]");
    again?.focus({ preventScroll: true });
  }
}

function show(news) {
  for (const part of news.parts ?? []) {
    const at = byId(part.id);
    if (at.dataset.shown === part.html) continue;
    keep(() => at.replaceChildren(...parse(part.html)));
    at.dataset.shown = part.html;
  }
  const kept = new Set(news.kept?.map((id) => `episode-${id}`));
  for (const part of news.episodes ?? []) {
    const [made] = [...parse(part.html)].filter((node) => node.id === part.id);
    const before = byId(part.id);
    if (before) before.replaceWith(made);
    else episodes.prepend(made);
    if (part.says) sayLater(part.says);
  }
  for (const each of [...episodes.children]) if (!kept.has(each.id)) each.remove();
  byId("nothing").hidden = episodes.children.length > 0;
}

const stream = new EventSource("/console/events");
stream.onopen = () => episodes.replaceChildren(); // a new stream brings everything
stream.onmessage = (event) => show(JSON.parse(event.data));
stream.onerror = () => say("The local cloud does not answer: is it still running?", true);

const send = (path, wish) =>
  fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) });

async function press(button, { action, service }) {
  button.setAttribute("aria-busy", "true");
  const answer = await send("/console/do", { action, service });
  button.removeAttribute("aria-busy");
  if (answer.ok) say(`${button.textContent}: done`);
  else say(await answer.text(), true);
}

async function knock(button, { knock, who, service }) {
  const answer = await send("/console/knock", { address: knock, who, service });
  const text = await answer.text();
  if (!answer.ok) return say(text, true);
  const at = byId(button.closest("article").id + "-knocked");
  at.replaceChildren(...parse(text));
  say(at.querySelector("p").textContent);
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button || button.getAttribute("aria-busy")) return;
  try {
    if (button.dataset.action) await press(button, button.dataset);
    else if (button.dataset.knock) await knock(button, button.dataset);
    else if (button.matches(".copy")) {
      await navigator.clipboard.writeText([...button.previousElementSibling.children].map((each) => each.textContent).join("\n"));
      say("Copied");
    }
  } catch (problem) {
    button.removeAttribute("aria-busy");
    say(problem.message, true);
  }
});
