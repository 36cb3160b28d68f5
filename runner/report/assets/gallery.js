// A gallery of any length: only what can be seen is in the page.

const grid = document.getElementById("grid");
const SPARE = { usual: 0.5, small: 0.2 }; // of a screen, above and below
const HEAD = 46; // pixels of a group's heading
const SMALL = 176; // pixels; below this a card has its picture and one line
const SIZES = { least: 130, most: 560, usual: 212 };
const SIZE_STORE = "rowmill.size";

const keptSize = () => {
  try {
    return Math.min(Math.max(Number(localStorage.getItem(SIZE_STORE)) || SIZES.usual, SIZES.least), SIZES.most);
  } catch {
    return SIZES.usual; // a browser that keeps nothing
  }
};

const gallery = {
  found: [],
  groups: [], // words, count; then also from, top and height, once they are measured
  view: "auto", // grid, list; auto: pictures, but failures as a list
  size: keptSize(),
  nodes: new Map(), // by place in `found`
  heads: new Map(), // by place in `groups`
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
      this.shape = { columns: 1, width, height: narrow ? 108 : 68, gap: 0, list: true, small: false };
      return;
    }
    const gap = narrow || this.size < SMALL ? 10 : 16;
    const wished = Math.floor((width + gap) / (this.size + gap));
    const columns = Math.max(narrow && this.size <= SIZES.usual ? Math.max(2, wished) : wished, 1);
    const card = (width - gap * (columns - 1)) / columns;
    const small = card < SMALL && !narrow;
    this.shape = { columns, width: card, height: Math.round(card) + (small ? 28 : 78), gap, list: false, small };
  },

  // Where each group begins; rows without groups are one group without a heading.
  place() {
    const { columns, height, gap } = this.shape;
    const groups = this.groups.length ? this.groups : [{ words: "", count: this.found.length }];
    const head = this.groups.length ? HEAD : 0;
    let from = 0;
    let top = 0;
    this.groups = groups.map((one) => {
      const lines = Math.ceil(one.count / columns);
      const made = { ...one, head, from, top, height: head + lines * (height + gap) };
      from += one.count;
      top += made.height;
      return made;
    });
    return top;
  },

  show({ found, groups }) {
    this.found = found;
    this.groups = groups;
    this.clear();
    this.measure();
    const { list, small } = this.shape;
    grid.classList.toggle("list", list);
    grid.classList.toggle("small", Boolean(small));
    grid.style.height = `${this.place()}px`;
    this.draw();
  },

  again() {
    const groups = this.groups.filter((one) => one.head).map(({ words, count }) => ({ words, count }));
    this.show({ found: this.found, groups });
  },

  resize(size) {
    const seen = this.firstSeen();
    this.size = size;
    try { localStorage.setItem(SIZE_STORE, String(size)); } catch { /* it holds for this page only */ }
    this.again();
    if (seen > 0) this.bring(seen);
  },

  clear() {
    for (const node of [...this.nodes.values(), ...this.heads.values()]) node.remove();
    this.nodes.clear();
    this.heads.clear();
  },

  groupAt(place) {
    let [low, high] = [0, this.groups.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.groups[middle].from <= place) low = middle;
      else high = middle - 1;
    }
    return this.groups[low];
  },

  spot(place) {
    const { columns, width, height, gap } = this.shape;
    const group = this.groupAt(place);
    const inside = place - group.from;
    return {
      x: (inside % columns) * (width + gap),
      y: group.top + group.head + Math.floor(inside / columns) * (height + gap),
    };
  },

  // The places that are near enough to be seen, and the groups whose heading is.
  range() {
    const { columns, height, gap, small } = this.shape;
    const top = -grid.getBoundingClientRect().top;
    const spare = window.innerHeight * (small ? SPARE.small : SPARE.usual);
    const [above, below] = [top - spare, top + window.innerHeight + spare];
    let [first, last] = [this.found.length, -1];
    const heads = [];
    for (const [number, group] of this.groups.entries()) {
      if (group.top + group.height < above || group.top > below) continue;
      const line = (y) => Math.floor((y - group.top - group.head) / (height + gap));
      const begin = group.from + Math.max(line(above), 0) * columns;
      const end = group.from + Math.min((line(below) + 1) * columns, group.count) - 1;
      first = Math.min(first, begin);
      last = Math.max(last, end);
      if (group.head) heads.push(number);
    }
    return { first, last: Math.min(last, this.found.length - 1), heads };
  },

  firstSeen() {
    const bar = document.getElementById("bar").offsetHeight;
    const top = bar - grid.getBoundingClientRect().top;
    if (top <= 0) return 0;
    const { columns, height, gap } = this.shape;
    const group = this.groups.find((one) => one.top + one.height > top);
    if (!group) return 0;
    return group.from + Math.max(Math.floor((top - group.top - group.head) / (height + gap)), 0) * columns;
  },

  draw() {
    if (grid.classList.contains("flow")) return;
    const { first, last, heads } = this.range();
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
    this.drawHeads(new Set(heads));
  },

  drawHeads(wanted) {
    for (const [number, node] of this.heads) {
      if (wanted.has(number)) continue;
      node.remove();
      this.heads.delete(number);
    }
    for (const number of wanted) {
      if (this.heads.has(number)) continue;
      const { words, count, from, top } = this.groups[number];
      const node = el("div", { class: "group", role: "listitem" },
        el("h3", {}, words, " ", el("span", { class: "count" }, whole.format(count))));
      node.style.transform = `translate(0, ${top}px)`;
      this.heads.set(number, node);
      grid.insertBefore(node, this.nodes.get(from) ?? null);
    }
  },

  make(place, lazy = true) {
    const row = this.found[place];
    const { width, height, list, small } = this.shape;
    const node = list ? makeLine(row, place, lazy) : makeCard(row, place, { lazy, small });
    node.setAttribute("role", "listitem");
    node.setAttribute("aria-posinset", place + 1);
    node.setAttribute("aria-setsize", this.found.length);
    node.dataset.place = place;
    node.style.width = `${width}px`;
    node.style.height = `${height}px`;
    const { x, y } = this.spot(place);
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

  // Scroll so that this place can be seen.
  bring(place) {
    const { height, gap } = this.shape;
    const top = grid.getBoundingClientRect().top + this.spot(place).y;
    const bar = document.getElementById("bar").offsetHeight;
    if (top < bar) window.scrollBy(0, top - bar - gap);
    else if (top + height > window.innerHeight) window.scrollBy(0, top + height - window.innerHeight + gap);
    this.draw();
  },

  focus(place) {
    if (place < 0 || place >= this.found.length) return;
    this.bring(place);
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
    this.again();
  },
};

