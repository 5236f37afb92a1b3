// Pictures: enlarging, blinking between visits, hiding the outlines.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (part) { part.open = true; });
  });
  var lines = document.getElementById("lines");
  if (lines) lines.addEventListener("click", function () {
    var hidden = root.classList.toggle("no-lines");
    lines.setAttribute("aria-pressed", String(!hidden));
  });
  var dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Enlarged picture");
  document.body.appendChild(dialog);
  dialog.addEventListener("click", function () { dialog.close(); });
  // The picture as large as the window allows, with what it shows in words and a way out.
  function enlarge(picture) {
    var copy = picture.cloneNode(true), ratio = picture.offsetWidth / picture.offsetHeight;
    var width = Math.min(window.innerWidth * 0.94, (window.innerHeight * 0.94 - 44) * ratio);
    ["tabindex", "role", "aria-label"].forEach(function (name) { copy.removeAttribute(name); });
    copy.style.width = width + "px";
    dialog.style.width = Math.max(width, Math.min(window.innerWidth * 0.94, 320)) + "px";
    var foot = document.createElement("p"), words = document.createElement("span"), close = document.createElement("button");
    words.textContent = picture.querySelector("img").alt;
    close.type = "button";
    close.textContent = "Close";
    foot.append(words, close);
    dialog.replaceChildren(copy, foot);
    dialog.showModal();
    close.focus();
  }
  document.querySelectorAll(".pic").forEach(function (picture) {
    picture.tabIndex = 0;
    picture.setAttribute("role", "button");
    picture.setAttribute("aria-label", "Enlarge: " + picture.querySelector("img").alt);
    picture.addEventListener("click", function () { enlarge(picture); });
    picture.addEventListener("keydown", function (event) {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      enlarge(picture);
    });
  });
  document.querySelectorAll("[data-blink]").forEach(function (button) {
    var strip = button.closest("article"), timer = null;
    var before = strip.querySelector('[data-role="baseline"] img');
    var shown = strip.querySelector('[data-role="followup"] img');
    var caption = strip.querySelector('[data-role="followup"] figcaption');
    var own = shown.src, words = caption.textContent;
    function show(first) {
      shown.src = first ? before.src : own;
      caption.textContent = first ? "Baseline (blinking)" : words;
    }
    button.addEventListener("click", function () {
      if (timer) { clearInterval(timer); timer = null; show(false); }
      else { var first = true; show(first); timer = setInterval(function () { first = !first; show(first); }, 600); }
      button.setAttribute("aria-pressed", String(Boolean(timer)));
    });
  });
}());
