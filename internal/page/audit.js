(() => {
  const at = id => document.getElementById(id);
  if (!at("find")) return;
  const services = [...document.querySelectorAll(".sv")];
  let texts = null;
  const count = () => {
    const chosen = standing => at("f-" + standing).checked;
    const shown = services.filter(one => !one.classList.contains("no") && chosen(one.classList[1].slice(2))).length;
    at("found").textContent = shown === services.length ? "" : shown + " of " + services.length + " shown";
  };
  const find = () => {
    texts ??= services.map(one => one.textContent.toLowerCase());
    const words = at("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    services.forEach((one, i) => one.classList.toggle("no", !words.every(word => texts[i].includes(word))));
    document.querySelector(".filters").classList.toggle("some", words.length > 0);
    count();
  };
  at("find").hidden = false;
  at("q").addEventListener("input", find);
  document.querySelector("fieldset").addEventListener("change", count);
  at("unfold").addEventListener("click", () => {
    const open = services.some(one => !one.open);
    services.forEach(one => { one.open = open; });
    at("unfold").textContent = open ? "Close all details" : "Open all details";
  });
})();
