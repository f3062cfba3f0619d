// The link page: everything is made here, from the part of the address that browsers do not send.
import { encode } from "/media/uqr.mjs";

const kinds = {
  a: ["A contact address", "Someone shares their SimpleX address with you. Open it in the app to send a request to connect."],
  c: ["A channel", "Open this link in the SimpleX app to join the channel."],
  g: ["A group", "Open this link in the SimpleX app to join the group."],
  i: ["An invitation to connect", "It is for one person: once somebody has used it, it does not work any more."],
  r: ["A relay address", "Open this link in the SimpleX app to use this relay."],
};
kinds.contact = kinds.a;
kinds.invitation = kinds.i;

const page = (id) => document.getElementById(id);

// The last word of the path says what kind of link it is; everything else is behind the #.
function linkOf(location) {
  const words = location.pathname.split("/").filter((word) => word && word !== "index.html");
  const kind = words.at(-1) ?? "";
  return { kind, hash: location.hash, web: `https://${location.host}/${kind}${location.hash}` };
}

// Short links name their relay's host in the web address; in the app's form it is the first of the parameter h.
function appLink({ kind, hash }, host) {
  if (kind.length > 1) return `simplex:/${kind}${hash}`;
  if (!hash.includes("?")) return `simplex:/${kind}${hash}?h=${host}`;
  if (/[?&]h=/.test(hash)) return `simplex:/${kind}${hash.replace(/([?&])h=([^&]+)/, (_, mark, hosts) => `${mark}h=${host},${hosts}`)}`;
  return `simplex:/${kind}${hash}&h=${host}`;
}

function drawCode(text) {
  const code = encode(text, { ecc: "M", border: 4 });
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  svg.setAttribute("viewBox", `0 0 ${code.size} ${code.size}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "QR code of the link");
  svg.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(namespace, "path");
  let shape = "";
  code.data.forEach((row, y) => row.forEach((dark, x) => {
    if (dark) shape += `M${x} ${y}h1v1h-1z`;
  }));
  path.setAttribute("d", shape);
  svg.append(path);
  page("code").replaceChildren(svg);
}

function show() {
  const link = linkOf(window.location);
  const [title, lead] = kinds[link.kind] ?? ["A SimpleX link", "Open it in a SimpleX app to connect."];
  page("title").textContent = title;
  page("lead").textContent = lead;
  document.title = title;
  const whole = link.hash.length > 1;
  page("broken").hidden = whole;
  page("link").hidden = !whole;
  if (!whole) return;
  page("open").href = appLink(link, window.location.hostname);
  page("text").value = link.web;
  try {
    drawCode(link.web);
  } catch {
    page("scan").hidden = true;  // longer than a QR code can be
  }
}

page("copy").addEventListener("click", async () => {
  const text = page("text");
  try {
    await navigator.clipboard.writeText(text.value);
    page("copied").textContent = "Copied";
  } catch {
    text.select();  // without permission, or without TLS
    page("copied").textContent = "Press Ctrl+C to copy";
  }
});
page("text").addEventListener("focus", (event) => event.target.select());
window.addEventListener("hashchange", show);
show();
