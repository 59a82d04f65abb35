// Run in the page by layout.py: returns what is wider than its room, without what is there for screen readers only.
(inside) => {
  const found = [];
  const named = (element) => {
    const id = element.id ? `#${element.id}` : "";
    const classes = [...element.classList].slice(0, 3).map((name) => `.${name}`).join("");
    return `${element.tagName.toLowerCase()}${id}${classes}`;
  };
  const note = (kind, element) =>
    found.push({
      kind,
      element: named(element),
      text: element.innerText.trim().replace(/\s+/g, " ").slice(0, 60),
      width: element.scrollWidth,
      room: element.clientWidth,
    });
  const isScroller = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
  // Whether anything that can be read goes past the edge of an element, and is in no scroller of its own.
  const hides = (element) => {
    const edge = element.getBoundingClientRect().right + 1;
    return [...element.querySelectorAll("*")].some((inner) => {
      if (!inner.innerText?.trim() || inner.getBoundingClientRect().right <= edge) {
        return false;
      }
      let around = inner.parentElement;
      while (around !== element && !isScroller(around)) {
        around = around.parentElement;
      }
      return around === element;
    });
  };
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) {
    note("page", root);
  }
  const start = inside.split(",").map((part) => document.querySelector(part.trim())).find(Boolean);
  for (const element of start.querySelectorAll("*")) {
    const style = getComputedStyle(element);
    // One pixel is what roundings make; an input shows what is in it as its cursor moves.
    const isWide = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1;
    if (!isWide || style.overflowX === "visible" || !element.checkVisibility() || element.matches("input, select")) {
      continue;
    }
    if (element.closest(".visually-hidden, .select2, .select2-container, .nb-drawer, .modal")) {
      continue;
    }
    if (isScroller(element)) {
      // Code keeps its lines: it is read by scrolling, as everywhere.
      if (!element.matches("pre, code")) {
        note("scrolls", element);
      }
    } else if (!element.closest("[title], [data-bs-title], [aria-label]") && hides(element)) {
      note("cut", element);
    }
  }
  return found;
}
