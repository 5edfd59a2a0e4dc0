"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;
  const element = (tag, className, text) => {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };
  const plural = (n, one) => n.toLocaleString("en") + " " + one + (n === 1 ? "" : "s");

  // Theme: the reader's choice, else the system's.
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { $("theme").textContent = dark() ? "Light" : "Dark"; };
  $("theme").addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  // Talking to the server. A server that was started again has another token, which its page tells. One of another run, or with other pictures,
  // refuses what this page asks: its own page takes over.
  const run = document.querySelector("meta[name=run]").content;
  let token = document.querySelector("meta[name=token]").content;
  const renew = async () => {
    const text = await (await fetch("/")).text();
    token = new DOMParser().parseFromString(text, "text/html").querySelector("meta[name=token]").content;
  };
  const request = async (path, body) => {
    const send = () => fetch(path, body === undefined ? { headers: { "X-Run": run } } : { method: "POST", headers: { "X-Run": run, "X-Token": token, "Content-Type": "application/json" }, body: JSON.stringify(body) });
    let answer = await send();
    if (answer.status === 403 && body !== undefined) { await renew(); answer = await send(); }
    const value = await answer.json();
    if (value.reload) { location.reload(); return new Promise(() => {}); }
    if (!answer.ok) throw Object.assign(new Error(value.error || answer.statusText), { state: value.state });
    return value;
  };
  let hiding = 0;
  const alert = (text) => {
    $("alert").textContent = text;
    $("alert").hidden = false;
    clearTimeout(hiding);
    hiding = setTimeout(() => { $("alert").hidden = true; }, 8000);
  };
  const say = (text) => { $("status").textContent = text; };

  const OUT = -1; // the list of images that are left out
  let state = null, now = OUT, order = "most";
  const rowsOf = () => {
    const rows = state.clusters.concat(state.lists.filter((l) => l.size > 0));
    if (state.excluded > 0) rows.push({ number: OUT, name: "Left out", size: state.excluded });
    return rows;
  };
  const find = (number) => rowsOf().find((c) => c.number === number);
  const called = (c) => c.number < 0 ? c.name : c.number + (c.name ? " · " + c.name : "");

  // A list of which only what is in view exists: items first(top) to last(bottom) of count(), each made by draw(i).
  const virtual = (box, height, count, first, last, draw) => {
    const tall = box.querySelector(".extent"), shown = new Map();
    const show = (again) => {
      const n = count();
      tall.style.height = height() + "px";
      const a = Math.max(0, first(box.scrollTop)), b = Math.min(n - 1, last(box.scrollTop + box.clientHeight));
      if (again) { for (const e of shown.values()) e.remove(); shown.clear(); }
      for (const [i, e] of shown) if (i < a || i > b) { e.remove(); shown.delete(i); }
      for (let i = a; i <= b; i++) if (!shown.has(i)) { const e = draw(i); shown.set(i, e); tall.append(e); }
    };
    box.addEventListener("scroll", () => show(false), { passive: true });
    new ResizeObserver(() => show(true)).observe(box);
    return { show, each: (f) => { for (const [i, e] of shown) f(i, e); } };
  };

  // Clusters.
  const ROW = 46;
  let rows = [];
  const clusters = virtual($("clusters"), () => rows.length * ROW, () => rows.length, (y) => Math.floor(y / ROW) - 3, (y) => Math.ceil(y / ROW) + 3, (i) => {
    const c = rows[i], e = element("div", "row" + (c.number === now ? " now" : "") + (c.number < 0 ? " list" : ""));
    e.style.top = i * ROW + "px";
    e.setAttribute("role", "option");
    e.setAttribute("aria-selected", c.number === now);
    e.id = "cluster-" + c.number;
    e.append(element("span", "number", c.number < 0 ? "" : c.number), element("span", "called" + (c.name ? "" : " none"), c.name || "no name"), element("span", "size", c.size.toLocaleString("en")), element("span", "mark", c.reviewed ? "✓" : ""));
    e.addEventListener("click", () => go(c.number));
    return e;
  });
  const reveal = (box, top, height) => {
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + height > box.scrollTop + box.clientHeight) box.scrollTop = top + height - box.clientHeight;
  };
  const go = (number) => {
    now = number;
    at = 0; anchor = -1;
    forget();
    $("grid").scrollTop = 0;
    refresh();
    const i = rows.findIndex((c) => c.number === now);
    if (i >= 0) reveal($("clusters"), i * ROW, ROW);
  };
  const step = (by) => {
    const i = rows.findIndex((c) => c.number === now);
    const to = rows[Math.max(0, Math.min(rows.length - 1, i + by))];
    if (to && to.number !== now) go(to.number);
  };

  // Images of the cluster, fetched in pages as they come into view.
  const PAGE = 200, GAP = 7;
  let at = 0, anchor = -1, all = 0;
  let pages = new Map(), taken = new Map(); // number of a page → its images, or the promise that they come; image → its path
  const forget = () => { pages = new Map(); taken = new Map(); };
  const columns = () => Math.max(2, Math.floor(($("grid").clientWidth + GAP) / (innerWidth < 700 ? 105 : 142)));
  const side = () => ($("grid").clientWidth - 4 - (columns() - 1) * GAP) / columns();
  const line = (y) => Math.floor(y / (side() + GAP));
  const imageAt = (i) => {
    const page = pages.get(Math.floor(i / PAGE));
    return Array.isArray(page) ? page[i % PAGE] : undefined;
  };
  const fetchPage = (k) => {
    const list = pages;
    if (!list.has(k)) list.set(k, (async () => {
      try {
        const answer = await request("/images?cluster=" + now + "&order=" + order + "&from=" + k * PAGE + "&count=" + PAGE);
        if (pages !== list) return; // another cluster is in view by now
        if (answer.steps !== state.steps) { await load(); return; }
        list.set(k, answer.images);
        grid.show(true);
        where();
      } catch (e) {
        list.delete(k);
        lost(e);
      }
    })());
    return list.get(k);
  };
  // Calls use with the images from a to b, as soon as all of them are there: not if one cannot be loaded, another list is in view by then, or
  // the choice was cleared. What is done with the chosen images waits for it.
  let choosing = Promise.resolve();
  // Whether images are chosen, once all of them are there.
  const settled = async () => {
    const chosen = taken;
    await choosing;
    if (chosen !== taken) alert("Nothing was changed: the selection was cleared before all its images had loaded.");
    return chosen === taken && taken.size > 0;
  };
  const whole = (a, b, use) => {
    const list = pages, chosen = taken;
    b = Math.min(b, all - 1);
    const done = (async () => {
      for (let k = Math.floor(a / PAGE); k * PAGE <= b; k++) if (!Array.isArray(list.get(k))) {
        await fetchPage(k);
        if (pages !== list || taken !== chosen || !Array.isArray(list.get(k))) return;
      }
      for (let i = a; i <= b; i++) use(imageAt(i));
      mark();
      selection();
    })();
    choosing = Promise.all([choosing, done]);
  };
  const picture = (image) => {
    if (!state.pictures) return element("span", "path", image.path);
    const m = element("img");
    m.decoding = "async"; m.alt = "";
    m.addEventListener("error", () => { m.replaceWith(element("span", "path", image.path)); });
    m.src = "/thumbnail/" + run + "/" + image.image;
    return m;
  };
  const grid = virtual($("grid"), () => Math.ceil(all / columns()) * (side() + GAP), () => all, (y) => (line(y) - 2) * columns(), (y) => (line(y) + 3) * columns() - 1, (i) => {
    const image = imageAt(i), e = element("div", "cell"), s = side();
    e.style.left = 2 + (i % columns()) * (s + GAP) + "px";
    e.style.top = 2 + Math.floor(i / columns()) * (s + GAP) + "px";
    e.style.width = e.style.height = s + "px";
    e.setAttribute("role", "option");
    e.id = "image-" + i;
    if (i === at) e.classList.add("at");
    if (!image) { fetchPage(Math.floor(i / PAGE)); return e; }
    e.setAttribute("aria-label", image.path + ", confidence " + image.confidence.toFixed(3));
    e.setAttribute("aria-selected", taken.has(image.image));
    if (taken.has(image.image)) e.classList.add("taken");
    e.dataset.image = image.image;
    e.append(picture(image), element("span", "sure", image.note || image.confidence.toFixed(2)));
    e.addEventListener("click", (event) => { choose(i, event.shiftKey); });
    return e;
  });
  // What is chosen changes without anything being drawn anew.
  const mark = () => {
    grid.show(false);
    grid.each((i, e) => {
      const chosen = taken.has(Number(e.dataset.image ?? -1));
      e.classList.toggle("at", i === at);
      e.classList.toggle("taken", chosen);
      e.setAttribute("aria-selected", chosen);
    });
  };
  const where = () => {
    const image = imageAt(at);
    $("grid").setAttribute("aria-activedescendant", all ? "image-" + at : "");
    say(image ? image.path + ", confidence " + image.confidence.toFixed(3) + (now < 0 ? ", of cluster " + image.cluster : "") + (image.note ? ", " + image.note : "") : "");
  };
  const walk = (to, extend) => {
    to = Math.max(0, Math.min(all - 1, to));
    if (extend) { if (anchor < 0) anchor = at; take(Math.min(anchor, to), Math.max(anchor, to)); } else anchor = -1;
    at = to;
    reveal($("grid"), Math.floor(at / columns()) * (side() + GAP), side() + 4);
    mark();
    where();
    selection();
  };
  const add = (image) => taken.set(image.image, image.path);
  const take = (a, b) => whole(a, b, add);
  const choose = (i, extend) => {
    if (i >= all) return;
    if (extend) take(Math.min(at, i), Math.max(at, i));
    else whole(i, i, (image) => { if (!taken.delete(image.image)) add(image); });
    at = i; anchor = -1;
    mark();
    where();
    $("grid").focus({ preventScroll: true });
  };
  const takeAll = () => take(0, all - 1);
  const takeSpare = () => whole(0, all - 1, (image) => { if (image.spare) add(image); });
  const selection = () => {
    $("chosen").hidden = taken.size === 0;
    $("count").textContent = plural(taken.size, "image") + " selected";
    $("exclude").textContent = now === OUT ? "Restore" : "Leave out";
  };

  // What is shown follows the state.
  const refresh = () => {
    rows = rowsOf();
    if (!rows.some((c) => c.number === now)) now = rows.length ? rows[0].number : OUT;
    const c = find(now), reviewed = state.clusters.filter((c) => c.reviewed).length;
    all = c ? c.size : 0;
    if (at >= all) at = Math.max(0, all - 1);
    $("progress").textContent = reviewed + " of " + plural(state.clusters.length, "cluster") + " reviewed, " + plural(state.images, "image");
    $("name").textContent = c ? (c.number < 0 ? c.name : c.name || "Cluster " + c.number) : "";
    $("about").textContent = c && c.number >= 0 ? "cluster " + c.number + ", " + plural(c.size, "image") + (c.size ? ", mean confidence " + c.confidence.toFixed(2) : "") : c ? plural(c.size, "image") : "";
    $("tools").hidden = !c || c.number < 0;
    $("spare").hidden = !c || !c.spare;
    $("split").disabled = !state.split || all < 2;
    $("split").title = state.split ? "s" : "the features of this run are not available";
    $("merge").disabled = state.clusters.length < 2;
    $("reviewed").setAttribute("aria-pressed", Boolean(c && c.reviewed));
    $("undo").disabled = !state.undo;
    $("undo").textContent = state.undo ? "Undo: " + state.undo : "Undo";
    $("redo").disabled = !state.redo;
    $("empty").hidden = all > 0;
    $("clusters").setAttribute("aria-activedescendant", "cluster-" + now);
    clusters.show(true);
    grid.show(true);
    where();
    selection();
  };
  const adopt = (next) => {
    const changed = !state || next.steps !== state.steps;
    state = next;
    if (changed) { forget(); anchor = -1; }
    refresh();
  };
  const load = async () => adopt(await request("/state"));
  let waiting = 0;
  const lost = (e) => {
    if (e.state) adopt(e.state);
    if (!(e instanceof TypeError)) { alert(e.message); return; }
    // No answer: nothing that was not answered is taken for done. As soon as the server is there again, its state is shown.
    alert("The server does not answer. What was saved before is safe; this page continues when the server is back.");
    clearTimeout(waiting);
    waiting = setTimeout(async () => { try { await renew(); pages = new Map(); await load(); $("alert").hidden = true; } catch (e) { lost(e); } }, 1000);
  };
  // What needs the server's answer is done one after the other, in the order in which it was asked for. After a failure, what was asked for before
  // that was shown is dropped: it may have been meant for another state.
  const REST = " What was asked for after that was not done.";
  let turns = Promise.resolve(), failures = 0;
  const inTurn = (work) => {
    const before = failures;
    turns = turns.then(async () => {
      if (failures === before) { try { await work(); } catch (e) { failures++; lost(e); } } else if (!$("alert").textContent.endsWith(REST)) alert($("alert").textContent.replace(/\.?$/, ".") + REST);
    });
  };
  // A change is made to the state that the user had seen, which has the number of steps seen, and to which this page's own changes may have been added.
  const own = new Map(); // number of steps before a change of this page → that after it
  const since = (seen) => { while (own.has(seen)) seen = own.get(seen); return seen; };
  const send = async (value, seen, after) => {
    const here = now, before = since(seen);
    const next = await request("/step", { steps: before, step: value });
    own.set(before, next.steps);
    const stayed = now === here;
    adopt(next);
    if (after && stayed) after();
  };
  const change = (value, seen, after) => inTurn(() => send(value, seen, after));

  // The clusters that a text may mean, the likeliest first: the one with this number, then those with this name, then those whose number begins with
  // it, then those whose number or name contains it. sure: the first is taken unless another is chosen, which a number that no cluster has does not allow.
  const MOST = 60; // clusters shown at once
  const meant = (choices, text) => {
    const words = text.trim().toLowerCase();
    const rank = (c) => {
      const number = String(c.number), name = (c.name || "").toLowerCase();
      return number === words ? 0 : name === words ? 1 : number.startsWith(words) ? 2 : called(c).toLowerCase().includes(words) ? 3 : 4;
    };
    if (!words) return { found: choices, sure: true };
    const ranked = choices.map((c) => [rank(c), c]).filter(([r]) => r < 4).sort((a, b) => a[0] - b[0]);
    return { found: ranked.map(([, c]) => c), sure: ranked.length > 0 && (ranked[0][0] < 2 || !/^\d+$/.test(words)) };
  };

  // A dialog that asks for a name, or for a cluster out of all.
  const ask = (title, text, choices, done) => {
    const dialog = $("ask"), input = $("ask-text"), list = $("ask-list");
    let found = [], mark = 0; // the clusters listed, and the one that is taken; -1: none
    const show = () => {
      list.replaceChildren(...found.slice(0, MOST).map((c, k) => {
        const e = element("li");
        e.id = "ask-" + k;
        e.setAttribute("role", "option");
        e.setAttribute("aria-selected", k === mark);
        e.append(element("span", "", called(c)), element("span", "muted", c.size === undefined ? "" : c.size.toLocaleString("en")));
        e.addEventListener("click", () => { mark = k; finish(); });
        return e;
      }));
      const more = found.length - MOST, chosen = choices && found[mark];
      $("ask-more").textContent = !choices ? "" : found.length === 0 ? "No other cluster has this number or name."
        : more > 0 ? more.toLocaleString("en") + " more: type a number or part of a name." : mark < 0 ? "No other cluster has this number: choose one with ↓." : "";
      if (chosen) input.setAttribute("aria-activedescendant", "ask-" + mark); else input.removeAttribute("aria-activedescendant");
      $("ask-yes").disabled = Boolean(choices) && !chosen;
    };
    const search = () => {
      if (choices) { const m = meant(choices, input.value); found = m.found; mark = m.sure ? 0 : -1; }
      show();
    };
    const finish = () => { dialog.close(); done(choices ? found[mark] : input.value.trim()); };
    $("ask-title").textContent = title;
    input.value = text;
    input.placeholder = choices ? "number or part of the name" : "name";
    input.setAttribute("aria-label", choices ? "Cluster: number or part of the name" : "Name");
    for (const [name, value] of Object.entries({ role: "combobox", "aria-controls": "ask-list", "aria-expanded": "true", "aria-autocomplete": "list" })) {
      if (choices) input.setAttribute(name, value); else input.removeAttribute(name);
    }
    if (choices) input.removeAttribute("maxlength"); else input.maxLength = 200; // bytes at most, which the server counts
    list.hidden = !choices;
    $("ask-more").hidden = !choices;
    input.oninput = search;
    input.onkeydown = (e) => {
      if (choices && (e.key === "ArrowDown" || e.key === "ArrowUp")) {
        e.preventDefault();
        mark = e.key === "ArrowDown" ? Math.min(mark + 1, found.length - 1, MOST - 1) : Math.max(mark - 1, 0);
        show();
        if (list.children[mark]) list.children[mark].scrollIntoView({ block: "nearest" });
      }
    };
    dialog.querySelector("form").onsubmit = (e) => { e.preventDefault(); if (!$("ask-yes").disabled) finish(); };
    $("ask-no").onclick = () => dialog.close();
    search();
    dialog.showModal();
    input.select();
  };
  const others = () => state.clusters.filter((c) => c.number !== now);

  const clear = () => { taken = new Map(); anchor = -1; mark(); selection(); };
  const actions = {
    rename: () => {
      const cluster = now, c = find(cluster), seen = state.steps;
      if (c && cluster >= 0) ask("Name of cluster " + cluster, c.name, null, (name) => { if (name !== c.name) change({ step: "rename", cluster, name }, seen); });
    },
    merge: () => {
      const from = now, seen = state.steps;
      if (from >= 0 && others().length) ask("Merge " + called(find(from)) + " into", "", others(), (to) => change({ step: "merge", cluster: to.number, from: [from] }, seen, () => go(to.number)));
    },
    split: () => { const seen = state.steps; inTurn(() => preview(seen)); },
    reviewed: () => {
      const seen = state.steps;
      inTurn(async () => { // of the cluster to which the change before has led
        const c = find(now);
        if (c && now >= 0) await send({ step: "review", cluster: now, reviewed: !c.reviewed }, seen, () => { if (!c.reviewed) step(1); });
      });
    },
    move: async () => {
      const seen = state.steps;
      if (!await settled()) return;
      const images = [...taken.keys()].sort((a, b) => a - b);
      const choices = others().concat({ number: state.next, name: "a new cluster", fresh: true });
      ask("Move " + plural(images.length, "image") + " to", "", choices, (to) => {
        clear();
        inTurn(() => send({ step: "move", cluster: to.fresh ? state.next : to.number, images }, seen));
      });
    },
    exclude: async () => {
      const seen = state.steps, kind = now === OUT ? "include" : "exclude";
      if (!await settled()) return;
      const images = [...taken.keys()].sort((a, b) => a - b);
      clear();
      change({ step: kind, images }, seen);
    },
    clear,
    undo: () => { const seen = state.steps; inTurn(async () => { if (state.undo) await send({ step: "undo" }, seen); }); },
    redo: () => { const seen = state.steps; inTurn(async () => { if (state.redo) await send({ step: "redo" }, seen); }); },
    spare: () => { if (!$("spare").hidden) takeSpare(); },
    help: () => $("keys").showModal(),
  };
  for (const [id, action] of Object.entries(actions)) $(id).addEventListener("click", action);
  $("name").addEventListener("click", actions.rename);
  $("keys-close").addEventListener("click", () => $("keys").close());
  $("order").addEventListener("change", () => { order = $("order").value; pages = new Map(); at = 0; anchor = -1; $("grid").scrollTop = 0; refresh(); });

  // Shows the two parts of the cluster in view, and splits it if the user agrees.
  const preview = async (seen) => {
    const cluster = now;
    if (cluster < 0 || $("split").disabled) return;
    say("Splitting…");
    let answer;
    try { answer = await request("/split", { steps: since(seen), cluster }); } finally { where(); }
    if (now !== cluster || state.steps !== answer.steps || document.querySelector("dialog[open]")) {
      alert("Cluster " + cluster + " was not split: the view changed before its parts had loaded.");
      return;
    }
    $("parts-title").textContent = "Split " + called(find(cluster)) + " in two";
    [...$("parts").querySelectorAll("section")].forEach((section, k) => {
      section.querySelector("h3").textContent = (k ? "New cluster " + state.next : "Stays cluster " + cluster) + ", " + plural(answer.parts[k].size, "image");
      section.querySelector(".some").replaceChildren(...(answer.parts[k].images || []).map((image) => {
        const e = element("div", "cell");
        e.title = image.path;
        e.append(picture(image));
        return e;
      }));
    });
    $("parts").returnValue = "";
    $("parts").showModal();
    $("parts-yes").focus();
    await new Promise((closed) => $("parts").addEventListener("close", closed, { once: true }));
    if ($("parts").returnValue === "yes") await send({ step: "split", cluster }, answer.steps);
  };
  $("parts-yes").addEventListener("click", () => $("parts").close("yes"));
  $("parts-no").addEventListener("click", () => $("parts").close());

  document.addEventListener("keydown", (e) => {
    if (!state || document.querySelector("dialog[open]") || e.ctrlKey && e.key !== "z" && e.key !== "y" || e.metaKey || e.altKey || /^(INPUT|SELECT)$/.test(e.target.tagName)) return;
    const press = (action) => { e.preventDefault(); action(); };
    const inList = e.target === $("clusters"), onButton = e.target.tagName === "BUTTON";
    switch (e.key) {
      case "j": return press(() => step(1));
      case "k": return press(() => step(-1));
      case "r": return press(actions.rename);
      case "m": return press(actions.merge);
      case "s": return press(actions.split);
      case "v": return press(actions.reviewed);
      case "t": return press(actions.move);
      case "x": return press(actions.exclude);
      case "a": return press(takeAll);
      case "d": return press(actions.spare);
      case "u": return press(actions.undo);
      case "z": if (e.ctrlKey) press(actions.undo); return;
      case "U": return press(actions.redo);
      case "y": if (e.ctrlKey) press(actions.redo); return;
      case "?": return press(actions.help);
      case "Escape": return press(actions.clear);
      case "ArrowDown": return press(() => inList ? step(1) : walk(at + columns(), e.shiftKey));
      case "ArrowUp": return press(() => inList ? step(-1) : walk(at - columns(), e.shiftKey));
      case "ArrowRight": return press(() => walk(at + 1, e.shiftKey));
      case "ArrowLeft": return press(() => walk(at - 1, e.shiftKey));
      case "Home": return press(() => inList ? step(-rows.length) : walk(0, e.shiftKey));
      case "End": return press(() => inList ? step(rows.length) : walk(all - 1, e.shiftKey));
      case " ": if (!onButton) press(() => choose(at, false)); return;
    }
  });

  request("/state").then((s) => { now = s.clusters.length ? s.clusters[0].number : OUT; adopt(s); }).catch(lost);
})();
