// Comfort only; the page is complete without it: marks the section being read, unfolds everything for the printer, and lets a
// click stop what moves.
"use strict";
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.hash.slice(1), a]));
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    for (const link of links.values()) link.removeAttribute("aria-current");
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of document.querySelectorAll("main section")) seen.observe(section);
addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
for (const film of document.querySelectorAll("svg:has(animate)")) {
  if (still) film.pauseAnimations();
  film.addEventListener("click", () => film.animationsPaused() ? film.unpauseAnimations() : film.pauseAnimations());
}
