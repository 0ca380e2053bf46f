/**
 * The real browser of tests: finds a Chromium on this machine, starts it without a window, and has suites skip, saying why, where there
 * is none. Nothing is downloaded: Debian's `chromium` will do, and so does Chrome.
 */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, onTestFinished } from "vitest";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome.exe"];
const places = [
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

/** KANTE_CHROMIUM names a browser; set to nothing it says that there is none. */
export function findChromium(): string | undefined {
  const told = process.env["KANTE_CHROMIUM"];
  if (told !== undefined) return told === "" ? undefined : told;
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...places].find((path) => existsSync(path));
}

/** Whoever launches it closes it. */
export async function launchChromium(args: readonly string[] = []): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("no Chromium found: install it, or name one in KANTE_CHROMIUM");
  return await chromium.launch({
    executablePath,
    // Containers run as root, where Chromium's sandbox refuses to, and give /dev/shm too little room.
    args: ["--no-sandbox", "--disable-dev-shm-usage", ...args],
  });
}

export interface BrowserStage {
  /** Shared by the suite's tests. */
  browser(): Browser;
  /** A profile of its own, with nothing stored and no window open; closed when the test is over. */
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
}

/** A suite that needs a browser: skipped, with the reason in its name and on stderr, where there is none. */
export function describeInBrowser(name: string, suite: (stage: BrowserStage) => void, args: readonly string[] = []): void {
  const isMissing = findChromium() === undefined;
  if (isMissing) console.warn(`skipped, no Chromium found (install it, or name one in KANTE_CHROMIUM): ${name}`);
  describe.skipIf(isMissing)(isMissing ? `${name} (no Chromium found)` : name, () => {
    let started: Browser | undefined;
    beforeAll(async () => {
      started = await launchChromium(args);
    });
    afterAll(async () => await started?.close());
    const browser = (): Browser => {
      if (started === undefined) throw new Error("the browser has not started yet");
      return started;
    };
    const context = async (options?: BrowserContextOptions): Promise<BrowserContext> => {
      const made = await browser().newContext(options);
      onTestFinished(async () => await made.close());
      return made;
    };
    suite({ browser, context });
  });
}
