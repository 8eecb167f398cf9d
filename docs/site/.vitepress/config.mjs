/** The site: what it looks like, and its sidebars. `npm run docs` writes the pages into ../.pages first. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { contents, titleOf } from "../../../scripts/site/contents.mjs";

const PAGES = join(import.meta.dirname, "..", ".pages");
const link = (page) => `/${page.replace(/\.md$/, "")}`;

/** Anchors as on GitHub, so that a link holds in both. */
const slugify = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
    .replaceAll(" ", "-");

const pages = contents().map(({ text, pages, collapsed }) => ({
  text,
  collapsed,
  items: pages.map((page) => ({
    text: page === "README.md" ? "The first five minutes" : titleOf(page),
    link: link(page),
  })),
}));

/** Folders below api/ whose README is a module's or a namespace's, by path. */
function modules(folder) {
  const inside = readdirSync(join(PAGES, folder), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return inside.flatMap(({ name }) => {
    const path = `${folder}/${name}`;
    return [...(existsSync(join(PAGES, path, "README.md")) ? [path] : []), ...modules(path)];
  });
}

/** Every module has a sidebar of its own: the list of modules, and its own exports by kind. */
function apiSidebars() {
  const all = modules("api");
  const name = (path) => path.slice("api/".length).replace("fovea/namespaces/", "fovea: ");
  const list = {
    text: "API",
    link: "/api/README",
    // The name spaces nn, ops and models stand behind the entry that has them.
    items: all
      .map((path) => ({ text: name(path), link: `/${path}/README` }))
      .sort((a, b) => Number(a.text.includes("/")) - Number(b.text.includes("/"))),
  };
  const kinds = (path) =>
    readdirSync(join(PAGES, path), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== "namespaces" && !all.includes(`${path}/${entry.name}`))
      .map((entry) => ({
        text: entry.name[0].toUpperCase() + entry.name.slice(1).replace("-", " "),
        collapsed: false,
        items: readdirSync(join(PAGES, path, entry.name))
          .map((file) => file.replace(/\.md$/, ""))
          .sort((a, b) => a.localeCompare(b, "en"))
          .map((item) => ({ text: item, link: `/${path}/${entry.name}/${item}` })),
      }));
  const own = all.map((path) => [`/${path}/`, [list, ...kinds(path)]]);
  return Object.fromEntries([["/api/", [list]], ...own]);
}

/** Indented blocks get the frame and the scroll bar of fenced ones. */
function showIndentedCode(markdown) {
  const { rules } = markdown.renderer;
  rules.code_block = (tokens, index, ...rest) => {
    tokens[index].info = "text";
    return rules.fence(tokens, index, ...rest);
  };
}

export default {
  title: "fovea",
  description: "Convolutional neural networks for TypeScript, compiled to machine code for their exact shapes",
  srcDir: ".pages",
  head: [["link", { rel: "icon", href: "data:," }]],
  // Pages hold no HTML: what looks like it, such as a type's arguments, is text.
  markdown: { html: false, anchor: { slugify }, config: showIndentedCode },
  vite: { build: { chunkSizeWarningLimit: 10_000 } },
  themeConfig: {
    nav: [
      { text: "Guide", link: "/README" },
      { text: "From PyTorch", link: "/docs/coming-from-pytorch" },
      { text: "API", link: "/api/README", activeMatch: "/api/" },
      { text: "Figures", link: "/bench/README" },
    ],
    sidebar: { ...apiSidebars(), "/": pages },
    outline: { level: [2, 3] },
    search: { provider: "local" },
    footer: {
      message:
        "Apache-2.0. The site contains <a href='./licences.txt' target='_blank'>code and typefaces of others</a>.",
    },
  },
};
