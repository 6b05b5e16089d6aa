"use strict";
// Everything shown may hold what a stranger said: it becomes text, never markup.

const $ = (id) => document.getElementById(id);
const LEVELS = ["calm", "busy", "attack", "siege"];
const REASONS = [
  ["unknown_recipient", "unknown recipient", "#c0504d"], ["greylist", "greylisted", "#8fa3b8"],
  ["harvest_shield", "harvest shield", "#9b6bb3"], ["check", "checks", "#d98c3a"],
  ["relay", "relay and rules", "#4f8f8b"], ["backend", "mail server", "#7a6a55"],
  ["trouble", "our trouble", "#d4b106"], ["limit", "limits", "#5d7fb8"],
  ["access_list", "access list", "#39424e"], ["early_talk", "early talk", "#b05c86"],
  ["protocol", "protocol", "#6f9a4e"], ["no_place", "no place", "#9aa0a6"],
];
const BANDS = ["", "rgba(224,173,61,.16)", "rgba(240,110,60,.20)", "rgba(220,50,100,.24)"];

let step = 1, span = 900, live = true;
const charts = {};

async function ask(path) {
  const answer = await fetch(path, {cache: "no-store"});
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error || answer.statusText);
  return body;
}

function trouble(text) {
  $("trouble").hidden = !text;
  $("trouble").textContent = text || "";
}

function element(name, text, kind) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function count(value) {
  return value >= 10000 ? (value / 1000).toFixed(value >= 100000 ? 0 : 1) + "k" : String(value >= 100 ? Math.round(value) : Math.round(value * 10) / 10);
}

function lasted(seconds) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, name] = units.find(([each]) => seconds >= each) || [1, "s"];
  return Math.floor(seconds / size) + " " + name;
}

// Rows are arrays of cells; a number stands at the right.
function table(id, heads, rows, none) {
  const target = $(id);
  target.replaceChildren();
  if (rows.length === 0) {
    target.append(element("caption", none));
    return;
  }
  const line = (cells, name) => {
    const row = element("tr");
    cells.forEach((cell, i) => row.append(
      element(name, typeof cell === "number" ? count(cell) : cell, typeof rows[0][i] === "number" ? "number" : "")));
    return row;
  };
  target.append(line(heads, "th"), ...rows.map((row) => line(row, "td")));
}

// --- curves

// The library's own legend would need inline styles, which the page's rules forbid.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((one) => one !== Dygraph.Plugins.Legend);

// Beneath a chart: what is drawn, and at |time| the values that are not 0.
function legend(id, labels, colors, time, values) {
  const parts = labels.map((label, i) => {
    if (values && !values.get(label)) return null;
    const part = element("span");
    const mark = element("i");
    mark.style.background = colors[i];
    part.append(mark, values ? `${label} ${count(values.get(label))}` : label);
    return part;
  }).filter((part) => part);
  if (time) parts.unshift(element("span", new Date(time).toLocaleString()));
  $(id + "-legend").replaceChildren(...parts);
}

// Hard times behind every curve.
function bands(levels) {
  return (canvas, area, graph) => {
    levels.forEach(([at, level], i) => {
      if (!BANDS[level]) return;
      const next = i + 1 < levels.length ? levels[i + 1][0] : at + step * 1000;
      const left = graph.toDomXCoord(at), right = graph.toDomXCoord(next);
      canvas.fillStyle = BANDS[level];
      canvas.fillRect(left, area.y, right - left, area.h);
    });
  };
}

function draw(id, labels, colors, rows, levels, options) {
  const all = {
    file: rows, labels: ["time", ...labels], colors,
    highlightCallback: (event, time, points) =>
      legend(id, labels, colors, time, new Map(points.map((one) => [one.name, one.yval]))),
    unhighlightCallback: () => legend(id, labels, colors),
    underlayCallback: bands(levels), includeZero: true, strokeWidth: 1.2,
    axisLineColor: "#8888", gridLineColor: "#8883", labelsKMB: true, animatedZooms: false, ...options,
  };
  if (charts[id]) return charts[id].updateOptions(all);
  const {file, ...rest} = all;
  charts[id] = new Dygraph($(id), file, rest);
  legend(id, labels, colors);
}

