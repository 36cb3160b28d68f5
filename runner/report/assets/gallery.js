// A gallery of any length: only what can be seen is in the page.

const grid = document.getElementById("grid");
const SPARE = 0.6; // of a screen, above and below

const gallery = {
  found: [],
  view: "auto", // grid, list; auto: pictures, but failures as a list
  nodes: new Map(), // by place in `found`
  shape: { columns: 1, width: 0, height: 1, list: false },

  get isList() {
    if (this.view !== "auto") return this.view === "list";
    const wantsFailures = FAILED.has(chosen.status) || chosen.kind !== "";
    return wantsFailures || !rows.some((row) => row.files.length);
  },

  measure() {
    const width = grid.clientWidth;
    const narrow = width < 640;
    if (this.isList) {
      this.shape = { columns: 1, width, height: narrow ? 108 : 68, gap: 0, list: true };
      return;
    }
    const gap = narrow ? 10 : 16;
    const columns = Math.max(narrow ? 2 : Math.floor((width + gap) / (212 + gap)), 1);
    const card = (width - gap * (columns - 1)) / columns;
    this.shape = { columns, width: card, height: Math.round(card) + 78, gap, list: false };
  },

  show(found) {
    this.found = found;
    this.clear();
    this.measure();
    const { columns, height, gap, list } = this.shape;
    grid.classList.toggle("list", list);
    grid.style.height = `${Math.ceil(found.length / columns) * (height + gap)}px`;
    this.draw();
  },

  clear() {
    for (const node of this.nodes.values()) node.remove();
    this.nodes.clear();
  },

  // First and last place that are near enough to be seen.
  range() {
    const { columns, height, gap } = this.shape;
    const top = -grid.getBoundingClientRect().top;
    const spare = window.innerHeight * SPARE;
    const line = (y) => Math.floor(y / (height + gap));
    const first = Math.max(line(top - spare), 0) * columns;
    const last = (line(top + window.innerHeight + spare) + 1) * columns - 1;
    return [first, Math.min(last, this.found.length - 1)];
  },

  draw() {
    if (grid.classList.contains("flow")) return;
    const [first, last] = this.range();
    for (const [place, node] of this.nodes) {
      const near = place >= first && place <= last;
      if (near || node.contains(document.activeElement)) continue;
      node.remove();
      this.nodes.delete(place);
    }
    let before = null; // nodes stand in their order, so that Tab goes through them in it
    for (let place = last; place >= first; place -= 1) {
      let node = this.nodes.get(place);
      if (!node) {
        node = this.make(place);
        this.nodes.set(place, node);
        grid.insertBefore(node, before);
      }
      before = node;
    }
  },

  make(place, lazy = true) {
    const row = this.found[place];
    const node = (this.shape.list ? makeLine : makeCard)(row, place, lazy);
    node.setAttribute("role", "listitem");
    node.setAttribute("aria-posinset", place + 1);
    node.setAttribute("aria-setsize", this.found.length);
    node.dataset.place = place;
    const { columns, width, height, gap } = this.shape;
    node.style.width = `${width}px`;
    node.style.height = `${height}px`;
    const x = (place % columns) * (width + gap);
    const y = Math.floor(place / columns) * (height + gap);
    node.style.transform = `translate(${x}px, ${y}px)`;
    return node;
  },

  // Rows that changed are drawn anew where they are in sight.
  renew(changed) {
    const numbers = new Set(changed.map((row) => row.row));
    for (const [place, node] of this.nodes) {
      if (!numbers.has(this.found[place].row)) continue;
      const focused = node.contains(document.activeElement);
      const fresh = this.make(place);
      node.replaceWith(fresh);
      this.nodes.set(place, fresh);
      if (focused) fresh.querySelector(".open").focus({ preventScroll: true });
    }
  },

  focus(place) {
    if (place < 0 || place >= this.found.length) return;
    const { columns, height, gap } = this.shape;
    const top = grid.getBoundingClientRect().top + Math.floor(place / columns) * (height + gap);
    const bar = document.getElementById("bar").offsetHeight;
    if (top < bar) window.scrollBy(0, top - bar - gap);
    else if (top + height > window.innerHeight) window.scrollBy(0, top + height - window.innerHeight + gap);
    this.draw();
    this.nodes.get(place)?.querySelector(".open").focus({ preventScroll: true });
  },

  // Everything at once, in the flow of the page: paper does not scroll.
  spread(most) {
    this.clear();
    grid.classList.add("flow");
    const count = Math.min(most, this.found.length);
    for (let place = 0; place < count; place += 1) {
      const node = this.make(place, false);
      node.removeAttribute("style");
      this.nodes.set(place, node);
      grid.append(node);
    }
    return count;
  },

  gather() {
    if (!grid.classList.contains("flow")) return;
    grid.classList.remove("flow");
    this.show(this.found);
  },
};

grid.addEventListener("keydown", (event) => {
  const node = event.target.closest("[data-place]");
  if (!node || !event.target.classList.contains("open")) return;
  const { columns } = gallery.shape;
  const place = Number(node.dataset.place);
  const target = {
    ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - columns, ArrowDown: place + columns,
    Home: 0, End: gallery.found.length - 1,
  }[event.key];
  if (target === undefined) return;
  event.preventDefault();
  gallery.focus(target);
});

let asked = 0; // one drawing a frame, however often the page scrolls
const drawSoon = () => { asked ||= requestAnimationFrame(() => { asked = 0; gallery.draw(); }); };
window.addEventListener("scroll", drawSoon, { passive: true });
new ResizeObserver(() => {
  if (grid.classList.contains("flow")) return; // laid out for paper, which has another width
  const { width, list, columns } = gallery.shape;
  const used = list ? width : width * columns + gallery.shape.gap * (columns - 1);
  if (Math.abs(used - grid.clientWidth) > 1) gallery.show(gallery.found);
}).observe(grid);
