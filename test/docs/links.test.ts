/** Every link and picture of the project's Markdown leads to a file, and every anchor to a heading. */
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, it } from "vitest";
import { anchorsOf, linksOf, pages, read, root } from "./markdown.js";

/** What is wrong with a link of a page; undefined where it leads somewhere. */
function fault(page: string, link: string, text: (path: string) => string | undefined): string | undefined {
  if (/^[a-z]+:/i.test(link)) return undefined;
  const [path, anchor] = link.split("#") as [string, string | undefined];
  const target = path === "" ? page : posix.normalize(posix.join(posix.dirname(page), decodeURI(path)));
  const found = text(target);
  if (found === undefined) return `${page}: ${link}: there is no ${target}`;
  if (anchor === undefined || !target.endsWith(".md")) return undefined;
  return anchorsOf(found).has(anchor) ? undefined : `${page}: ${link}: ${target} has no such heading`;
}

/** A file's text, or nothing at all where it is a folder or a picture. */
function onDisk(path: string): string | undefined {
  if (path.startsWith("..") || !existsSync(join(root, path))) return undefined;
  return path.endsWith(".md") ? read(path) : "";
}

it.each(pages())("%s has no link that leads nowhere", (page) => {
  expect(linksOf(read(page)).flatMap((link) => fault(page, link, onDisk) ?? [])).toEqual([]);
});

it("finds what leads nowhere, and passes over code", () => {
  const files = new Map([
    ["docs/a.md", ""],
    ["docs/b.md", "# A title: `x` & more\n\n## Same\n\n## Same\n\n```text\n# no heading\n```\n"],
    ["picture.png", ""],
  ]);
  const of = (text: string) => linksOf(text).map((link) => fault("docs/a.md", link, (path) => files.get(path)));
  expect(
    of("[x](b.md) [`x`](b.md#a-title-x--more) [x](b.md#same-1) ![x](../picture.png) [x](https://example.org/b.md)"),
  ).toEqual([undefined, undefined, undefined, undefined, undefined]);
  expect(of("[x](c.md) [x](b.md#no-heading) [x](#same)\n![x](picture.png)")).toEqual([
    "docs/a.md: c.md: there is no docs/c.md",
    "docs/a.md: b.md#no-heading: docs/b.md has no such heading",
    "docs/a.md: #same: docs/a.md has no such heading",
    "docs/a.md: picture.png: there is no docs/picture.png",
  ]);
  expect(linksOf("`[x](c.md)`\n\n    [x](c.md)\n\n```md\n[x](c.md)\n```\n")).toEqual([]);
  expect(linksOf('<img src="c.png" alt="">\n\n- item\n  [x](d.md)\n')).toEqual(["c.png", "d.md"]);
});
