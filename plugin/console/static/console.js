// What HTML cannot do: copy a text, close the menu, and on a phone bring the section that one is in
// into view. Everything else works without.
document.querySelector(".places a[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) {
    navigator.clipboard.writeText(button.dataset.copy).then(() => {
      const said = button.querySelector("[data-said]");
      said.textContent = button.dataset.done;
    });
  }
  for (const menu of document.querySelectorAll("details.me[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.me[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
