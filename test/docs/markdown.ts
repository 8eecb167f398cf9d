/** The Markdown files of the project, taken apart: links, anchors and blocks of code. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

const FOLDERS = ["docs", "bench", "examples"];
const FILES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/** Paths from the root of the project, with forward slashes. */
export function pages(): string[] {
  return [...FILES, ...FOLDERS.flatMap((folder) => below(folder))];
}

function below(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "node_modules" || entry.name.startsWith(".") ? [] : below(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

export const read = (page: string) => readFileSync(join(root, page), "utf8");

export interface Block {
  /** The first word behind the fence: `ts`. */
  readonly language: string;
  /** The words behind it: `unchecked: needs a browser`. */
  readonly remark: string;
  /** What a comment right before the block declares for it: `<!-- given: declare const x: number; -->`. */
  readonly given: string;
  readonly code: string;
  /** Line of the fence, from 1. */
  readonly line: number;
}

const FENCE = /^(?:<!-- given:([\s\S]*?)-->\n+)?(`{3,})(\w*)[ \t]*([^\n]*)\n([\s\S]*?)^\2[ \t]*$/gm;

export function blocksOf(markdown: string): Block[] {
  return [...markdown.matchAll(FENCE)].map((match) => {
    const [all, given = "", fence, language = "", remark = "", code = ""] = match;
    const line = markdown.slice(0, match.index + all.indexOf(fence!)).split("\n").length;
    return { language, remark: remark.trim(), given: given.trim(), code, line };
  });
}

/** The text without blocks and spans of code, and without indented blocks. */
export function proseOf(markdown: string): string {
  return markdown
    .replace(FENCE, "")
    .replace(/(^|\n)\n((?: {4}|\t)[^\n]*\n?)+/g, "$1\n")
    .replace(/(`+)(?!`)[\s\S]*?\1/g, "");
}

/** Targets of links and pictures as they are written: `memory.md#scratch`. */
export function linksOf(markdown: string): string[] {
  const prose = proseOf(markdown.replace(/\[`([^`\n]*)`\]/g, "[$1]"));
  return [...prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|(?:src|href|srcset)="([^"]+)"/g)].map(
    ([, link, attribute]) => (link ?? attribute)!,
  );
}

/** Anchors of a page's headings, as GitHub and the site make them. */
export function anchorsOf(markdown: string): Set<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading] of markdown.replace(FENCE, "").matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, "")
      .replaceAll(" ", "-");
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return anchors;
}
