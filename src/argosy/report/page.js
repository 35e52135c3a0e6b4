// Theme switch, and plots drawn in the theme's colours.
(() => {
  const root = document.documentElement;
  const source = document.getElementById("plots");
  const plots = source ? JSON.parse(source.textContent) : [];
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();

  const draw = () => {
    for (const plot of plots) {
      const axis = { gridcolor: colour("line"), zeroline: false, linecolor: colour("line"), automargin: true };
      const layout = {
        ...plot.layout,
        xaxis: { ...axis, ...plot.layout.xaxis },
        yaxis: { ...axis, ...plot.layout.yaxis },
        paper_bgcolor: "rgba(0,0,0,0)",
        plot_bgcolor: "rgba(0,0,0,0)",
        font: { color: colour("muted"), family: "system-ui, sans-serif", size: 12 },
        margin: { l: 48, r: 12, t: 8, b: 40 },
        showlegend: plot.layout.showlegend || false,
        legend: { orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom" },
        hovermode: "x unified",
        hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
      };
      const data = plot.data.map((trace) => {
        const tone = colour(trace.tone);
        const { tone: _, ...rest } = trace;
        return { ...rest, line: { ...trace.line, color: tone }, marker: { color: tone, size: 6 } };
      });
      Plotly.react(`plot-${plot.name}`, data, layout, { responsive: true, displayModeBar: false });
    }
  };

  const asked = new URLSearchParams(location.hash.slice(1)).get("theme");
  if (asked) root.dataset.theme = asked;
  document.getElementById("theme").addEventListener("click", () => {
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    draw();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
})();
