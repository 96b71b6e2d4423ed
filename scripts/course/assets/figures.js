// Draws the figures of a page, each from the JSON that stands in its place, when it comes into view.
const draw = (place) => {
  const { data, layout } = JSON.parse(place.querySelector('script').textContent);
  const text = (title) => (typeof title === 'string' ? { text: title } : title);
  const own = { ...layout, title: text(layout.title), template: { layout: { colorway: COLOURS } } };
  place.style.height = `${layout.height ?? 360}px`;
  window.Plotly.newPlot(place, data, { autosize: true, margin: { t: 48, r: 24, b: 48, l: 56 }, ...own }, CONFIG);
};
const COLOURS = ['#2f81d8', '#e5812b', '#36a164', '#d9534f', '#9467d0', '#1fa7a7'];
const CONFIG = { responsive: true, displaylogo: false };

const observer = new IntersectionObserver(
  (entries) => {
    for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
      observer.unobserve(target);
      draw(target);
    }
  },
  { rootMargin: '400px' },
);
document.querySelectorAll('.flashlab-figure').forEach((place) => observer.observe(place));
