"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const root = document.documentElement;

  // Theme: the reader's choice, otherwise the system's.
  const theme = $("theme");
  const dark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { theme.textContent = dark() ? "Light" : "Dark"; theme.setAttribute("aria-label", dark() ? "Switch to light colours" : "Switch to dark colours"); };
  let redraw = () => {};
  theme.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; label(); redraw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { label(); redraw(); });
  label();

  // Tables are sorted by the column whose header is clicked: numbers in descending order, text by name. Missing values come last.
  const value = (row, k) => {
    const text = row.cells[k].textContent.trim().replace("\u2212", "-");
    const number = Number.parseFloat(text);
    return text === "–" || text === "" ? null : /^-?[0-9.]/.test(text) && !Number.isNaN(number) ? number : text;
  };
  const compare = (a, b) => typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, k) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "sort";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const rows = [...table.tBodies[0].rows];
        const numbers = rows.some((row) => typeof value(row, k) === "number");
        const was = head.getAttribute("aria-sort");
        const down = was ? was === "ascending" : numbers;
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        rows.sort((x, y) => {
          const a = value(x, k), b = value(y, k);
          if (a === null || b === null) return (a === null) - (b === null);
          return down ? compare(b, a) : compare(a, b);
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  const block = $("data");
  if (!block) return;
  const data = JSON.parse(block.textContent);
  const clusterName = (c) => "cluster " + c + (data.clusters[c].name ? " · " + data.clusters[c].name : "");
  const caption = (i) => {
    let s = clusterName(data.cluster[i]) + ", confidence " + data.confidence[i].toFixed(3);
    if (data.label && data.label[i] >= 0) s += ", label " + data.classes[data.label[i]] + (wrong(i) ? " (wrong)" : "");
    return s;
  };
  const wrong = (i) => data.label && data.label[i] >= 0 && data.label[i] !== data.clusters[data.cluster[i]].class;
  const tileClass = (i) => {
    const t = data.tile[i], side = data.sheetSide;
    return t < 0 ? "t none" : "t s" + Math.floor(t / (side * side)) + " x" + t % side + " y" + Math.floor(t % (side * side) / side);
  };
  const element = (tag, className, text) => {
    const e = document.createElement(tag);
    if (className) e.className = className;
    if (text !== undefined) e.textContent = text;
    return e;
  };

  // One cluster can be selected: the map dims the others and the contact sheets hide them.
  let chosen = -1;
  const choice = $("cluster"), status = $("status");
  const sheets = [...document.querySelectorAll("#sheets .sheet")];
  const choose = (c) => {
    chosen = c;
    if (choice) choice.value = String(c);
    for (const s of sheets) s.hidden = c >= 0 && Number(s.dataset.cluster) !== c;
    if (status) status.textContent = c < 0 ? "All clusters." : "Only " + clusterName(c) + ": " + data.clusters[c].size + (data.clusters[c].size === 1 ? " image." : " images.");
    redraw();
  };
  if (choice) choice.addEventListener("change", () => choose(Number(choice.value)));
  const clear = $("clear");
  if (clear) clear.addEventListener("click", () => choose(-1));
  for (const b of document.querySelectorAll("button[data-show]")) {
    b.addEventListener("click", () => { choose(chosen === Number(b.dataset.show) ? -1 : Number(b.dataset.show)); });
  }

  // Clicking an image opens a dialog with its neighbours.
  const dialog = $("item");
  const open = (i) => {
    const body = $("item-body");
    body.replaceChildren();
    const tile = element("span", tileClass(i));
    tile.setAttribute("role", "img");
    tile.setAttribute("aria-label", data.path[i]);
    body.append(tile, element("p", "", data.path[i]), element("p", "muted", caption(i)));
    const near = data.neighbours && data.tile[i] >= 0 ? data.neighbours[data.tile[i]] : [];
    if (near && near.length) {
      body.append(element("h3", "", "Nearest neighbours among the images shown"));
      const strip = element("div", "strip");
      for (const j of near) {
        const f = element("figure");
        const b = element("button", tileClass(j));
        b.type = "button";
        b.setAttribute("aria-label", data.path[j] + ", " + caption(j));
        b.addEventListener("click", () => { open(j); });
        f.append(b, element("figcaption", "", clusterName(data.cluster[j])));
        strip.append(f);
      }
      body.append(strip);
    }
    if (!dialog.open) dialog.showModal();
    dialog.querySelector(".close").focus();
  };
  if (dialog) {
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (e) => { if (e.target === dialog) dialog.close(); });
  }
  for (const strip of document.querySelectorAll(".sheet .strip, .found .strip")) {
    // One tab stop per strip; arrow keys move inside it.
    const tiles = [...strip.querySelectorAll("button.t")];
    tiles.forEach((t, k) => { t.tabIndex = k ? -1 : 0; });
    strip.addEventListener("click", (e) => { if (e.target.dataset.i !== undefined) open(Number(e.target.dataset.i)); });
    strip.addEventListener("keydown", (e) => {
      const at = tiles.indexOf(document.activeElement);
      const to = e.key === "ArrowRight" ? at + 1 : e.key === "ArrowLeft" ? at - 1 : e.key === "Home" ? 0 : e.key === "End" ? tiles.length - 1 : -1;
      if (at < 0 || to < 0 || to >= tiles.length) return;
      e.preventDefault();
      tiles[at].tabIndex = -1;
      tiles[to].tabIndex = 0;
      tiles[to].focus();
    });
  }
  const order = $("order");
  if (order) order.addEventListener("change", () => {
    const key = order.value, sign = key === "cluster" ? 1 : -1;
    const box = $("sheets");
    sheets.sort((a, b) => sign * (Number(a.dataset[key]) - Number(b.dataset[key])) || Number(a.dataset.cluster) - Number(b.dataset.cluster));
    box.append(...sheets);
  });

  const canvas = $("map");
  if (!canvas || !data.points) return;
  const colour = $("colour"), tip = $("tip"), draw = canvas.getContext("2d");
  const pad = 18;
  let scale = 1, left = 0, top = 0, near = -1;
  // Twelve distinct colours; beyond them, hues advance by the golden angle, so that consecutive numbers differ.
  let apart = [];
  const hue = (k) => {
    if (k < 12) return apart[k];
    const l = dark() ? [74, 66, 82][k % 3] : [56, 64, 47][k % 3];
    return "oklch(" + l + "% 0.14 " + (k * 137.508 % 360).toFixed(1) + ")";
  };
  const paint = () => {
    const style = getComputedStyle(root);
    apart = Array.from({ length: 12 }, (_, k) => style.getPropertyValue("--c" + k));
    const muted = style.getPropertyValue("--muted"), bad = style.getPropertyValue("--bad"), good = style.getPropertyValue("--fill");
    switch (colour.value) {
      case "class": return (i) => data.label[i] < 0 ? muted : hue(data.label[i]);
      case "confidence": return (i) => "oklch(" + (dark() ? 45 + 45 * data.confidence[i] : 88 - 48 * data.confidence[i]) + "% " + (0.03 + 0.1 * data.confidence[i]).toFixed(3) + " 200)";
      case "wrong": return (i) => wrong(i) ? bad : good;
    }
    // A matched cluster has the colour of its class, so that both colourings agree where clusters and classes do.
    return (i) => { const c = data.cluster[i], k = data.clusters[c].class; return hue(k >= 0 ? k : data.classes && data.classes.length ? data.classes.length + c : c); };
  };
  const px = (i) => left + data.x[i] * scale, py = (i) => top + data.y[i] * scale;
  redraw = () => {
    const box = canvas.getBoundingClientRect(), dpr = window.devicePixelRatio || 1;
    canvas.width = Math.round(box.width * dpr);
    canvas.height = Math.round(box.height * dpr);
    draw.setTransform(dpr, 0, 0, dpr, 0, 0);
    const side = Math.min(box.width, box.height) - 2 * pad;
    scale = side / 4095;
    left = (box.width - side) / 2;
    top = (box.height - side) / 2;
    const of = paint();
    const r = data.points > 6000 ? 1.7 : data.points > 1500 ? 2.3 : 3.4;
    const dot = (i) => { draw.fillStyle = of(i); draw.beginPath(); draw.arc(px(i), py(i), r, 0, 7); draw.fill(); };
    draw.clearRect(0, 0, box.width, box.height);
    draw.globalAlpha = chosen < 0 ? 0.82 : 0.1;
    for (let i = 0; i < data.points; i++) if (data.cluster[i] !== chosen) dot(i);
    draw.globalAlpha = 0.95;
    if (chosen >= 0) for (let i = 0; i < data.points; i++) if (data.cluster[i] === chosen) dot(i);
    draw.globalAlpha = 1;
    if (near >= 0) {
      draw.strokeStyle = getComputedStyle(root).getPropertyValue("--ink");
      draw.lineWidth = 2;
      draw.beginPath();
      draw.arc(px(near), py(near), r + 3, 0, 7);
      draw.stroke();
    }
  };
  const show = (i) => {
    if (i === near) return;
    near = i;
    redraw();
    tip.hidden = i < 0;
    if (i < 0) return;
    tip.replaceChildren(element("span", tileClass(i)), element("strong", "", data.path[i]), element("div", "", caption(i)));
    const box = canvas.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(px(i) + 14, box.width - tip.offsetWidth - 4)) + "px";
    tip.style.top = Math.max(4, Math.min(py(i) + 14, box.height - tip.offsetHeight - 4)) + "px";
  };
  const at = (e, reach) => {
    const box = canvas.getBoundingClientRect(), x = e.clientX - box.left, y = e.clientY - box.top;
    let best = -1, least = reach * reach;
    for (let i = 0; i < data.points; i++) {
      if (chosen >= 0 && data.cluster[i] !== chosen) continue;
      const dx = px(i) - x, dy = py(i) - y, d = dx * dx + dy * dy;
      if (d < least) { least = d; best = i; }
    }
    return best;
  };
  canvas.addEventListener("pointermove", (e) => show(at(e, 14)));
  canvas.addEventListener("pointerleave", () => show(-1));
  canvas.addEventListener("click", (e) => {
    const i = at(e, 14);
    choose(i < 0 || data.cluster[i] === chosen ? -1 : data.cluster[i]);
    show(i); // touch screens have no hover
  });
  canvas.addEventListener("dblclick", (e) => { const i = at(e, 14); if (i >= 0) open(i); });
  canvas.addEventListener("keydown", (e) => {
    const step = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[e.key];
    if (step) {
      e.preventDefault();
      if (near < 0) { show(0); say(); return; }
      // The nearest point whose direction is closer to the arrow's than to its perpendicular.
      let best = -1, least = Infinity;
      for (let i = 0; i < data.points; i++) {
        const dx = data.x[i] - data.x[near], dy = data.y[i] - data.y[near];
        const along = dx * step[0] + dy * step[1], across = Math.abs(dx * step[1]) + Math.abs(dy * step[0]);
        if (along > across && along + across < least && (chosen < 0 || data.cluster[i] === chosen)) { least = along + across; best = i; }
      }
      if (best >= 0) { show(best); say(); }
    } else if (e.key === "Enter" && near >= 0) {
      e.preventDefault();
      choose(chosen === data.cluster[near] ? -1 : data.cluster[near]);
    } else if (e.key === " " && near >= 0) {
      e.preventDefault();
      open(near);
    } else if (e.key === "Escape") {
      show(-1);
      choose(-1);
    }
  });
  const say = () => { status.textContent = data.path[near] + ", " + caption(near); };
  canvas.addEventListener("blur", () => show(-1));
  colour.addEventListener("change", redraw);
  new ResizeObserver(redraw).observe(canvas);
  window.addEventListener("beforeprint", redraw);
})();