async function curves() {
  const since = Math.floor(Date.now() / 1000) - span;
  const {names, samples} = await ask(`api/curves?step=${step}&since=${since}`);
  const at = (name) => names.indexOf(name) + 1;
  const time = (sample) => new Date(sample[0] * 1000);
  const levels = samples.map((sample) => [sample[0] * 1000, sample[at("pressure")]]);
  const pick = (columns) => samples.map((sample) => [time(sample), ...columns.map((name) => sample[at(name)])]);
  const rate = (columns) =>
    samples.map((sample) => [time(sample), ...columns.map((name) => sample[at(name)] / step)]);
  const empty = samples.length === 0 ? [[new Date(), ...REASONS.map(() => 0)]] : null;
  draw("refused", REASONS.map((one) => one[1]), REASONS.map((one) => one[2]),
       empty || rate(REASONS.map((one) => one[0])), levels, {stackedGraph: true, fillGraph: true});
  if (empty) return;
  draw("dialogs", ["all", "without good standing", "limit", "limit without good standing"],
       ["#2f6fb0", "#c0504d", "#8a8f98", "#d98c3a"],
       pick(["dialogs", "strangers", "dialogs_limit", "strangers_limit"]), levels, {
         stepPlot: true,
         series: {"limit": {strokePattern: [6, 4]}, "limit without good standing": {strokePattern: [3, 3]}},
       });
  draw("mail", ["accepted", "greylisted"], ["#2e7d46", "#8fa3b8"], rate(["accepted", "greylist"]), levels, {});
  tiles(names, samples);
}

function tiles(names, samples) {
  const last = samples.slice(-Math.max(1, Math.ceil(60 / step)));
  const newest = samples[samples.length - 1];
  const sum = (name) => last.reduce((all, sample) => all + sample[names.indexOf(name) + 1], 0);
  const minutes = last.length * step / 60;
  const value = (name) => newest[names.indexOf(name) + 1];
  const refused = REASONS.reduce((all, [name]) => all + sum(name), 0);
  const shown = [
    [`${count(value("dialogs"))} / ${count(value("dialogs_limit"))}`, "connections, limit"],
    [count(sum("connections") / minutes), "connections a minute"],
    [count(sum("accepted") / minutes), "accepted a minute"],
    [count(refused / minutes), "refused a minute"],
    [count(sum("questions") / minutes), "questions a minute"],
    [count(value("backends")), "connections behind"],
  ];
  $("tiles").replaceChildren(...shown.map(([number, what]) => {
    const tile = element("div");
    tile.append(element("b", number), element("span", what));
    return tile;
  }));
}

// --- now

async function now() {
  const status = await ask("api/status");
  $("host").textContent = `${status.hostname} · ${status.version} · up ${lasted(status.uptime_s)}` +
    (status.mode === "shadow" ? " · shadow mode" : "");
  const {level, cause, since_s} = status.pressure;
  $("level").className = "level " + (LEVELS.includes(level) ? level : "");
  $("level").textContent = level + (cause ? ` for ${lasted(since_s)}: ${cause}` : "");
  table("backends", ["name", "", "open", "cap", "waiting", "questions", "messages"],
        status.backends.map((one) => [one.name, one.healthy ? "up" : "down", one.open, one.cap, one.waiting,
                                      one.questions, one.messages]), "none");
  const top = await ask("api/sources");
  const rows = (list) => list.map((one) => [one.who, one.dialogs, one.refused, one.accepted, one.no_place]);
  const heads = ["", "dialogs", "refused", "accepted", "no place"];
  table("sources", heads, rows(top.clients), "nobody came");
  table("networks", heads, rows(top.networks), "nobody came");
  const episodes = await ask("api/episodes");
  table("episodes", ["began", "lasted", "worst", "cause"],
        episodes.episodes.map((one) => [new Date(one.began * 1000).toLocaleString(),
                                        one.ended ? lasted(one.ended - one.began) : "goes on",
                                        one.worst, one.cause]), "none since this process began to look");
}

