"use strict";
(() => {
  const SHOWN = 50;

  /* Texts come in by textContent, and so are never taken for HTML. */
  function cell(tag, kind, text) {
    const made = document.createElement(tag), inner = document.createElement("bdi");
    made.className = kind;
    inner.textContent = text;
    made.append(inner);
    return made;
  }

  function table(box) {
    const all = JSON.parse(box.querySelector("script").textContent);
    const heads = [...box.querySelectorAll("th[data-kind]")];
    const kinds = heads.map((head) => head.dataset.kind);
    const body = box.querySelector("tbody"), tools = box.querySelector(".tools");
    const search = tools.querySelector("input"), where = tools.querySelector(".where");
    const back = tools.querySelector(".back"), on = tools.querySelector(".on");
    const pictures = box.dataset.pictures, marks = kinds.indexOf("marks");
    let rows = all, first = 0;

    function draw() {
      body.replaceChildren(...rows.slice(first, first + SHOWN).map((row) => {
        const line = document.createElement("tr");
        if (pictures) {
          const place = document.createElement("td");
          if (row[0]) {
            const picture = document.createElement("img");
            picture.src = "data:image/png;base64," + row[0];
            picture.alt = pictures + " of " + row[1];
            place.append(picture);
          }
          line.append(place);
        }
        kinds.forEach((kind, i) => {
          const value = row[i + 1];
          line.append(cell("td", kind, value === null ? "–" : String(value)));
        });
        if (marks >= 0 && row[marks + 1]) line.className = "marked";
        return line;
      }));
      const last = Math.min(first + SHOWN, rows.length);
      tools.querySelector(".pages").hidden = all.length <= SHOWN;
      where.textContent = rows.length ? `${first + 1}–${last} of ${rows.length}` : "none";
      back.disabled = first === 0;
      on.disabled = last === rows.length;
    }

    function sort(head, column) {
      const down = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
      /* What is not known comes last, whichever way. */
      const missing = (value) => value === null || value === "";
      all.sort((a, b) => {
        const x = a[column], y = b[column];
        if (missing(x) || missing(y)) return missing(x) - missing(y);
        if (typeof x === "number" && typeof y === "number") return down * (x - y);
        return down * String(x).localeCompare(String(y), "en", { numeric: true });
      });
      find();
    }

    function find() {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      const text = (row) => row.slice(1).join("\n").toLowerCase();
      rows = words.length ? all.filter((row) => words.every((word) => text(row).includes(word))) : all;
      first = 0;
      draw();
    }

    function turn(by) {
      first = Math.max(0, first + by);
      draw();
      body.closest(".scroll").scrollTop = 0;
    }

    heads.forEach((head, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(head, i + 1));
      head.replaceChildren(button);
    });
    search.addEventListener("input", find);
    back.addEventListener("click", () => turn(-SHOWN));
    on.addEventListener("click", () => turn(SHOWN));
    tools.hidden = all.length < 2;
    draw();
  }

  function compared(figure) {
    const stack = figure.querySelector(".stack"), slider = figure.querySelector("input");

    function show() {
      stack.style.setProperty("--cut", slider.value + "%");
      slider.setAttribute("aria-valuetext", slider.value + " percent");
    }

    function drag(event) {
      if (event.type === "pointermove" && !event.buttons) return;
      const box = stack.getBoundingClientRect();
      slider.value = Math.round((100 * (event.clientX - box.left)) / box.width);
      show();
    }

    slider.addEventListener("input", show);
    stack.addEventListener("pointerdown", drag);
    stack.addEventListener("pointermove", drag);
    stack.addEventListener("dragstart", (event) => event.preventDefault());
    show();
  }

  document.querySelectorAll(".table").forEach(table);
  document.querySelectorAll(".compared").forEach(compared);
})();
