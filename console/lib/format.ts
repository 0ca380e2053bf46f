/** Numbers as people read them: bytes, rates, counts, durations, dollars, times. Always the same few digits, so that columns stand still. */
const groups = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

export function countText(count: number): string {
  return groups.format(count);
}

/** 1234567 is "1.23 M". */
export function shortCount(count: number): string {
  const units = ["", "k", "M", "G", "T"];
  return scaled(count, 1000, units);
}

export function bytesText(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]);
}

export function rateText(bytesPerSecond: number): string {
  return `${bytesText(bytesPerSecond)}/s`;
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let unit = 0;
  let left = value;
  while (Math.abs(left) >= step && unit < units.length - 1) {
    left /= step;
    unit += 1;
  }
  return `${digits(left, unit === 0)} ${units[unit] ?? ""}`.trimEnd();
}

/** Three digits that count, whole where the unit cannot be divided. */
function digits(value: number, isWhole: boolean): string {
  if (isWhole && Number.isInteger(value)) return String(value);
  const size = Math.abs(value);
  if (size === 0) return "0";
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** "3 s", "12 min", "4 h 10 min", "2 d 3 h". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${Math.floor(hours / 24)} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Small sums keep the digits that matter. */
export function dollarsText(usd: number): string {
  if (usd === 0) return "$0.00";
  if (usd < 0.01) return `$${usd.toPrecision(1)}`;
  return usd < 1000 ? `$${usd.toFixed(2)}` : `$${groups.format(usd)}`;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** Local time: the day only where it is not today. */
export function timeText(ms: number, nowMs: number): string {
  if (ms < 0) return "none";
  const time = new Date(ms);
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, "0")}`;
  return time.toDateString() === new Date(nowMs).toDateString() ? clock : `${dayText(time)} ${clock}`;
}

export function dayText(time: Date): string {
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** What `<input type="datetime-local">` takes. */
export function localInputText(ms: number): string {
  const time = new Date(ms);
  return `${dayText(time)}T${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
