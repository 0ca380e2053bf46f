/** The views and their addresses in the fragment, `#/topics/orders/configs`: the one place that knows how they are spelled. */
export type TopicTab = "records" | "partitions" | "configs";

export type Route =
  | { readonly view: "overview" }
  | { readonly view: "topics" }
  | { readonly view: "topic"; readonly topic: string; readonly tab: TopicTab }
  | { readonly view: "groups" }
  | { readonly view: "group"; readonly group: string }
  | { readonly view: "transactions" }
  | { readonly view: "unknown"; readonly address: string };

export const topicTabs: readonly TopicTab[] = ["records", "partitions", "configs"];

export function routeOf(fragment: string): Route {
  const address = fragment.replace(/^#?\/?/, "");
  const [view = "", name, tab = "records", ...rest] = address.split("/").map(decoded);
  if (rest.length === 0) {
    if (name === undefined) {
      if (view === "") return { view: "overview" };
      if (view === "topics" || view === "groups" || view === "transactions") return { view };
    } else if (view === "topics" && isTab(tab)) return { view: "topic", topic: name, tab };
    else if (view === "groups" && tab === "records") return { view: "group", group: name };
  }
  return { view: "unknown", address: decoded(address) };
}

export function hrefOf(route: Exclude<Route, { view: "unknown" }>): string {
  switch (route.view) {
    case "overview":
      return "#/";
    case "topic":
      return `#/topics/${encodeURIComponent(route.topic)}${route.tab === "records" ? "" : `/${route.tab}`}`;
    case "group":
      return `#/groups/${encodeURIComponent(route.group)}`;
    default:
      return `#/${route.view}`;
  }
}

function isTab(text: string): text is TopicTab {
  return (topicTabs as readonly string[]).includes(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
