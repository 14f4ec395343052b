"use strict";
(() => {
  const study = document.getElementById("study");
  const { kind, csrf } = study.dataset;
  const at = (id) => document.getElementById(id);
  const stage = at("stage"), ballot = at("ballot"), wait = at("wait"), fault = at("fault");
  const questions = [...ballot.querySelectorAll("fieldset")];
  const judged = kind === "pairs" ? 2 : 1;
  const MOST = 32, CLICK = 8;
  const narrow = window.matchMedia("(max-width: 40rem)");
  let trial = null, shown = 0, seen = new Set(), beside = kind === "pairs" && window.innerWidth >= 900;
  let view = { scale: 1, x: 0, y: 0 }, fitted = true, since = 0, key = "", sent = "", sending = false, busy = 0;

  // What is asked of the server.

  async function ask(address, options) {
    let answer;
    try {
      answer = await fetch(address, { credentials: "same-origin", ...options });
    } catch {
      throw new Error("The server cannot be reached. Nothing is lost: try again.");
    }
    let told;
    try {
      told = await answer.json();
    } catch {
      throw new Error(`The server did not answer as it should (${answer.status}). Try again.`);
    }
    if (!answer.ok) throw new Error(told.error || `The server refused (${answer.status}).`);
    return told;
  }

  function complain(error, again) {
    fault.textContent = error ? `${error.message} ` : "";
    fault.hidden = !error;
    if (error && again) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Try again";
      button.addEventListener("click", again);
      fault.append(button);
    }
  }

  async function open(number) {
    complain(null);
    try {
      await show(await ask(number ? `/trial/${number}` : "/trial"));
    } catch (error) {
      complain(error, () => open(number));
    }
  }

  async function send() {
    if (sending || !trial || !ready()) return;
    sending = true;
    at("next").disabled = true;
    complain(null);
    const answers = questions.map((_, n) => Number(chosen(n)));
    // The same answers sent again keep their key and count once; others are a change.
    if (String(answers) !== sent) {
      key = [...crypto.getRandomValues(new Uint8Array(12))].map((b) => b.toString(16).padStart(2, "0")).join("");
      sent = String(answers);
    }
    const vote = {
      trial: trial.number,
      answers,
      key,
      seconds: Math.min((performance.now() - since) / 1000, 1e6),
    };
    try {
      const told = await ask("/vote", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF": csrf },
        body: JSON.stringify(vote),
      });
      sending = false;
      await show(told);
    } catch (error) {
      sending = false;
      complain(error, send);
    }
    update();
  }

  // One trial.

  async function show(told) {
    const mine = ++busy;
    study.hidden = told.done;
    at("thanks").hidden = !told.done;
    at("progress").max = told.total;
    at("progress").value = Math.min(told.number - 1, told.total);
    if (told.done) {
      trial = told;
      return;
    }
    at("where").textContent = `${told.number} of ${told.total}`;
    wait.hidden = false;
    wait.textContent = "Loading…";
    ballot.reset();
    told.answers.forEach((answer, n) => {
      if (answer !== null) questions[n].querySelector(`[value="${answer}"]`).checked = true;
    });
    trial = told;
    seen = new Set(told.answers.includes(null) ? [] : [0, 1]);
    shown = 0;
    sent = "";
    at("slots").replaceChildren(...told.slots.map(slotButton));
    at("slots").hidden = told.slots.length < 2;
    at("layout").hidden = told.slots.length < 2;
    build();
    const images = [...stage.querySelectorAll("img")];
    const loaded = await Promise.allSettled(images.map((image) => image.decode()));
    if (mine !== busy) return;
    if (loaded.some((end) => end.status === "rejected")) {
      wait.textContent = "An image could not be loaded.";
      complain(new Error("An image could not be loaded."), () => open(told.number));
      return;
    }
    wait.hidden = true;
    since = performance.now();
    fit();
    select(0);
    for (const address of told.ahead) new Image().src = address;
  }

  function slotButton(slot, n) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = slot.label;
    button.addEventListener("click", () => pick(n));
    return button;
  }

  function build() {
    // Side by side each pane has what is judged, and over it what that may be compared with.
    const count = judged === 2 ? 2 : trial.slots.length;
    const alone = !beside || count < 2;
    const apart = trial.slots.slice(0, count).map((slot) => [slot, ...trial.slots.slice(count)]);
    const panes = (alone ? [trial.slots] : apart).map((slots) => {
      const pane = document.createElement("figure");
      pane.className = "pane";
      const label = document.createElement("figcaption");
      const images = slots.map((slot) => {
        const image = document.createElement("img");
        image.width = trial.width;
        image.height = trial.height;
        image.alt = alternative(slot.label);
        image.draggable = false;
        image.src = slot.address;
        return image;
      });
      label.textContent = slots[0].label;
      label.hidden = trial.slots.length < 2;
      pane.append(...images, label);
      return pane;
    });
    stage.replaceChildren(...panes, wait);
    at("layout").setAttribute("aria-pressed", String(!alone));
  }

  function alternative(label) {
    if (label === "Reference") return "How the scene really looks";
    if (label === "Input") return "What the images were made of, enlarged";
    return judged === 1 ? `Image ${trial.number}, to be judged` : `Image ${label} of pair ${trial.number}`;
  }

  function select(n) {
    shown = n % trial.slots.length;
    const panes = [...stage.querySelectorAll(".pane")];
    if (panes.length === 1) {
      panes[0].querySelectorAll("img").forEach((image, m) => {
        image.classList.toggle("shown", m === shown);
        image.setAttribute("aria-hidden", String(m !== shown));
      });
      panes[0].querySelector("figcaption").textContent = trial.slots[shown].label;
      seen.add(shown);
    } else {
      const over = shown >= panes.length ? shown - panes.length + 1 : 0;
      panes.forEach((pane, n) => {
        pane.querySelectorAll("img").forEach((image, m) => {
          image.classList.toggle("shown", m === over);
          image.setAttribute("aria-hidden", String(m !== over));
        });
        pane.querySelector("figcaption").textContent = trial.slots[over ? shown : n].label;
        seen.add(n);
      });
    }
    const isOver = panes.length === 1 || shown >= panes.length;
    [...at("slots").children].forEach((button, m) =>
      button.setAttribute("aria-pressed", String(isOver ? m === shown : m < panes.length)));
    update();
  }

  function pick(n) {
    const count = stage.querySelectorAll(".pane").length;
    select(count > 1 && n === shown && n >= count ? 0 : n);
  }

  function flip() {
    if (!trial || trial.slots.length < 2) return;
    if (beside) setBeside(false);
    select(shown === 0 ? 1 : 0);
  }

  async function setBeside(value) {
    beside = value;
    build();
    await Promise.allSettled([...stage.querySelectorAll("img")].map((image) => image.decode()));
    if (fitted) fit();
    else draw();
    select(shown);
  }

  // Answers.

  const chosen = (n) => ballot.elements[`q${n}`].value;
  const allSeen = () => [...Array(judged).keys()].every((n) => seen.has(n));
  const ready = () => wait.hidden && questions.every((_, n) => chosen(n) !== "") && allSeen();

  function update() {
    at("next").disabled = sending || !trial || trial.done || !ready();
    at("back").disabled = !trial || trial.number < 2;
    at("next").title = trial && !trial.done && !allSeen() ? "Look at both images first" : "";
  }

  function choose(n, value) {
    const input = questions[n].querySelector(`[value="${value}"]`);
    if (input) {
      input.checked = true;
      update();
    }
  }

  function answerPair(value) {
    const own = questions.findIndex((fieldset) => fieldset.contains(document.activeElement));
    const open = questions.findIndex((_, n) => chosen(n) === "");
    const n = own >= 0 ? own : open >= 0 ? open : questions.length - 1;
    choose(n, value);
    if (own >= 0 && own + 1 < questions.length) questions[own + 1].querySelector("input").focus();
  }

  // Zoom and pan: one view for all panes.

  const pane = () => stage.querySelector(".pane").getBoundingClientRect();

  function fit() {
    const box = pane();
    const whole = Math.min(box.width / trial.width, box.height / trial.height);
    const scale = whole >= 2 ? Math.min(Math.floor(whole), 4) : Math.min(whole, 1);
    view = { scale, x: (box.width - trial.width * scale) / 2, y: (box.height - trial.height * scale) / 2 };
    fitted = true;
    draw();
  }

  function draw() {
    const box = pane(), wide = trial.width * view.scale, high = trial.height * view.scale;
    const inside = (place, room, size) =>
      size <= room ? (room - size) / 2 : Math.min(0, Math.max(room - size, place));
    view.x = inside(view.x, box.width, wide);
    view.y = inside(view.y, box.height, high);
    for (const image of stage.querySelectorAll("img")) {
      image.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
      image.classList.toggle("large", view.scale * window.devicePixelRatio >= 2);
    }
    at("zoom").textContent = `${Math.round(view.scale * window.devicePixelRatio * 100)} %`;
  }

  function zoom(factor, x, y) {
    if (!trial || trial.done) return;
    const box = pane();
    const [px, py] = x === undefined ? [box.width / 2, box.height / 2] : [x, y];
    const least = Math.min(box.width / trial.width, box.height / trial.height, 1) / 2;
    const scale = Math.min(MOST, Math.max(least, view.scale * factor));
    const by = scale / view.scale;
    view = { scale, x: px - (px - view.x) * by, y: py - (py - view.y) * by };
    fitted = false;
    draw();
  }

  function move(dx, dy) {
    view.x += dx;
    view.y += dy;
    fitted = false;
    draw();
  }

  const within = (event) => {
    const under = document.elementFromPoint(event.clientX, event.clientY);
    const own = (under && under.closest(".pane")) || stage.querySelector(".pane");
    const box = own.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  stage.addEventListener("wheel", (event) => {
    if (!trial || trial.done) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.002)), ...within(event));
  }, { passive: false });

  const touches = new Map();
  let travelled = 0;
  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    if (!touches.size) travelled = 0;
    touches.set(event.pointerId, event);
    try {
      stage.setPointerCapture(event.pointerId);
    } catch { /* a pointer that is gone again */ }
    stage.classList.add("moving");
  });
  stage.addEventListener("pointermove", (event) => {
    const last = touches.get(event.pointerId);
    if (!last || !trial || trial.done) return;
    const dx = event.clientX - last.clientX, dy = event.clientY - last.clientY;
    if (touches.size === 2) {
      const other = [...touches.values()].find((each) => each.pointerId !== event.pointerId);
      const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY);
      const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
      move(dx / 2, dy / 2);
      zoom(Math.max(apart(event), 1) / Math.max(apart(last), 1), ...within(middle));
      travelled = CLICK;
    } else {
      travelled += Math.hypot(dx, dy);
      if (travelled >= CLICK) move(dx, dy);
    }
    touches.set(event.pointerId, event);
  });
  const lift = (event) => {
    if (!touches.delete(event.pointerId)) return;
    if (!touches.size) {
      stage.classList.remove("moving");
      if (event.type === "pointerup" && travelled < CLICK) flip();
    }
  };
  stage.addEventListener("pointerup", lift);
  stage.addEventListener("pointercancel", lift);

  // Keys.

  const STEPS = { ArrowLeft: [80, 0], ArrowRight: [-80, 0], ArrowUp: [0, 80], ArrowDown: [0, -80] };
  document.addEventListener("keydown", (event) => {
    if (!trial || trial.done || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = event.target, pressed = event.key;
    const isButton = target.closest("button, a, summary");
    let done = true;
    if (STEPS[pressed] && event.shiftKey) move(...STEPS[pressed]);
    else if (pressed === " " && !isButton) flip();
    else if (pressed === "Enter" && !isButton) send();
    else if (pressed === "Backspace") back();
    else if (pressed === "+" || pressed === "=") zoom(1.25);
    else if (pressed === "-") zoom(0.8);
    else if (pressed === "0") fit();
    else if (kind === "mos" && "12345".includes(pressed)) choose(0, pressed);
    else if (kind === "mos" && (pressed === "ArrowLeft" || pressed === "ArrowRight"))
      choose(0, Math.min(5, Math.max(1, (Number(chosen(0)) || 3) + (pressed === "ArrowLeft" ? -1 : 1))));
    else if (kind === "pairs" && pressed === "ArrowLeft") answerPair(1);
    else if (kind === "pairs" && pressed === "ArrowRight") answerPair(2);
    else if (kind === "pairs" && pressed === "ArrowDown") answerPair(0);
    else if (pressed.toLowerCase() === "s" && trial.slots.length > 1) setBeside(!beside);
    else done = false;
    if (done) event.preventDefault();
  });

  function back() {
    if (trial && trial.number > 1) open(trial.number - 1);
  }

  at("layout").addEventListener("click", () => setBeside(!beside));
  at("in").addEventListener("click", () => zoom(1.25));
  at("out").addEventListener("click", () => zoom(0.8));
  at("fit").addEventListener("click", fit);
  at("back").addEventListener("click", back);
  at("again").addEventListener("click", () => open(trial.total));
  ballot.addEventListener("change", update);
  ballot.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  narrow.addEventListener("change", () => {
    if (narrow.matches && beside && trial && !trial.done) setBeside(false);
  });
  new ResizeObserver(() => {
    if (trial && !trial.done && wait.hidden) fitted ? fit() : draw();
  }).observe(stage);
  update();
  open(0);
})();
