(() => {
  "use strict";
  // A comfort only: the page is complete without it. Values are read back from the drawn paths.
  const trim = (n, d) => String(+n.toFixed(d));
  const text = {
    rate: v => trim(v, v < 1000 ? 1 : 0) + "/s",
    count: v => Math.round(v).toLocaleString("en"),
    share: v => trim(v * 100, 2) + "%",
    cpu: v => trim(v, v < 10 ? 1 : 0) + "%",
    latency: v => v < 1e3 ? trim(v, 0) + " µs" : v < 1e6 ? trim(v / 1e3, v < 1e4 ? 2 : v < 1e5 ? 1 : 0) + " ms" : trim(v / 1e6, 2) + " s",
    bytes: v => { const u = ["B", "KiB", "MiB", "GiB", "TiB"]; let i = 0; while (v >= 1024 && i < 4) { v /= 1024; i++; } return v.toFixed(i ? 1 : 0) + " " + u[i]; },
  };
  const two = n => String(Math.floor(n)).padStart(2, "0");
  const read = path => [...path.getAttribute("d").matchAll(/[ML]([\d.]+),([\d.]+)/g)].map(m => [+m[1], +m[2]]);
  for (const figure of document.querySelectorAll(".chart")) {
    const svg = figure.querySelector("svg"), d = svg.dataset;
    const [left, right, top, bottom, low, high] = ["left", "right", "top", "bottom", "low", "high"].map(k => +d[k]);
    let lines = null, cross = null, tip = null;
    const value = y => {
      const s = (y - bottom) / (top - bottom);
      return d.log === "1" ? low * Math.pow(high / low, s) : low + s * (high - low);
    };
    const leave = () => { if (cross) { cross.remove(); tip.remove(); cross = tip = null; } };
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("pointermove", event => {
      const box = svg.getBoundingClientRect(), scale = svg.viewBox.baseVal.width / box.width;
      const x = (event.clientX - box.left) * scale;
      if (x < left || x > right) { leave(); return; }
      lines ??= [...svg.querySelectorAll("path.line")].filter(p => !p.classList.contains("reference"))
        .map(p => ({ name: p.dataset.name, css: p.getAttribute("class"), points: read(p) }));
      if (!lines.length) return;
      const share = (x - left) / (right - left), us = +d.start + share * (d.end - d.start), s = us / 1e6;
      if (!cross) {
        cross = document.createElementNS(svg.namespaceURI, "line");
        cross.setAttribute("class", "cross");
        cross.setAttribute("y1", top);
        cross.setAttribute("y2", bottom);
        svg.append(cross);
        tip = document.createElement("div");
        tip.className = "tip";
        tip.setAttribute("aria-hidden", "true");
        figure.append(tip);
      }
      cross.setAttribute("x1", x);
      cross.setAttribute("x2", x);
      tip.replaceChildren();
      const head = document.createElement("b");
      head.textContent = `${two(s / 3600)}:${two(s / 60 % 60)}:${two(s % 60)}` +
        (d.anchor ? ` · ${new Date(+d.anchor + us / 1e3).toISOString().slice(11, 19)} UTC` : "");
      tip.append(head);
      for (const line of lines) {
        let best = null;
        for (const p of line.points) if (!best || Math.abs(p[0] - x) < Math.abs(best[0] - x)) best = p;
        if (!best || Math.abs(best[0] - x) > 6) continue;
        const row = document.createElement("div"), dot = document.createElement("i");
        dot.className = "key " + (line.css.match(/c\d/) || [""])[0];
        row.append(dot, `${line.name} ${text[d.unit](value(best[1]))}`);
        tip.append(row);
      }
      const place = event.clientX - figure.getBoundingClientRect().left;
      tip.style.left = (place > box.width * .7 ? place - tip.offsetWidth - 14 : place + 14) + "px";
      tip.style.top = (svg.offsetTop || 30) + 20 + "px";
    });
  }
})();
