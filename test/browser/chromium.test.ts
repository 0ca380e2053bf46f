/** That tests can have a real browser here, and are skipped where they cannot. */
import { expect, test } from "vitest";
import { accessibilityFaults } from "./accessibility.ts";
import { describeInBrowser, findChromium } from "./chromium.ts";

describeInBrowser("a browser for tests", (stage) => {
  test("runs a page's script", async () => {
    const page = await (await stage.context()).newPage();
    await page.setContent("<title>x</title><script>document.title = [1, 2, 3].map((n) => n * 2).join()</script>");
    expect(await page.title()).toBe("2,4,6");
  });

  test("tells what is wrong with a page", async () => {
    const page = await (await stage.context()).newPage();
    const body = (text: string) => `<!doctype html><html lang="en"><title>x</title><main><h1>x</h1>${text}</main></html>`;
    await page.setContent(body("<p>black on white</p>"));
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.setContent(body('<p style="color: #ccc">hardly there</p>'));
    expect(await accessibilityFaults(page)).toEqual([expect.stringContaining("color-contrast")]);
  });

  test("keeps two contexts apart, and tabs of one together", async () => {
    const [one, other] = [await stage.context(), await stage.context()];
    for (const context of [one, other]) {
      await context.route("http://kante.test/", async (route) => await route.fulfill({ contentType: "text/html", body: "" }));
    }
    const open = async (context: typeof one) => {
      const page = await context.newPage();
      await page.goto("http://kante.test/");
      return page;
    };
    await (await open(one)).evaluate(() => localStorage.setItem("name", "kante"));
    expect(await (await open(one)).evaluate(() => localStorage.getItem("name"))).toBe("kante");
    expect(await (await open(other)).evaluate(() => localStorage.getItem("name"))).toBeNull();
  });
});

test("a browser is named by KANTE_CHROMIUM, or said not to be there", () => {
  const before = process.env["KANTE_CHROMIUM"];
  try {
    process.env["KANTE_CHROMIUM"] = "/opt/some/chromium";
    expect(findChromium()).toBe("/opt/some/chromium");
    process.env["KANTE_CHROMIUM"] = "";
    expect(findChromium()).toBeUndefined();
  } finally {
    if (before === undefined) delete process.env["KANTE_CHROMIUM"];
    else process.env["KANTE_CHROMIUM"] = before;
  }
});
