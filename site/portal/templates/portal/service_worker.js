// The shell and the text pages that were read, for reading without a connection. Never media, never the API.
const VERSION = "{{ version }}";
const SHELL = "shell-" + VERSION;
const TEXT = "text-1";
const SHELL_FILES = [{% for address in shell %}"{{ address|escapejs }}"{% if not forloop.last %}, {% endif %}{% endfor %}];
const OFFLINE = SHELL_FILES[SHELL_FILES.length - 1];
const MOST_TEXTS = 60;

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(SHELL_FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("shell-") && name !== SHELL;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin) return;
  // Somebody signs in or out: what the one before has read is nobody else's business.
  if (request.method === "POST" && url.pathname.startsWith("/accounts/")) {
    event.waitUntil(caches.delete(TEXT));
    return;
  }
  // Course content is foreign: it is fetched and confined by the browser itself.
  if (request.method !== "GET" || url.pathname.startsWith("/cmi5/content/")) return;
  if (url.pathname.startsWith("{{ static_url|escapejs }}")) event.respondWith(fromShell(request));
  else if (request.mode === "navigate") event.respondWith(page(request, url));
});

async function fromShell(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok && answer.status === 200) {
    const copy = answer.clone();
    caches.open(SHELL).then((cache) => cache.put(request, copy));
  }
  return answer;
}

/** Text that changes seldom and holds nothing of anybody's study: policies and notices of law. */
function isText(url) {
  return /^\/(policy|privacy|accessibility)\//.test(url.pathname);
}

async function page(request, url) {
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected && isText(url)) {
      const copy = answer.clone();
      caches.open(TEXT).then(async (cache) => {
        await cache.put(request, copy);
        const kept = await cache.keys();
        if (kept.length > MOST_TEXTS) await cache.delete(kept[0]);
      });
    }
    return answer;
  } catch (error) {
    return (await caches.match(request)) || (await caches.match(OFFLINE)) || Response.error();
  }
}
