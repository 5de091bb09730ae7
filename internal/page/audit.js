(() => {
  const at = id => document.getElementById(id);
  if (!at("find")) return;
  const services = [...document.querySelectorAll(".sv")];
  let texts = null;
  const count = () => {
    const shown = services.filter(one => getComputedStyle(one).display !== "none").length;
    at("found").textContent = shown === services.length ? "" : shown + " of " + services.length + " shown";
  };
  const find = () => {
    texts ??= services.map(one => one.textContent.toLowerCase());
    const words = at("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    services.forEach((one, i) => one.classList.toggle("no", !words.every(word => texts[i].includes(word))));
    document.body.classList.toggle("some", words.length > 0);
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
