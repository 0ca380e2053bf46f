/** What can be set for a deployment: values that would only show later that nothing works are refused where they are given. */
import { expect, test } from "vitest";
import { isSettingName, parseSetting, settingDefaults, settingsFrom } from "../../core/settings.ts";

test("every default is a value that can be set, as it is and as text", () => {
  for (const [name, standard] of Object.entries(settingDefaults)) {
    if (!isSettingName(name)) throw new Error(name);
    expect([name, parseSetting(name, standard)]).toEqual([name, standard]);
    expect([name, parseSetting(name, String(standard))]).toEqual([name, standard]);
  }
});

test.each([
  ["num.partitions", "0"],
  ["num.partitions", "2.5"],
  ["num.partitions", "-1"],
  ["num.partitions", "many"],
  ["num.partitions", ""],
  ["num.partitions", 0],
  ["num.partitions", Number.NaN],
  ["cell.partitions.max", "0"],
  ["broker.memory.bytes", "0"],
  ["connection.requests.max", "0"],
  ["socket.request.max.bytes", "9".repeat(20)],
  ["wal.puts.per.second", "0"],
  ["quota.window.size.seconds", "0"],
  ["merge.time.ratio", "0"],
  ["merge.time.ratio", "1.1"],
  ["auto.create.topics.enable", "yes"],
  ["log.level", "loud"],
] as const)("%s cannot be %j", (name, value) => {
  expect(parseSetting(name, value)).toBeUndefined();
  const { settings, problems } = settingsFrom({ [name]: value });
  expect(problems).toEqual([`${name} cannot be ${String(value)}`]);
  expect(settings).toEqual(settingDefaults);
});

test.each([
  ["num.partitions", "12", 12],
  ["wal.inline.bytes", "0", 0],
  ["connections.max.idle.ms", "0", 0],
  ["wal.puts.per.second", "0.5", 0.5],
  ["merge.time.ratio", "0.2", 0.2],
  ["auto.create.topics.enable", "false", false],
  ["zones", "weur,enam", "weur,enam"],
] as const)("%s may be %j", (name, text, value) => {
  expect(parseSetting(name, text)).toBe(value);
});
