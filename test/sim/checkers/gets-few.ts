/** A broker has at most three GETs in flight, and asks for no bytes that are on their way to it: readers of one range share one GET. */
import type { Checker } from "../history.ts";

const inFlightMax = 3;

export const getsFew: Checker = (history) =>
  history.flatMap((event) => {
    if (event.kind !== "get-sent") return [];
    const what = `broker ${event.broker} gets ${event.key} from ${event.start} at ${event.at}`;
    return [
      ...(event.inFlight > inFlightMax ? [`${what}, the ${event.inFlight}th at once`] : []),
      ...(event.isOnItsWay ? [`${what}, which is on its way already`] : []),
    ];
  });
