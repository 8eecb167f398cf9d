/** Text of others is inert wherever it is shown. */
import { describe, expect, it } from "vitest";
import { csv } from "#fovea/analysis/compare/table.js";
import { escapeXml } from "#fovea/analysis/report/figure.js";
import { FileError } from "#fovea/base/errors.js";
import { jsonText, onOneLine, printable } from "#fovea/base/text.js";

const HOSTILE = "a\x1b]0;title\x07\x9b31m\r\n\t\u202eb\u2028\ud800<i>\"&'\0\x7f\ufeff😀é";

/** Every character that is not to reach a terminal or an XML document as it is. */
const isUnsafe = (c: string) =>
  /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]/u.test(c) ||
  (c >= "\ud800" && c <= "\udfff" && c.length === 1);

describe("text of others", () => {
  it("is shown with codes in place of what a terminal would obey", () => {
    expect(onOneLine(HOSTILE)).toBe(
      "a\\x1b]0;title\\x07\\x9b31m\\r\\n\\t\\u202eb\\u2028\\ud800<i>\"&'\\x00\\x7f\ufeff😀é",
    );
    expect(printable("a\tb\nc\x1bd")).toBe("a\tb\nc\\x1bd");
  });

  it("leaves nothing unsafe, of all characters", () => {
    let all = "";
    for (let c = 0; c < 0x10000; c++) all += `${String.fromCharCode(c)} `;
    for (const text of [onOneLine(all), escapeXml(all), jsonText(all)]) {
      const unsafe = [...text].filter((c) => isUnsafe(c) && c !== "\n" && c !== "\t");
      expect(unsafe).toEqual([]);
    }
    expect(onOneLine("é 中文 עברית ภาษา 🏳️‍🌈")).toBe("é 中文 עברית ภาษา 🏳️‍🌈");
  });

  it("reads back from JSON as it was", () => {
    expect(JSON.parse(jsonText({ name: HOSTILE }))).toEqual({ name: HOSTILE });
  });

  it("is a line of an error's message", () => {
    expect(new FileError("x\x1b[2J.png: is empty").message).toBe("x\\x1b[2J.png: is empty");
  });

  it("is text to XML and to a spreadsheet", () => {
    expect(escapeXml("<b>\"a\" & 'b'\x00")).toBe("&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;\\x00");
    expect(csv([{ a: "=1+2", b: -3 }], ["a", "b"])).toBe("a,b\n'=1+2,-3\n");
    expect(csv([{ a: 'x "y", z\n', b: "@cmd" }], ["a", "b"])).toBe('a,b\n"x ""y"", z\\n",\'@cmd\n');
  });
});
