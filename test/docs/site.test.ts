/** The site of `npm run docs`, built for a sub-path: its links lead somewhere, and it asks nothing of other servers. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inProject, runNode } from "../../scripts/prepare.mjs";
import { copyPages } from "../../scripts/site/pages.mjs";
import { root } from "./markdown.js";

const out = mkdtempSync(join(tmpdir(), "fovea-site-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

it("brings code, pictures and folders that pages link to", () => {
  const to = join(out, "pages");
  copyPages(["docs/your-own-step.md", "README.md"], to);
  const read = (path: string) => readFileSync(join(to, path), "utf8");
  expect(read("docs/your-own-step.md")).toContain("(../examples/own-step/gan-mjs.md)");
  expect(read("examples/own-step/gan-mjs.md")).toMatch(/^# examples\/own-step\/gan\.mjs\n\n````js\n/);
  expect(read("README.md")).toContain("[examples](examples/README.md)");
  expect(read("examples/README.md")).toContain("- [own-step](own-step/README.md)\n");
  expect(existsSync(join(to, "docs/pictures/curves.png"))).toBe(true);
});

const BASE = "/some/where/";
const tools = existsSync(inProject("docs/site/node_modules/vitepress"));
const name = tools ? "the built site" : "the built site (skipped: `npm run docs` installs what builds it)";

describe.skipIf(!tools)(name, () => {
  const site = join(out, "site");
  const pages = new Map<string, string>();
  beforeAll(async () => {
    const args = [join(root, "scripts/site.mjs"), "--base", BASE, "--out", site];
    expect(await runNode(args, { stdio: "ignore" })).toMatchObject({ code: 0 });
    for (const path of readdirSync(site, { recursive: true }).map(String)) {
      if (path.endsWith(".html")) pages.set(path.replaceAll("\\", "/"), readFileSync(join(site, path), "utf8"));
    }
  });

  it("has a page for each export of the package", () => {
    const asked = { "fovea/functions/train": "train", "fovea/namespaces/nn/variables/conv2d": "conv2d" };
    for (const [page, name] of Object.entries({ ...asked, "fovea/node/functions/loadMnist": "loadMnist" })) {
      const [, heading] = pages.get(`api/${page}.html`)?.match(/<h1 id="([^"]*)"/) ?? [];
      expect(heading).toBe(name.toLowerCase());
    }
  });

  it("has no link that leads nowhere", () => {
    const wrong = new Set<string>();
    for (const [page, html] of pages) {
      for (const [, link = ""] of html.matchAll(/<a\b[^>]*\shref="([^"]*)"/g)) {
        if (/^[a-z]+:/i.test(link)) continue;
        const [path = "", anchor = ""] = link.split("#");
        if (path.startsWith("/") && !path.startsWith(BASE)) wrong.add(`${page}: ${link} is outside of ${BASE}`);
        const at =
          path === "" ? page : posix.join(path.startsWith("/") ? "" : posix.dirname(page), path.replace(BASE, ""));
        const file = at === "" || at.endsWith("/") ? `${at}index.html` : at;
        const target = pages.get(file) ?? pages.get(`${file}.html`);
        if (target === undefined && !existsSync(join(site, file))) wrong.add(`${page}: ${link}: there is no ${file}`);
        if (target !== undefined && anchor !== "" && !target.includes(`id="${decodeURIComponent(anchor)}"`))
          wrong.add(`${page}: ${link}: ${file} has no such heading`);
      }
    }
    expect([...wrong]).toEqual([]);
  });

  it("loads scripts, styles, pictures and typefaces from itself alone", () => {
    const wrong = new Set<string>();
    for (const [page, html] of pages) {
      for (const [, link = ""] of html.matchAll(/<(?:script|img|link|iframe|source)\b[^>]*\s(?:src|href)="([^"]*)"/g)) {
        if (!link.startsWith(BASE) && !link.startsWith("data:")) wrong.add(`${page}: ${link}`);
      }
    }
    expect([...wrong]).toEqual([]);
  });

  it("leads from its front page to what newcomers ask for in two clicks at most", () => {
    const front = pages.get("index.html") ?? "";
    const asked = [
      "README",
      "docs/coming-from-pytorch",
      "docs/your-own-network",
      "docs/your-own-step",
      "docs/training",
      "api/README",
    ];
    expect(asked.filter((page) => !front.includes(`href="${BASE}${page}.html"`))).toEqual([]);
  });
});
