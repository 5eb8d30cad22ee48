// Copies what is shown once; where the browser does not let a page do that, it is marked to be copied by hand.

for (const button of document.querySelectorAll("[data-copies]")) {
  button.addEventListener("click", async () => {
    const shown = document.getElementById(button.dataset.copies);
    getSelection().selectAllChildren(shown);
    try {
      await navigator.clipboard.writeText(shown.textContent);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Marked: copy it by hand";
    }
  });
}
