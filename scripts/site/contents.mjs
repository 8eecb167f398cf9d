/** What the site's sidebar lists, in its order: pages from the root of the project. A page of docs/ that no group names fails the build. */
import { readdirSync, readFileSync } from "node:fs";
import { inProject } from "../prepare.mjs";

const docs = (...names) => names.map((name) => `docs/${name}.md`);
const folder = (path) =>
  readdirSync(inProject(path))
    .filter((name) => name.endsWith(".md"))
    .sort((a, b) => Number(b === "README.md") - Number(a === "README.md") || (a < b ? -1 : 1))
    .map((name) => `${path}/${name}`);

/** Groups of pages: those that are open at first, then those that a reader opens. */
export function contents() {
  const groups = [
    {
      text: "Guide",
      pages: [
        "README.md",
        ...docs("coming-from-pytorch", "your-own-network", "your-own-step"),
        ...docs("your-first-layer", "your-first-op", "your-first-kernel"),
      ],
    },
    {
      text: "Recipes",
      pages: [
        ...docs("networks", "training", "data-and-weights", "augmentation", "segmentation", "go"),
        ...docs("looking-inside", "worked-examples", "pages", "runtimes", "security"),
      ],
    },
    { text: "Architecture", collapsed: true, pages: ["docs/architecture.md", ...folder("docs/architecture")] },
    { text: "Decisions", collapsed: true, pages: folder("docs/decisions") },
    { text: "Benchmarks", collapsed: true, pages: ["bench/README.md", ...folder("bench/results")] },
    { text: "Examples", collapsed: true, pages: examples() },
    { text: "Project", collapsed: true, pages: ["CONTRIBUTING.md", "CHANGELOG.md"] },
  ];
  const listed = new Set(groups.flatMap(({ pages }) => pages));
  const forgotten = folder("docs").filter((page) => !listed.has(page));
  if (forgotten.length > 0) throw new Error(`no group of scripts/site/contents.mjs lists ${forgotten.join(", ")}`);
  return groups;
}

const examples = () =>
  readdirSync(inProject("examples")).flatMap((name) => (hasReadme(name) ? [`examples/${name}/README.md`] : []));
const hasReadme = (name) =>
  readdirSync(inProject("examples"), { recursive: true }).some((path) => path === `${name}/README.md`);

/** The first heading of a page. */
export function titleOf(page) {
  const [, title] = readFileSync(inProject(page), "utf8").match(/^# +(.+)$/m) ?? [];
  if (title === undefined) throw new Error(`${page} has no heading`);
  return title.replaceAll("`", "");
}
