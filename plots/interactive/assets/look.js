"use strict";
// How numbers, times and colours look. Numbers are computed by Python; here they are only written.

const regretta = {};

// An array of `packing.py`: base64 of 32-bit floats.
regretta.unpack = (text) => {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
};

// A fraction in percent with three decimals, as the tables have it.
regretta.percent = (value) => {
  if (!Number.isFinite(value)) return "—";
  const text = (100 * value).toFixed(3);
  return text === "-0.000" ? "0.000" : text.replace("-", "−");
};

regretta.interval = (value, low, high) => {
  const text = `${regretta.percent(value)} %`;
  return low === high ? text : `${text} [${regretta.percent(low)}, ${regretta.percent(high)}]`;
};

const UNITS = [[31557600, "y"], [86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

// Seconds in the largest unit that leaves at least one, as `human_time` has them.
regretta.humanTime = (seconds) => {
  const [size, unit] = UNITS.find(([least]) => seconds >= least) ?? UNITS[4];
  const value = seconds / size;
  const text = value >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  return `${text} ${unit}`;
};

const MOMENTS = [
  0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 21600, 86400, 604800, 2592000, 8640000, 31557600, 315576000,
];
const FINER = [2, 5, 30, 120, 300, 1800, 7200, 14400, 43200, 172800, 345600, 1209600, 5184000, 15778800];

// Round moments on a logarithmic axis between two limits, or null where there are too few.
regretta.moments = (low, high) => {
  const inside = (moments) => moments.filter((moment) => moment >= low && moment <= high);
  let found = inside(MOMENTS);
  if (found.length < 4) found = inside([...MOMENTS, ...FINER]).sort((a, b) => a - b);
  if (found.length < 2) return null;
  const least = Math.log(high / low) / 12;
  const apart = [];
  for (const moment of found) {
    if (!apart.length || Math.log(moment / apart.at(-1)) >= least) apart.push(moment);
  }
  return apart;
};

// Names are anybody's; the library reads a few tags and entities in texts.
regretta.plain = (text) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

regretta.shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

regretta.narrow = () => matchMedia("(max-width: 40rem)").matches;

regretta.dark = () => matchMedia("(prefers-color-scheme: dark)").matches;

regretta.theme = () => {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return Object.fromEntries(["ground", "ink", "grid", "quiet", "best", "worst"].map((name) => [name, of(`--${name}`)]));
};

regretta.color = (method) => (regretta.dark() ? method.dark : method.color);

regretta.faint = (color, alpha) => {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return `rgba(${red},${green},${blue},${alpha})`;
};

// Which step of a curve holds at a place: the last at or before it; -1 before the first.
regretta.at = (x, place) => {
  let [low, high] = [0, x.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x[middle] <= place) low = middle + 1;
    else high = middle;
  }
  return low - 1;
};

// The same, and -1 beyond the curve's end, where nothing is known.
regretta.within = (x, place) => (place > x.at(-1) * (1 + 1e-6) ? -1 : regretta.at(x, place));

// The places at which every curve that is there has a value of its own: those of all curves but
// where one starts or ends between two of them. Elsewhere a curve is known as of an earlier place.
regretta.grid = (curves) => {
  const inner = curves.flatMap((x) => [...x.slice(1, -1)]);
  const [starts, ends] = [curves.map((x) => x[0] ?? Infinity), curves.map((x) => x.at(-1) ?? -Infinity)];
  const every = [...inner, Math.min(...starts), Math.max(...ends)].filter(Number.isFinite);
  return [...new Set(every)].sort((a, b) => a - b);
};

// The place of a grid at or before another, or at or after it; the nearest where there is none.
regretta.snapped = (grid, place, after = false) => {
  const before = regretta.at(grid, place);
  const step = after && !(grid[before] >= place) ? before + 1 : before;
  return grid[Math.min(Math.max(step, 0), grid.length - 1)] ?? place;
};
