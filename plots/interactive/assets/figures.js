"use strict";
// What each figure draws of the page's data: traces and axes for the library, nothing computed.

regretta.figures = (data) => {
  const arrays = data.arrays.map(() => null);
  const array = (number) => (arrays[number] ??= regretta.unpack(data.arrays[number]));
  const { plain, percent, interval, humanTime } = regretta;

  const axisTitle = (text) => ({ title: { text: plain(text), standoff: 8 } });
  const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const named = (pairs, key) => pairs.find(([name]) => name === key)[1];

  // What is zero or less has no place on a logarithmic axis: it is drawn on a line of its own.
  const drawn = (values, floor, log) => (log ? Array.from(values, (v) => (v > 0 ? v : floor)) : values);

  const zeroMark = (axis, floor) => {
    const paper = axis === "y" ? "x" : "y";
    return {
      shapes: [{
        type: "line", [`${axis}ref`]: axis, [`${paper}ref`]: "paper", [`${axis}0`]: floor, [`${axis}1`]: floor,
        [`${paper}0`]: 0, [`${paper}1`]: 1, line: { color: regretta.theme().quiet, width: 1, dash: "dot" },
      }],
      annotations: [{
        text: "≤ 0", showarrow: false, [`${axis}ref`]: axis, [`${paper}ref`]: "paper",
        [axis]: Math.log10(floor), [paper]: axis === "y" ? 1 : 1, font: { size: 11 },
        xanchor: axis === "y" ? "right" : "center", yanchor: "bottom",
      }],
    };
  };

  // A place on an axis in words, as `human_position` has it.
  const position = (value, axis) => {
    if (axis.name === "seconds") return humanTime(value);
    const noun = value === 1 ? axis.name.slice(0, -1) : axis.name;
    return `${Number(value.toPrecision(6)).toLocaleString("en")} ${noun}`;
  };

  const line = (method, extra) => {
    const color = regretta.color(method);
    return {
      type: "scatter", mode: method.background ? "lines" : "lines+markers", name: plain(method.short),
      line: { color, width: method.background ? 1 : 2, dash: method.dash, shape: "hv" },
      marker: { color, size: 8, symbol: method.symbol, maxdisplayed: 7, line: { width: 1.5, color } },
      hovertemplate: "%{text}",
      ...extra,
    };
  };

  const timeAxis = (axis, low, high, log) => {
    const ticks = axis.name === "seconds" && log ? regretta.moments(low, high) : null;
    return {
      type: log ? "log" : "linear", range: log ? [Math.log10(low), Math.log10(high)] : [low, high], autorange: low === high,
      ...axisTitle(axis.label + (axis.name === "seconds" && !ticks ? " (s)" : "")),
      ...(ticks ? { tickmode: "array", tickvals: ticks, ticktext: ticks.map(humanTime) } : { nticks: 6, tickformat: axis.name ? ",.6~f" : ".3~%" }),
      hoverformat: axis.whole ? ",.0f" : ".4~g",
    };
  };

  const regretAxis = (title, log) => ({
    type: log ? "log" : "linear", ...axisTitle(title), tickformat: ".3~%", hoverformat: ".3~%",
    ...(log ? { nticks: 4 } : { rangemode: "tozero" }),
  });

  // Limits of a logarithmic axis, as the still figure has them: bands are cut where they would take
  // most of its height. `zero` is the line of what is zero or less, if there is one.
  const heights = ({ values, lows, highs }, zero) => {
    if (!values.length) return {};
    const smallest = values.reduce((a, b) => Math.min(a, b));
    const lowest = lows.reduce((a, b) => Math.min(a, b), smallest);
    const top = [...values, ...highs].reduce((a, b) => Math.max(a, b));
    const bottom = zero ? zero / 1.15 : Math.max(lowest, smallest / 3) * 0.9;
    return { range: [Math.log10(bottom), Math.log10(top * 1.15)], autorange: false };
  };

  const span = (curves) => {
    const found = curves.filter((x) => x.length);
    if (!found.length) return [1, 1];
    return [Math.min(...found.map((x) => x[0])), Math.max(...found.map((x) => x.at(-1)))];
  };

  const regret = (state, order) => {
    const table = data.tables[state.table];
    const axis = data.axes[state.axis];
    const panel = table.curves[state.axis][`${state.statistic} ${state.band}`];
    const curves = panel.lines.map((lines) => lines && lines.map(array));
    const at = (x) => position(axis.whole ? Math.floor(x + 1e-9) : x, axis);
    const shown = order.filter((m) => state.shown.has(m) && curves[m]);
    const { floor } = panel;
    const positive = (values) => Array.from(values).filter((v) => v > 0);
    const cut = (values) => (state.log ? Array.from(values, (v) => Math.max(v, floor)) : values);
    const below = [], above = [];
    const bounds = { values: [], lows: [], highs: [] };
    const banded = shown.length <= data.mostBands;
    let zero = false, reaching = false;
    for (const m of shown) {
      const method = data.methods[m];
      const [x, value, low, high] = curves[m];
      const color = regretta.color(method);
      bounds.values.push(...positive(value));
      if (panel.runs[m] > 1 && banded) {
        reaching ||= low.some((v) => v <= 0);
        bounds.lows.push(...positive(low));
        bounds.highs.push(...positive(high));
        const edge = { type: "scatter", mode: "lines", x, hoverinfo: "skip", line: { width: 0, shape: "hv", color } };
        below.push(
          { ...edge, y: cut(low) },
          { ...edge, y: cut(high), fill: "tonexty", fillcolor: regretta.faint(color, regretta.dark() ? 0.22 : 0.15) },
        );
      }
      zero ||= value.some((v) => v <= 0);
      above.push(line(method, {
        x, y: drawn(value, floor, state.log),
        text: Array.from(value, (v, i) => `${interval(v, low[i], high[i])} at ${at(x[i])}`),
      }));
    }
    const single = [];
    for (const m of state.runs ? shown : []) {
      const color = regretta.color(data.methods[m]);
      const [xs, ys, texts] = [[], [], []];
      for (const [number, x, y] of table.single[state.axis].lines[m]) {
        const values = array(y);
        const places = array(x);
        zero ||= values.some((v) => v <= 0);
        bounds.values.push(...positive(values));
        xs.push(...places, null);
        ys.push(...drawn(values, floor, state.log), null);
        texts.push(...Array.from(values, (v, i) => `run ${number}: ${percent(v)} % at ${at(places[i])}`), "");
      }
      single.push({
        type: "scatter", mode: "lines", x: xs, y: ys, text: texts, hovertemplate: "%{text}",
        name: plain(data.methods[m].short), line: { color: regretta.faint(color, 0.35), width: 1, shape: "hv" },
      });
    }
    const [first, last] = span(shown.length ? shown.map((m) => curves[m][0]) : curves.filter(Boolean).map((c) => c[0]));
    const what = named(data.statistics, state.statistic);
    const said = panel.caption;
    const anyBand = banded && shown.some((m) => panel.runs[m] > 1);
    const caption = [
      said.what, anyBand ? said.bands : "", shown.length > data.mostBands && said.bands ? data.noBands.replace("{}", shown.length) : "",
      said.rules, state.log && zero ? said.zero : "", state.log && !zero && reaching ? data.cut : "", said.silent,
      state.runs ? table.single[state.axis].said : "", said.modelled,
    ];
    const grid = regretta.grid(curves.filter(Boolean).map(([x]) => x));
    return {
      traces: [...below, ...single, ...above],
      layout: {
        xaxis: timeAxis(axis, first, last, state.logAxis),
        yaxis: { ...regretAxis(`${capital(what)} ${table.measure}`, state.log), ...(state.log ? heights(bounds, zero ? floor : 0) : {}) },
        ...(zero && state.log ? zeroMark("y", floor) : {}),
      },
      title: table.name, modelled: table.reconstruction, range: [first, last],
      caption: caption.filter(Boolean).join(" "),
      notes: table.notes,
      said: `${capital(what)} ${table.measure} on ${table.name}`,
      reading: said.bands ? named(data.bands, state.band).replace(" over runs", "") : "",
      snap: (x, after) => regretta.snapped(grid, x, after),
      place: at,
      read: (m, x) => {
        const step = curves[m] ? regretta.within(curves[m][0], x) : -1;
        return step < 0 ? "—" : interval(...[1, 2, 3].map((i) => curves[m][i][step]));
      },
    };
  };

  const ranks = (state, order) => {
    const table = data.tables[state.table];
    const found = (table ?? data.overall).ranks[state.axis];
    const axis = table ? data.axes[state.axis] : { label: found?.label };
    const where = table ? table.name : "all tables";
    if (!found) {
      const none = `No ranks on ${where} against ${data.axes[state.axis].name}: there are no two methods to compare.`;
      return {
        traces: [], layout: { xaxis: {}, yaxis: {} }, title: where, modelled: false, range: [1, 1], caption: none,
        notes: [], said: none, place: () => "", snap: (x) => x, end: () => null, read: () => "—",
      };
    }
    const x = array(found.x);
    const shown = order.filter((m) => state.shown.has(m) && found.y[m] !== null);
    const at = (v) => (table ? position(axis.whole ? Math.floor(v + 1e-9) : v, axis) : `${Number((100 * v).toPrecision(3))} %`);
    return {
      traces: shown.map((m) => {
        const y = array(found.y[m]);
        return line(data.methods[m], { x, y, text: Array.from(y, (v, i) => `rank ${v.toFixed(2)} at ${at(x[i])}`) });
      }),
      layout: {
        xaxis: timeAxis(axis, x[0], x.at(-1), state.logAxis),
        yaxis: { ...axisTitle(`Average rank by ${found.measure}`), autorange: "reversed", dtick: data.methods.length < 12 ? 1 : undefined },
      },
      title: where, modelled: found.reconstruction, range: [x[0], x.at(-1)],
      caption: found.caption, notes: table ? table.notes : [],
      said: `Average rank on ${where}`,
      place: at,
      snap: (v, after) => regretta.snapped(x, v, after),
      end: (m) => (found.y[m] === null ? null : array(found.y[m]).at(-1)),
      read: (m, v) => {
        const step = found.y[m] === null ? -1 : regretta.within(x, v);
        const rank = step < 0 ? NaN : array(found.y[m])[step];
        return Number.isNaN(rank) ? "—" : rank.toFixed(2);
      },
    };
  };

  const distribution = (state, order) => {
    const table = data.tables[state.table];
    const { lines, floor } = table.distribution;
    const shown = order.filter((m) => state.shown.has(m) && lines[m]);
    const every = lines.filter(Boolean).flatMap(([x]) => [array(x)[0], array(x).at(-1)]).map((v) => (v > 0 ? v : floor));
    const [low, high] = [Math.min(...every) / 1.3, Math.max(...every) * 1.3];
    const zero = () => shown.some((m) => array(lines[m][0])[0] <= 0);
    return {
      traces: shown.map((m) => {
        const [x, y] = lines[m].map(array);
        // of several runs with one regret the last counts them all
        const texts = Array.from(x, (v) => `${percent(v)} % or less in ${(100 * y[regretta.at(x, v)]).toFixed(1)} % of runs`);
        const start = state.log ? low : 0;
        return line(data.methods[m], {
          x: [start, ...drawn(x, floor, state.log), high], y: [0, ...y, y.at(-1)], text: ["", ...texts, texts.at(-1)],
        });
      }),
      layout: {
        xaxis: { ...regretAxis(`Final ${table.measure}`, state.log), ...(state.log ? { range: [Math.log10(low), Math.log10(high)] } : {}) },
        yaxis: { ...axisTitle("Fraction of runs"), range: [0, 1.03], tickformat: ".0%" },
        ...(state.log && zero() ? zeroMark("x", floor) : {}),
      },
      title: table.name, modelled: table.reconstruction, range: [low, high],
      caption: [table.distribution.caption, state.log && zero() ? table.distribution.zero : ""].filter(Boolean).join(" "),
      notes: table.notes,
      said: `Distribution of final ${table.measure} on ${table.name}`,
      place: (v) => `${percent(v)} %`,
      snap: (v) => v,
      read: (m, v) => {
        if (!lines[m]) return "—";
        const [x, y] = lines[m].map(array);
        const at = regretta.at(x, v * (1 + 1e-6));
        return `${(at < 0 ? 0 : 100 * y[at]).toFixed(1)} % of runs`;
      },
    };
  };

  const heat = (state, order) => {
    const shown = order.filter((m) => state.shown.has(m));
    const cell = (table, m) => table.finals[m]?.[state.cell === "rank" ? "rank" : state.statistic][0] ?? "—";
    const rank = (table, m) => table.finals[m]?.rank[1] ?? null;
    const measures = [...new Set(data.tables.map((table) => table.measure))].join(" or ");
    const what = state.cell === "rank" ? "Expected rank at the end" : `${capital(named(data.statistics, state.statistic))} final ${measures} in percent`;
    const unit = state.cell === "rank" ? "" : " %";
    const [theme, narrow] = [regretta.theme(), regretta.narrow()];
    const x = data.tables.map((_, i) => i), y = shown.map((_, i) => i);
    const names = data.tables.map((table) => regretta.shorten(table.name, 24));
    const upright = Math.max(...names.map((name) => name.length)) * 7 > (narrow ? 180 : 680) / names.length;
    const most = Math.max(2, data.methods.length);
    return {
      traces: [{
        type: "heatmap", x, y, z: shown.map((m) => data.tables.map((table) => rank(table, m))),
        text: shown.map((m) => data.tables.map((table) => cell(table, m).split(" [")[0])),
        customdata: shown.map((m) => data.tables.map((table) =>
          `${plain(data.methods[m].short)}, ${plain(table.name)}: ${cell(table, m).replace(/^[^ ]*\d/, `$&${unit}`)}; rank ${table.finals[m]?.rank[0] ?? "—"}`)),
        texttemplate: data.tables.length * shown.length <= 400 ? "%{text}" : "", hovertemplate: "%{customdata}<extra></extra>",
        textfont: { color: theme.ink }, colorscale: [[0, theme.best], [1, theme.worst]], zmin: 1, zmax: most, xgap: 2, ygap: 2,
        colorbar: {
          title: { text: "Rank", side: "top" }, dtick: Math.ceil((most - 1) / 5), tick0: 1, outlinewidth: 0, tickcolor: theme.quiet,
          thickness: narrow ? 8 : 12, len: 1,
        },
      }],
      layout: {
        xaxis: {
          tickmode: "array", tickvals: x, ticktext: names.map(plain), tickangle: upright ? -90 : 0,
          ticklabeloverflow: "allow", showgrid: false, automargin: true,
        },
        yaxis: { tickmode: "array", tickvals: y, ticktext: shown.map((m) => plain(data.methods[m].short)), autorange: "reversed", showgrid: false, automargin: true },
      },
      height: (upright ? 230 : 120) + shown.length * (shown.length > 40 ? 14 : 28),
      title: "All tables", modelled: data.tables.some((table) => table.reconstruction), range: null,
      caption: `${what}, of each method on each table${state.cell !== "rank" && state.statistic !== "median" ? ", with 95 % intervals below" : ""}. Colour: expected rank at the end among one run drawn of each method; 1 is best. ${
        data.tables.map((table) => `${capital(table.measure)} on ${table.name}`).join("; ")}.${
        state.cell !== "rank" && state.statistic === "median" && data.tables.some((table) => table.silent) ? ` ${data.silentMedian}` : ""}`,
      notes: [],
      said: what, cell,
    };
  };

  return { regret, ranks, distribution, heat };
};
