/** One alarm for many reasons: armed for the earliest, not moved without need, not there when nothing is due. */
import { expect, test } from "vitest";
import { AlarmClock, type AlarmReason } from "../../durable-objects/alarm-clock.ts";
import { Log } from "../../durable-objects/log.ts";

class FakeStorage {
  alarm: number | null;
  sets = 0;

  constructor(alarm: number | null = null) {
    this.alarm = alarm;
  }

  async getAlarm(): Promise<number | null> {
    return this.alarm;
  }

  async setAlarm(at: number): Promise<void> {
    if (at <= 0) throw new TypeError("setAlarm() cannot be called with an alarm time <= 0");
    this.alarm = at;
    this.sets += 1;
  }

  async deleteAlarm(): Promise<void> {
    this.alarm = null;
  }
}

function clockOver(storage: FakeStorage) {
  const time = { now: 1000 };
  const clock = new AlarmClock({ storage, log: new Log("off", {}), now: () => time.now, onSet: () => {} });
  const ring = async () => {
    time.now = Math.max(time.now, storage.alarm ?? 0);
    storage.alarm = null;
    await clock.ring();
  };
  return { clock, time, ring };
}

function reasonDue(
  dueMs: number | undefined,
  run: () => Promise<void> | void = () => {},
): AlarmReason & { due: number | undefined } {
  return {
    name: "test",
    due: dueMs,
    dueMs() {
      return this.due;
    },
    run,
  };
}

/** Promises that are settled have been seen. */
const turn = async () => await new Promise((resolve) => setImmediate(resolve));

test("[D3] nothing due: no alarm, however often it is asked", async () => {
  const storage = new FakeStorage();
  const { clock } = clockOver(storage);
  clock.add(reasonDue(undefined));
  clock.arm();
  clock.arm();
  await turn();
  expect(storage).toMatchObject({ alarm: null, sets: 0 });
});

test("the alarm stands at the earliest time, and is moved only when it would ring too late", async () => {
  const storage = new FakeStorage();
  const { clock } = clockOver(storage);
  const early = reasonDue(5000);
  const late = reasonDue(9000);
  clock.add(late);
  clock.add(early);
  clock.arm();
  await turn();
  expect(storage).toMatchObject({ alarm: 5000, sets: 1 });
  early.due = 7000;
  clock.arm();
  expect(storage).toMatchObject({ alarm: 5000, sets: 1 });
  late.due = 2000;
  clock.arm();
  expect(storage).toMatchObject({ alarm: 2000, sets: 2 });
});

test("after a restart the alarm that stands is not set again", async () => {
  const storage = new FakeStorage(4000);
  const { clock } = clockOver(storage);
  clock.add(reasonDue(4500));
  clock.arm();
  await turn();
  expect(storage).toMatchObject({ alarm: 4000, sets: 0 });
});

test("a ring runs what is due and nothing else, then stands at the next time", async () => {
  const storage = new FakeStorage();
  const { clock, ring } = clockOver(storage);
  const ran: string[] = [];
  const first = reasonDue(2000, () => {
    ran.push("first");
    first.due = 8000;
  });
  const second = reasonDue(3000, () => void ran.push("second"));
  clock.add(first);
  clock.add(second);
  clock.arm();
  await turn();
  await ring();
  expect(ran).toEqual(["first"]);
  expect(storage.alarm).toBe(3000);
});

test("a reason that fails waits longer each time, and holds up no other", async () => {
  const storage = new FakeStorage();
  const { clock, time, ring } = clockOver(storage);
  const waits: number[] = [];
  let others = 0;
  const failing = reasonDue(1500, () => {
    throw new Error("no store");
  });
  const other = reasonDue(1500, () => {
    others += 1;
    other.due = undefined;
  });
  clock.add(failing);
  clock.add(other);
  clock.arm();
  await turn();
  for (let rings = 0; rings < 12; rings++) {
    await ring();
    waits.push(storage.alarm! - time.now);
  }
  expect(waits.slice(0, 4)).toEqual([1000, 2000, 4000, 8000]);
  expect(waits.at(-1)).toBe(300_000);
  expect(others).toBe(1);
});

test("what is due since ever is done at once: the runtime knows no alarm at 0", async () => {
  const storage = new FakeStorage();
  const { clock, ring } = clockOver(storage);
  let runs = 0;
  const reason = reasonDue(0, () => {
    runs += 1;
    reason.due = undefined;
  });
  clock.add(reason);
  clock.arm();
  await turn();
  expect(storage).toMatchObject({ alarm: 1000, sets: 1 });
  await ring();
  expect(runs).toBe(1);
});
