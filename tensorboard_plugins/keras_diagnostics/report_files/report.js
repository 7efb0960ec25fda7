// Draws the figures of this page, in the colours that the reader's system prefers.
(() => {
  "use strict";
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { responsive: true, displaylogo: false };

  function painted(figure) {
    if (!dark.matches) return [figure.data, figure.layout];
    const data = figure.data.map((trace, i) => ({ ...trace, ...figure.dark.data[i] }));
    return [data, figure.dark.layout];
  }

  function draw(div) {
    const [data, layout] = painted(figures[Number(div.dataset.figure)]);
    div.style.height = `${layout.meta.height}px`;
    Plotly.react(div, data, layout, config);
  }

  const seen = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting || seen.has(entry.target)) continue;
      seen.add(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "600px" });
  const charts = document.querySelectorAll(".chart");
  charts.forEach((div) => {
    div.style.height = `${figures[Number(div.dataset.figure)].layout.meta.height}px`;
    watch.observe(div);
  });
  dark.addEventListener("change", () => seen.forEach(draw));
  addEventListener("beforeprint", () => charts.forEach(draw));
})();
