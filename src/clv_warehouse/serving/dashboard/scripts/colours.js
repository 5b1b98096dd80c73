/* The theme, light or dark, and the colours of what is drawn in it. */

let isPrinting = false;
const themes = ["automatic", "light", "dark"];
let theme = "automatic";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () =>
  !isPrinting && (theme === "dark" || (theme === "automatic" && prefersDark.matches));
const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const segmentColour = (segment) =>
  ({
    light: { new: "#2f8fc4", active: "#005f9e", loyal: "#00825f", at_risk: "#c46a00", lapsed: "#7b8490" },
    dark: { new: "#8fd0f5", active: "#4a9fe0", loyal: "#2fbf92", at_risk: "#e69f00", lapsed: "#8d98a6" },
  })[isDark() ? "dark" : "light"][segment] ?? colour("quiet");
/* What is expected is hatched, so that it differs from what was by more than colour. */
const hatch = () => ({
  color: isDark() ? "rgba(0, 0, 0, .38)" : "rgba(255, 255, 255, .45)",
  symbol: "rect",
  dashArrayX: [1, 0],
  dashArrayY: [2, 4],
  rotation: -Math.PI / 4,
});
const pastStyle = () => ({ color: colour("past"), borderRadius: [3, 3, 0, 0] });
const aheadStyle = () => ({ color: colour("ahead"), borderRadius: [3, 3, 0, 0], decal: hatch() });