// The place of the card that has the focus, null elsewhere.
const focusedPlace = (event) => {
  const node = event.target.closest("[data-place]");
  return node && event.target.classList.contains("open") ? Number(node.dataset.place) : null;
};

grid.addEventListener("keydown", (event) => {
  const place = focusedPlace(event);
  if (place === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const { columns } = gallery.shape;
  const target = {
    ArrowLeft: place - 1, ArrowRight: place + 1, ArrowUp: place - columns, ArrowDown: place + columns,
    Home: 0, End: gallery.found.length - 1,
  }[event.key];
  if (target !== undefined) gallery.focus(target);
  else if (event.key.toLowerCase() === "t") setTick(gallery.found[place], !ticks.has(gallery.found[place].row));
  else if (!pickByKey(gallery.found[place], event.key)) return;
  event.preventDefault();
});

let asked = 0; // one drawing a frame, however often the page scrolls
const drawSoon = () => { asked ||= requestAnimationFrame(() => { asked = 0; gallery.draw(); }); };
window.addEventListener("scroll", drawSoon, { passive: true });
new ResizeObserver(() => {
  if (grid.classList.contains("flow")) return; // laid out for paper, which has another width
  const { width, list, columns } = gallery.shape;
  const used = list ? width : width * columns + gallery.shape.gap * (columns - 1);
  if (Math.abs(used - grid.clientWidth) > 1) gallery.again();
}).observe(grid);
