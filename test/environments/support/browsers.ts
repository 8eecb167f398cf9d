/** Chromium, by Playwright, and Firefox, by Marionette (https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html). */
import { spawn } from "node:child_process";
import { accessSync, constants, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";
import { CHROMIUM_FLAGS, ensureChromium, installCommand } from "../../../scripts/chromium.mjs";
import { scratchFolder } from "./scratch.js";
import type { Report } from "./smoke.js";

export interface BrowserUnderTest {
  /** What `globalThis.report` of a page comes to. */
  visit(url: string): Promise<Report>;
  close(): Promise<void>;
}

export interface BrowserKind {
  readonly name: "Chromium" | "Firefox";
  /** Undefined where it is there; else why it is not, for the name of what is skipped. */
  readonly missing: string | undefined;
  launch(): Promise<BrowserUnderTest>;
}

const chromiumPath = ensureChromium();

const chromiumKind: BrowserKind = {
  name: "Chromium",
  missing: chromiumPath === undefined ? `no Chromium found: ${installCommand()}` : undefined,
  async launch() {
    const browser = await chromium.launch({ executablePath: chromiumPath, args: [...CHROMIUM_FLAGS] });
    return {
      async visit(url) {
        const page = await browser.newPage();
        try {
          await page.goto(url);
          await page.waitForFunction("globalThis.report !== undefined", undefined, { polling: 100 });
          return (await page.evaluate("globalThis.report")) as Report;
        } finally {
          await page.close();
        }
      },
      close: () => browser.close(),
    };
  },
};

const firefoxPath = ["firefox", "firefox-esr"]
  .flatMap((name) => (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, name)))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const firefoxKind: BrowserKind = {
  name: "Firefox",
  missing: firefoxPath === undefined ? "no firefox found on the PATH" : undefined,
  async launch() {
    const profile = scratchFolder();
    const quiet = [
      "app.update.enabled",
      "datareporting.policy.dataSubmissionEnabled",
      "network.captive-portal-service.enabled",
    ];
    const lines = [`user_pref("marionette.port", 0);`, ...quiet.map((name) => `user_pref("${name}", false);`)];
    writeFileSync(join(profile, "user.js"), lines.join("\n"));
    const child = spawn(firefoxPath!, ["--headless", "--marionette", "--no-remote", "--profile", profile], {
      stdio: "ignore",
      env: { ...process.env, HOME: profile },
    });
    const marionette = await Marionette.connect(() =>
      Number(readFileSync(join(profile, "MarionetteActivePort"), "utf8")),
    );
    await marionette.ask("WebDriver:NewSession", { capabilities: { alwaysMatch: { pageLoadStrategy: "normal" } } });
    await marionette.ask("WebDriver:SetTimeouts", { script: 60_000, pageLoad: 60_000 });
    return {
      async visit(url) {
        await marionette.ask("WebDriver:Navigate", { url });
        // A world of its own sees the page by an X-ray: the page's own objects come over as text.
        const script = `
          const done = arguments[0];
          (async () => {
            const page = window.wrappedJSObject ?? window;
            for (let n = 0; page.report === undefined && n < 500; n++) await new Promise((r) => setTimeout(r, 100));
            page.report.then((r) => done(JSON.stringify(r)));
          })();`;
        const { value } = (await marionette.ask("WebDriver:ExecuteAsyncScript", {
          script,
          args: [],
          sandbox: null,
        })) as { value: string };
        return JSON.parse(value) as Report;
      },
      async close() {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        marionette.close();
        child.kill("SIGTERM");
        await ended;
      },
    };
  },
};

export const BROWSERS: readonly BrowserKind[] = [chromiumKind, firefoxKind];

/** Messages are `LENGTH:JSON`; commands `[0, id, name, parameters]`, answers `[1, id, error, result]`. */
class Marionette {
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);
  #id = 0;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(cause: Error): void }>();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (data) => this.#hear(data));
    const fail = () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Firefox has ended"));
    };
    socket.on("error", fail);
    socket.on("close", fail);
  }

  /** `port` throws until the browser has written it. */
  static async connect(port: () => number): Promise<Marionette> {
    for (let n = 0; ; n++) {
      try {
        const socket = connect(port(), "127.0.0.1");
        await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
        return new Marionette(socket);
      } catch (cause) {
        if (n > 300) throw cause;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  ask(name: string, parameters: object): Promise<unknown> {
    const id = ++this.#id;
    const text = JSON.stringify([0, id, name, parameters]);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data]);
    for (;;) {
      const colon = this.#rest.indexOf(":");
      if (colon < 0) return;
      const end = colon + 1 + Number(this.#rest.subarray(0, colon).toString());
      if (this.#rest.length < end) return;
      const message = JSON.parse(this.#rest.subarray(colon + 1, end).toString());
      this.#rest = this.#rest.subarray(end);
      if (!Array.isArray(message)) continue; // the greeting
      const [, id, error, result] = message;
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === null) waiting?.resolve(result);
      else waiting?.reject(new Error(`${error.error}: ${error.message}`));
    }
  }
}