// --- dialogs

const VERDICTS = {accept: "ok", reject: "no", defer: "later"};

function summary(dialog) {
  const line = element("summary");
  line.append(new Date(dialog.time_ms).toLocaleTimeString() + " ",
              `${dialog.name || "unknown"}[${dialog.client}] `);
  const rcpt = dialog.events.find((event) => event.what === "rcpt");
  const refused = dialog.events.find((event) => event.what === "refused");
  if (rcpt) {
    line.append(element("span", String(rcpt.code), "code " + (VERDICTS[rcpt.verdict] || "")),
                ` <${rcpt.from}> to <${rcpt.to}>`);
  } else if (refused) {
    line.append(element("span", String(refused.code), "code no"), ` ${refused.stage}: ${refused.reason}`);
  } else {
    line.append(`${dialog.end} ${dialog.after || ""}`);
  }
  if (dialog.count > 1) line.append(` × ${dialog.count}`);
  return line;
}

function facts(list, target) {
  for (const [name, value] of list) {
    if (value === undefined || value === "") continue;
    target.append(element("dt", name), element("dd", String(value)));
  }
}

function told(dialog) {
  const box = element("details");
  const list = element("dl");
  facts([["id", dialog.id], ["HELO", dialog.helo], ["TLS", dialog.tls]], list);
  for (const event of dialog.events) {
    const checks = (event.checks || []).map((one) =>
      `${one.check}${one.test ? "." + one.test : ""}: ${one.said} (${one.ms} ms)`).join(", ");
    facts([[`+${event.at_ms} ms`, [event.what, event.verdict, event.stage, event.code, event.status]
             .filter((word) => word !== undefined).join(" ")],
           ["from", event.from], ["to", event.to], ["it heard", event.reply], ["mail server", event.backend_said],
           ["standing", event.standing], ["greylist", event.greylist], ["verify", event.verify],
           ["checks", checks], ["by", event.relay], ["size", event.size]], list);
  }
  facts([["end", `${dialog.end || ""} ${dialog.after || ""}`], ["lasted", `${dialog.lasted_ms ?? 0} ms`]], list);
  box.append(summary(dialog), list);
  return box;
}

async function dialogs(what) {
  const found = await ask("api/explain?limit=40&what=" + encodeURIComponent(what));
  const boxes = found.entries.filter((one) => Array.isArray(one.events)).map(told);
  if (boxes.length === 0) boxes.push(element("p", "nothing is known of it"));
  $("found").replaceChildren(...boxes);
}

// --- all together

async function refresh() {
  try {
    await Promise.all([curves(), now()]);
    const open = $("found").querySelector("details[open]");
    if (live && !open) await dialogs("");
    trouble("");
  } catch (error) {
    trouble("no answer: " + error.message);
  }
}

document.querySelectorAll("nav button").forEach((button) => button.addEventListener("click", () => {
  step = Number(button.dataset.step);
  span = Number(button.dataset.span);
  document.querySelectorAll("nav button").forEach((one) => one.setAttribute("aria-pressed", one === button));
  refresh();
}));
$("live").addEventListener("click", () => {
  live = !live;
  $("live").setAttribute("aria-pressed", live);
  if (live) $("what").value = "";
  refresh();
});
$("search").addEventListener("submit", async (event) => {
  event.preventDefault();
  live = false;
  $("live").setAttribute("aria-pressed", false);
  try {
    await dialogs($("what").value);
    trouble("");
  } catch (error) {
    trouble(error.message);
  }
});
document.querySelectorAll(".unit").forEach((one) => one.textContent = "a second");
refresh();
setInterval(() => document.hidden || refresh(), 2000);
