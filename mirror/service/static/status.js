// Makes the page refresh itself and search while typing; without it the page is complete, only still.
"use strict";
const every = 5000;
const live = document.getElementById("live");
let timer = 0;

async function refresh() {
  clearTimeout(timer);
  try {
    const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
    if (!answer.ok) throw new Error(`the service answers ${answer.status}`);
    show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    live.textContent = ", refreshes itself";
  } catch (error) {
    live.textContent = ", not refreshed: the service does not answer";
  }
  timer = setTimeout(refresh, every);
}

// What somebody is typing, has open or reads stays as it is.
function show(fresh) {
  const open = new Map([...document.querySelectorAll("details")].map((found, n) => [n, found.open]));
  const replaced = [...document.querySelectorAll("#main > section")];
  const news = [...fresh.querySelectorAll("#main > section")];
  if (replaced.length !== news.length) {
    document.getElementById("main").replaceWith(fresh.getElementById("main"));
  } else {
    replaced.forEach((section, n) => section.id === "tags" ? showTags(section, news[n]) : section.replaceWith(news[n]));
  }
  [...document.querySelectorAll("details")].forEach((found, n) => { if (open.has(n)) found.open = open.get(n); });
  document.querySelector("header time").replaceWith(fresh.querySelector("header time"));
  document.title = fresh.title;
}

function showTags(old, fresh) {
  for (const part of ["h2", "table", "nav"]) {
    const was = old.querySelector(part);
    const is = fresh.querySelector(part);
    if (was && is) was.replaceWith(is);
    else if (was) was.remove();
    else if (is) old.append(is);
  }
}

let typing = 0;
function search(event) {
  const form = event.target.closest("form[role=search]");
  if (!form) return;
  clearTimeout(typing);
  typing = setTimeout(() => {
    history.replaceState(null, "", "/?" + new URLSearchParams(new FormData(form)));
    refresh();
  }, 200);
}
document.addEventListener("input", search);
document.addEventListener("change", search);
timer = setTimeout(refresh, every);
