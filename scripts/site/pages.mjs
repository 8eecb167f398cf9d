/**
 * Copies the pages of the site into one folder, laid out as the project is, so that their links hold. Files and folders that pages link to
 * come along: code and text become a page that shows them, a folder a page that lists its files, all else is copied.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { inProject } from "../prepare.mjs";

const LANGUAGES = {
  ".mjs": "js",
  ".js": "js",
  ".ts": "ts",
  ".html": "html",
  ".txt": "text",
  ".css": "css",
  ".jsonl": "json",
};
const LINK = /(\]\(<?)([^)\s>#]+)((?:#[^)\s>]*)?>?(?:\s+"[^"]*")?\))/g;
const FENCE = /^(`{3,})[^\n]*\n[\s\S]*?^\1[ \t]*$/gm;

/** @param {string[]} pages paths of Markdown from the root of the project; pages that they link to follow */
export function copyPages(pages, to) {
  const done = new Set();
  const copy = (page) => {
    if (done.has(page)) return;
    done.add(page);
    write(to, page, withLinks(readFileSync(inProject(page), "utf8"), page));
  };
  const withLinks = (markdown, page) => {
    const follow = (all, before, link, after) => {
      if (/^[a-z]+:/i.test(link)) return all;
      const target = posix.normalize(posix.join(posix.dirname(page), decodeURI(link)));
      return `${before}${bring(link, target)}${after}`;
    };
    // Links in blocks of code are text.
    let text = "";
    let end = 0;
    for (const block of markdown.matchAll(FENCE)) {
      text += markdown.slice(end, block.index).replace(LINK, follow) + block[0];
      end = block.index + block[0].length;
    }
    return text + markdown.slice(end).replace(LINK, follow);
  };
  /** Brings what a link leads to. Returns the link as it is on the site. */
  const bring = (link, target) => {
    const file = inProject(target);
    if (!existsSync(file)) throw new Error(`a page links to ${target}, which is not there`);
    if (statSync(file).isDirectory()) return `${link.replace(/\/$/, "")}/${listFolder(target)}`;
    if (target.endsWith(".md")) {
      copy(target);
      return link;
    }
    const language = LANGUAGES[extname(target)];
    if (language === undefined) {
      const place = /\.(png|svg|jpg)$/.test(target) ? target : join("public", target);
      mkdirSync(dirname(join(to, place)), { recursive: true });
      cpSync(file, join(to, place));
      return link;
    }
    if (!done.has(target)) {
      done.add(target);
      write(to, asPage(target), `# ${target}\n\n\`\`\`\`${language}\n${readFileSync(file, "utf8")}\n\`\`\`\`\n`);
    }
    return asPage(link);
  };
  const listFolder = (target) => {
    const page = posix.join(target, "README.md");
    if (existsSync(inProject(page))) copy(page);
    else if (!done.has(page)) {
      done.add(page);
      const names = readdirSync(inProject(target)).filter((name) => isListed(posix.join(target, name)));
      write(to, page, withLinks(`# ${target}\n\n${names.map((name) => `- [${name}](${name})\n`).join("")}`, page));
    }
    return "README.md";
  };
  pages.forEach(copy);
}

/** `gan.mjs` is shown by the page gan-mjs. */
const asPage = (path) => `${path.replace(/\.(\w+)$/, "-$1")}.md`;

/** A folder's list has pages, code and folders, and no data. */
function isListed(path) {
  if (/\/(\.|node_modules)/.test(path)) return false;
  return statSync(inProject(path)).isDirectory() || path.endsWith(".md") || LANGUAGES[extname(path)] !== undefined;
}

function write(to, page, text) {
  mkdirSync(dirname(join(to, page)), { recursive: true });
  writeFileSync(join(to, page), text);
}
