"use strict";
const dark = matchMedia("(prefers-color-scheme: dark)");
const plots = [...document.querySelectorAll(".plot")];
const hidden = new Set();  // runs

function theme(layout) {
  const style = getComputedStyle(document.documentElement);
  const [ink, rule, card] = dark.matches ? ["#9aa3af", "#2e333b", "#1c1f25"] : ["#626a75", "#e2e5ea", "#ffffff"];
  const of_all = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true,
    font: {family: style.fontFamily, size: 12, color: ink},
    hoverlabel: {bgcolor: card, bordercolor: rule, font: {color: dark.matches ? "#e4e7eb" : "#1d2127"}},
  };
  return layout.xaxis ? {...of_all, "xaxis.gridcolor": rule, "yaxis.gridcolor": rule} : of_all;
}

function nested(layout, changes) {  // Plotly.relayout takes "xaxis.gridcolor", Plotly.newPlot does not
  const found = structuredClone(layout);
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split("."), last = names.pop();
    names.reduce((part, name) => part[name] ??= {}, found)[last] = value;
  }
  return found;
}

function draw(plot) {
  if (plot.dataset.drawn) return;
  plot.dataset.drawn = "yes";
  const {data, layout} = JSON.parse(document.getElementById(plot.dataset.figure).textContent);
  for (const trace of data) trace.visible = !hidden.has(trace.meta);
  const buttons = layout.xaxis ? [["toImage", "resetScale2d"]] : [["resetCameraDefault3d"]];
  Plotly.newPlot(plot, data, nested(layout, theme(layout)), {
    responsive: true, displaylogo: false, modeBarButtons: buttons, displayModeBar: layout.xaxis ? "hover" : false,
  });
}

const seen = new IntersectionObserver(
  entries => entries.filter(entry => entry.isIntersecting).forEach(entry => draw(entry.target)), {rootMargin: "600px"});
plots.forEach(plot => seen.observe(plot));
addEventListener("beforeprint", () => plots.forEach(draw));
dark.addEventListener("change", () => plots.filter(plot => plot.dataset.drawn).forEach(
  plot => Plotly.relayout(plot, theme(plot.layout))));

for (const button of document.querySelectorAll("button.log")) button.onclick = () => {
  const on = button.getAttribute("aria-pressed") === "false", plot = button.closest(".chart").querySelector(".plot");
  button.setAttribute("aria-pressed", on);
  draw(plot);
  Plotly.relayout(plot, {"yaxis.type": on ? "log" : "linear", "yaxis.autorange": true});
};

for (const button of document.querySelectorAll("button.run")) button.onclick = () => {
  const run = Number(button.dataset.run), shown = button.getAttribute("aria-pressed") === "false";
  button.setAttribute("aria-pressed", shown);
  shown ? hidden.delete(run) : hidden.add(run);
  for (const plot of plots.filter(plot => plot.dataset.drawn && plot.layout.xaxis)) {
    const those = plot.data.flatMap((trace, number) => trace.meta === run ? [number] : []);
    if (those.length) Plotly.restyle(plot, {visible: shown}, those);
  }
};

for (const frames of document.querySelectorAll(".frames")) {
  const slider = frames.querySelector("input");
  if (!slider) continue;
  const pictures = JSON.parse(frames.querySelector("script").textContent), play = frames.querySelector(".play");
  let playing = null;
  const show = () => {
    const {step, uri} = pictures[slider.value];
    frames.querySelector("img").src = uri;
    frames.querySelector("output").textContent = `step ${step.toLocaleString("en")}`;
  };
  const stop = () => { clearInterval(playing); playing = null; play.textContent = "▶"; };
  slider.oninput = () => { stop(); show(); };
  play.onclick = () => {
    if (playing) return stop();
    if (Number(slider.value) === pictures.length - 1) slider.value = 0;
    show();
    play.textContent = "⏸";
    playing = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === pictures.length - 1) stop();
    }, 300);
  };
}

for (const select of document.querySelectorAll(".strip select")) select.onchange = () =>
  select.closest(".strip").querySelectorAll(".frames").forEach(
    (frames, number) => { frames.hidden = number !== Number(select.value); });

for (const frame of document.querySelectorAll("iframe")) {
  const fit = () => { frame.style.height = `${frame.contentDocument.documentElement.scrollHeight}px`; };
  frame.addEventListener("load", fit);
  if (frame.contentDocument?.readyState === "complete") fit();
}
