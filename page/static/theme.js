// Runs before the first paint, so that a dark page never flashes white.
document.documentElement.dataset.theme = "auto";
try {
  document.documentElement.dataset.theme = localStorage.getItem("byline.theme") || "auto";
} catch {
  // This browser keeps nothing for this site.
}
