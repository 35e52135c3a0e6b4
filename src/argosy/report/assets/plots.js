"use strict";
// Draws the figures embedded in the page, in the colours of its theme, and again when theme or width class change.
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const narrow = matchMedia("(max-width: 640px)");
  const touch = matchMedia("(pointer: coarse)");
  const probe = document.body.appendChild(document.createElement("i"));
  probe.hidden = true;

  const colour = (name) => {
    probe.style.color = `var(--${name})`; // resolves light-dark()
    return getComputedStyle(probe).color;
  };

  const axis = (given) => ({
    gridcolor: colour("line"),
    linecolor: colour("line"),
    zeroline: false,
    automargin: true,
    ...given,
    title: { ...given.title, font: { size: 12, color: colour("muted") }, standoff: 10 },
  });

  const painted = (trace) => {
    const tone = colour(`plot-${trace.meta.role}`);
    const copy = { ...trace, marker: { ...trace.marker, color: tone } };
    if (trace.type === "scatter") copy.line = { ...trace.line, color: tone };
    if (trace.fill) copy.fillcolor = tone.replace("rgb(", "rgba(").replace(")", ", .38)");
    if (trace.stackgroup) copy.fillcolor = tone.replace("rgb(", "rgba(").replace(")", ", .72)");
    return copy;
  };

  const framed = (layout) => ({
    ...layout,
    xaxis: axis({ nticks: narrow.matches ? 5 : 0, ...layout.xaxis }),
    yaxis: axis({ nticks: 6, ...layout.yaxis }),
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("muted") },
    margin: { l: 44, r: 8, t: 10, b: 44 },
    showlegend: false, // the page has its own
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("ink") },
    hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
    dragmode: touch.matches ? false : "zoom", // a finger on a plot scrolls the page
  });

  const options = {
    responsive: true,
    displaylogo: false,
    displayModeBar: touch.matches ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };

  const draw = () => {
    for (const [name, figure] of Object.entries(figures)) {
      Plotly.react(`plot-${name}`, figure.data.map(painted), framed(figure.layout), options);
    }
  };

  for (const button of document.querySelectorAll("[data-trace]")) {
    button.addEventListener("click", () => {
      const trace = figures[button.dataset.plot].data[button.dataset.trace];
      trace.visible = trace.visible === false;
      button.setAttribute("aria-pressed", String(trace.visible));
      draw();
    });
  }

  addEventListener("themechange", draw);
  narrow.addEventListener("change", draw);
  draw();
})();
