/** What is said where there is one thread only: the cure that helps in that place, and none where nothing does. */
import { expect, test } from "vitest";
import { type Surroundings, whyAlone } from "#fovea/devices/cpu/platform/why-alone-browser.js";

const HEADERS = "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
const NONE = "no SharedArrayBuffer here, so everything runs on one thread";

const top = {};
const page: Surroundings = {
  crossOriginIsolated: false,
  isSecureContext: true,
  Worker: class {},
  document: {},
  self: top,
  top,
  location: { protocol: "https:" },
  navigator: {
    userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
  },
};
const isolated: Surroundings = { ...page, crossOriginIsolated: true, SharedArrayBuffer: class {} };
const { document: _, top: __, ...worker } = page;

test.each<[string, Surroundings, string | undefined]>([
  ["an isolated page", isolated, undefined],
  ["a page", page, `${NONE}; serve the page with ${HEADERS}`],
  [
    "a page that has a SharedArrayBuffer for itself",
    { ...page, SharedArrayBuffer: class {} },
    `${NONE}; serve the page with ${HEADERS}`,
  ],
  [
    "a page of a file",
    { ...page, location: { protocol: "file:" } },
    `${NONE}; serve the page by HTTP, with ${HEADERS}`,
  ],
  [
    "a page of plain HTTP",
    { ...page, isSecureContext: false, location: { protocol: "http:" } },
    `${NONE}; serve the page by HTTPS (or from localhost), since browsers share memory nowhere else, with ${HEADERS}`,
  ],
  [
    "a frame",
    { ...page, self: {} },
    `${NONE}; serve the page around this frame with ${HEADERS}, give the frame allow="cross-origin-isolated", and serve what is in it with Cross-Origin-Embedder-Policy: require-corp`,
  ],
  [
    "an extension's page",
    { ...page, location: { protocol: "chrome-extension:" } },
    `${NONE}; put cross_origin_opener_policy (same-origin) and cross_origin_embedder_policy (require-corp) into the extension's manifest`,
  ],
  [
    "a page's worker",
    worker,
    `${NONE}; serve the page that started this worker with ${HEADERS}, and the worker's file with the latter`,
  ],
  [
    "a shared worker",
    { ...worker, SharedWorkerGlobalScope: class {} },
    `${NONE}; use fovea in a page, or in a dedicated worker of it`,
  ],
  [
    "a service worker of an isolated page",
    { ...isolated, document: undefined, Worker: undefined, ServiceWorkerGlobalScope: class {} },
    "no workers can be started here, so everything runs on one thread; a page, or a dedicated worker of it, can start them",
  ],
  ["an engine that knows nothing of isolation", {}, NONE],
  [
    "a browser that isolates and shares nothing",
    { ...page, crossOriginIsolated: true },
    `${NONE}; this browser has none, whatever a page does`,
  ],
  [
    "WebKitGTK",
    {
      ...page,
      navigator: {
        userAgent:
          "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
      },
    },
    `${NONE}; this browser has none, whatever a page does`,
  ],
])("%s", (_name, scope, said) => {
  expect(whyAlone(scope)).toBe(said);
});
