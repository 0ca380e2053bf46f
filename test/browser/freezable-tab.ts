/**
 * A tab that can be frozen as browsers freeze those in the background. Playwright pretends of its pages that they have the focus, and
 * what has the focus is never frozen: this one is opened past it, over the browser's own debugger.
 */
import type { Browser, CDPSession } from "playwright-core";
import { onTestFinished } from "vitest";

interface Reply {
  readonly id: number;
  readonly error?: { readonly message: string };
  readonly result?: {
    readonly result?: { readonly value?: unknown };
    readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
  };
}

export class FreezableTab {
  readonly #session: CDPSession;
  readonly #sessionId: string;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #nextId = 1;

  private constructor(session: CDPSession, sessionId: string) {
    this.#session = session;
    this.#sessionId = sessionId;
    session.on("Target.receivedMessageFromTarget", ({ sessionId: from, message }) => {
      if (from !== sessionId) return;
      const reply = JSON.parse(message) as Reply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
  }

  static async open(browser: Browser, url: string): Promise<FreezableTab> {
    const session = await browser.newBrowserCDPSession();
    const { browserContextId } = await session.send("Target.createBrowserContext");
    onTestFinished(async () => {
      await session.send("Target.disposeBrowserContext", { browserContextId });
      await session.detach();
    });
    const { targetId } = await session.send("Target.createTarget", { url, browserContextId });
    const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
    return new FreezableTab(session, sessionId);
  }

  async freeze(): Promise<void> {
    await this.#send("Page.setWebLifecycleState", { state: "frozen" });
  }

  async wake(): Promise<void> {
    await this.#send("Page.setWebLifecycleState", { state: "active" });
  }

  /** Also while it is frozen: the debugger is not. */
  async evaluate<Argument, Result>(work: (argument: Argument) => Result | Promise<Result>, argument?: Argument): Promise<Result> {
    const expression = `(${work.toString()})(${JSON.stringify(argument)})`;
    const { result } = await this.#send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    const thrown = result?.exceptionDetails;
    if (thrown !== undefined) throw new Error(thrown.exception?.description ?? "the script failed");
    return result?.result?.value as Result;
  }

  async #send(method: string, params: object): Promise<Reply> {
    const id = this.#nextId++;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(id, resolve);
    const message = JSON.stringify({ id, method, params });
    await this.#session.send("Target.sendMessageToTarget", { sessionId: this.#sessionId, message });
    const reply = await promise;
    if (reply.error !== undefined) throw new Error(`${method}: ${reply.error.message}`);
    return reply;
  }
}
