// Shows what changed: the server sends parts of the page when they differ from what it shows. A page that nobody sees
// asks for nothing, since a browser has six connections for all pages of the console.
"use strict"
const live = document.body.dataset.live
const lost = document.getElementById("lost")
let source = null

function show(event) {
  const { name, html } = JSON.parse(event.data)
  const part = document.getElementById(name)
  if (!part) return
  if (name === "gone") { part.hidden = !html; part.textContent = ""; part.insertAdjacentHTML("afterbegin", html); return }
  Idiomorph.morph(part, html, { morphStyle: "innerHTML", ignoreActiveValue: true })
  htmx.process(part)
  if (part.dataset.tail !== undefined) part.lastElementChild?.scrollIntoView({ block: "nearest" })
}

function watch() {
  if (document.hidden) { source?.close(); source = null; return }
  if (source || !live) return
  source = new EventSource(live)
  source.onmessage = show
  source.onopen = () => { lost.hidden = true }
  source.onerror = () => { lost.hidden = false }
}

document.addEventListener("visibilitychange", watch)
window.addEventListener("pagehide", () => source?.close())
watch()

document.addEventListener("click", event => {
  const button = event.target.closest("[data-copy]")
  if (button) navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
    .then(() => { button.textContent = "copied" })
})
