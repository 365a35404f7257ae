"use strict";
// The controls of the interactive figures. Without this script the page shows its pictures.
// Controls and values are there at once; the figure is drawn when the library has come.

(() => {
  const section = document.getElementById("explore");
  const source = document.getElementById("explore-data");
  const library = document.getElementById("explore-library");
  if (!section || !source || !library) return;
  const data = JSON.parse(source.textContent);
  const figures = regretta.figures(data);
  const { plain } = regretta;
  const find = (selector) => section.querySelector(selector);
  const all = (selector) => [...section.querySelectorAll(selector)];
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  const [plot, tableChoice, slider, output] = ["#explore-plot", "#explore-table", "#explore-at", "#explore-place"].map(find);
  const [caption, notes, status, values] = ["#explore-caption", "#explore-notes", "#explore-said", "#explore-values"].map(find);
  const shown = new Set(data.methods.flatMap((method, m) => (method.background ? [] : [m])));
  let current = null;

  const chosen = (name) => find(`input[name="explore-${name}"]:checked`)?.value;
  const state = () => ({
    figure: chosen("figure"), table: tableChoice.value === "all" ? "all" : Number(tableChoice.value),
    axis: Number(find("#explore-axis")?.value ?? 0), statistic: chosen("statistic"), band: chosen("band"),
    cell: chosen("cell") ?? "regret", log: find("#explore-log").checked, logAxis: find("#explore-log-axis").checked,
    runs: find("#explore-runs").checked, shown,
  });

  // -- methods, sorted by result ------------------------------------------------------------

  const swatch = (method) => {
    const made = element("span", { className: "swatch" });
    made.style.setProperty("--light-color", method.color);
    made.style.setProperty("--dark-color", method.dark);
    made.classList.toggle("dashed", method.dash !== "solid");
    return made;
  };

  const rows = data.methods.map((method, m) => {
    const box = element("input", { type: "checkbox", checked: shown.has(m) });
    box.addEventListener("change", () => {
      if (box.checked) shown.add(m);
      else shown.delete(m);
      draw(`${method.name} ${box.checked ? "shown" : "hidden"}`);
    });
    const name = element("label", {}, box, swatch(method), element("span", { textContent: method.name, className: "name" }));
    const head = element("th", { scope: "row" }, name);
    return { box, row: element("tr", {}, head), cells: [] };
  });

  const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  const meanRank = (m) => mean(data.tables.map((table) => table.finals[m]?.rank[1] ?? Infinity));

  // What a method ends with: text, and number to sort by.
  const result = (now, m) => {
    if (now.table === "all") return [current.read(m, current.range[1]), current.end(m)];
    return data.tables[now.table].finals[m]?.[now.figure === "ranks" ? "rank" : now.statistic] ?? ["—", null];
  };

  // Lowest first; what is missing last.
  const sorted = (keys) => [...keys.keys()].sort((a, b) => {
    const [one, two] = [keys[a] ?? Infinity, keys[b] ?? Infinity];
    return one === two ? a - b : one - two;
  });
  const everyMethod = [...data.methods.keys()];
  const firstOrder = (now) => sorted(everyMethod.map((m) =>
    (now.figure === "heat" || now.table === "all" ? meanRank(m) : result(now, m)[1])));

  // An interval stays on one line.
  const whole = (text) => text.replace(", ", ",\u00a0");

  const fill = (now, order) => {
    const ranked = now.table === "all" || now.figure === "ranks";
    const interval = now.statistic === "median" ? "" : "[95 % interval]";
    const heads = now.figure === "heat"
      ? data.tables.map((table) => (now.cell === "rank" ? [table.name, ""] : [`${table.name}, %`, interval]))
      : [["Runs", ""], ranked ? ["Final rank", ""] : [`Final ${label("statistic", now.statistic)}, %`, interval], ["", current.reading ? `[${current.reading}]` : ""]];
    values.tHead.replaceChildren(element("tr", {}, ...[["Method", ""], ...heads].map(([text, below]) =>
      element("th", { scope: "col" }, element("span", { textContent: text }), ...(below ? [" ", element("small", { textContent: below })] : [])))));
    for (const m of order) {
      const { row } = rows[m];
      while (row.cells.length > 1) row.deleteCell(-1);
      const texts = now.figure === "heat"
        ? data.tables.map((table) => current.cell(table, m))
        : [now.table === "all" ? "" : (data.tables[now.table].finals[m]?.runs ?? "0"), result(now, m)[0], ""];
      for (const text of texts) row.insertCell().textContent = whole(text);
    }
    values.tBodies[0].append(...order.map((m) => rows[m].row));
  };

  const label = (kind, key) => data[`${kind}s`].find(([name]) => name === key)[1];

  // -- reading values at a place ------------------------------------------------------------

  const place = () => {
    const [low, high] = current.range, fraction = slider.value / slider.max;
    if (fraction === 1) return high;
    return current.snap(current.logs ? low * (high / low) ** fraction : low + (high - low) * fraction);
  };

  const read = (x) => {
    const text = current.place(x);
    output.value = text;
    slider.setAttribute("aria-valuetext", text);
    values.tHead.rows[0].lastElementChild.firstElementChild.textContent = `At ${text}`;
    rows.forEach(({ row }, m) => { row.lastElementChild.textContent = whole(current.read(m, x)); });
  };

  const mark = (x) => {
    const theme = regretta.theme();
    const shapes = [...(current.layout.shapes ?? [])];
    if (slider.value !== slider.max) {
      shapes.push({ type: "line", xref: "x", yref: "paper", x0: x, x1: x, y0: 0, y1: 1, line: { color: theme.ink, width: 1 } });
    }
    return shapes;
  };

  // -- drawing ------------------------------------------------------------------------------

  const layout = (found) => {
    const theme = regretta.theme();
    const narrow = regretta.narrow();
    const axis = (own) => ({
      gridcolor: theme.grid, linecolor: theme.quiet, zeroline: false, ticks: "outside", tickcolor: theme.quiet,
      ticklen: 4, showline: true, automargin: true, ...own,
    });
    const title = `${plain(found.title)}${found.modelled ? "<br><i>reconstruction</i>" : ""}`;
    const { annotations = [], xaxis, yaxis, ...rest } = found.layout;
    return {
      ...rest, xaxis: axis(xaxis), yaxis: axis(yaxis),
      annotations: annotations.map((one) => ({ ...one, font: { ...one.font, color: theme.quiet } })),
      title: { text: title, font: { size: 14 }, x: 0.5, xanchor: "center", y: 0.98, yanchor: "top" },
      font: { family: "system-ui, Segoe UI, Helvetica, Arial, sans-serif", size: narrow ? 11 : 12, color: theme.ink },
      paper_bgcolor: theme.ground, plot_bgcolor: theme.ground, showlegend: false, autosize: true,
      margin: { l: 12, r: narrow ? 8 : 16, t: found.modelled ? 50 : 34, b: 12 },
      height: Math.max(narrow ? 340 : 460, found.height ?? 0), hovermode: "closest", hoverdistance: 40,
      hoverlabel: { bgcolor: theme.ground, bordercolor: theme.quiet, font: { color: theme.ink, size: 12 }, namelength: 28 },
      dragmode: narrow ? false : "zoom", shapes: found.range ? mark(place()) : [],
    };
  };

  const enable = (now) => {
    const uses = {
      statistic: now.figure !== "ranks" && !(now.figure === "heat" && now.cell === "rank"),
      band: now.figure === "regret", runs: now.figure === "regret", cell: now.figure === "heat",
      axis: now.figure === "regret" || now.figure === "ranks", table: now.figure !== "heat",
      log: now.figure === "regret" || now.figure === "distribution",
      "log-axis": now.figure === "regret" || now.figure === "ranks", read: now.figure !== "heat",
    };
    for (const part of all("[data-for]")) part.hidden = !uses[part.dataset.for];
    const every = tableChoice.querySelector('option[value="all"]');
    if (every) {
      every.disabled = now.figure !== "ranks" || !data.overall.ranks[now.axis];
      if (every.disabled && tableChoice.value === "all") tableChoice.value = "0";
    }
  };

  function draw(said = "") {
    enable(state());
    const now = state();
    let order = firstOrder(now);
    current = figures[now.figure](now, order);
    if (now.table === "all") order = sorted(everyMethod.map(current.end));
    current.logs = now.figure === "distribution" ? now.log : now.logAxis;
    fill(now, order);
    if (current.range) read(place());
    const count = `${shown.size} of ${data.methods.length} methods shown`;
    const silent = now.figure !== "ranks" && now.figure !== "heat" && now.statistic === "median" && data.tables[now.table].silent;
    caption.textContent = `${current.caption} ${silent ? `${data.silentMedian} ` : ""}${data.protocol} ${count}, sorted by result.`;
    notes.replaceChildren(...current.notes.map((text) => element("li", { textContent: text })));
    plot.setAttribute("aria-label", `${current.said}, ${count}; the table below has the values`);
    status.textContent = [said, `${current.said}: ${count}`].filter(Boolean).join(". ");
    if (drawable()) paint();
  }

  const drawable = () => typeof Plotly !== "undefined";
  const paint = () => Plotly.react(plot, current.traces, layout(current), { displayModeBar: false, responsive: true, doubleClick: "reset" });

  // -- wiring -------------------------------------------------------------------------------

  const keep = [...document.querySelectorAll("figure.still")];
  const unfold = () => {
    for (const figure of keep) {
      const summary = element("summary", { textContent: `Picture: ${figure.querySelector("img").alt}` });
      const folded = element("details", { className: "still" }, summary);
      figure.before(folded);
      folded.append(figure);
    }
  };
  const open = (how) => document.querySelectorAll("details.still").forEach((folded) => { folded.open = how; });
  addEventListener("beforeprint", () => open(true));
  addEventListener("afterprint", () => open(false));

  section.addEventListener("change", (event) => {
    if (event.target.matches('[name^="explore-"], #explore-table, #explore-axis')) draw();
  });
  find("form").addEventListener("submit", (event) => event.preventDefault());
  slider.addEventListener("input", () => {
    read(place());
    if (drawable()) Plotly.relayout(plot, { shapes: mark(place()) });
  });
  const toggle = (how) => {
    rows.forEach(({ box }, m) => {
      box.checked = how;
      if (how) shown.add(m);
      else shown.delete(m);
    });
    draw();
  };
  find("#explore-all").addEventListener("click", () => toggle(true));
  find("#explore-none").addEventListener("click", () => toggle(false));
  find("#explore-reset").addEventListener("click", () => draw("Whole figure"));
  for (const query of ["(prefers-color-scheme: dark)", "(max-width: 40rem)"]) {
    matchMedia(query).addEventListener("change", () => draw());
  }

  const begin = () => paint().then(() => {
    plot.on("plotly_hover", ({ points }) => {
      const [point] = points;
      if (current.range && point?.x !== undefined) read(current.snap(Number(point.x), point.pointNumber === 0));
    });
    plot.on("plotly_unhover", () => current.range && read(place()));
    plot.dataset.ready = "yes";
    performance.mark("interactive");
  });
  // Without the library the page is as it is without scripts.
  const withdraw = () => {
    section.hidden = true;
    document.documentElement.classList.remove("scripted");
    document.querySelectorAll("details.still").forEach((folded) => folded.replaceWith(folded.querySelector("figure")));
  };
  library.addEventListener("load", () => (drawable() ? begin() : withdraw()));
  library.addEventListener("error", withdraw);

  document.documentElement.classList.add("scripted");
  section.hidden = false;
  unfold();
  draw();
  performance.mark("controls");
})();
