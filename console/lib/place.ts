/**
 * Where this page is and what it speaks to: the cluster, by the path `/c/<cluster>/` or by `?cluster=<cluster>`, and the addresses of that
 * cluster on the same host. The view is in the fragment, which no server sees.
 */
export interface Place {
  readonly cluster: string;
  readonly kafkaUrl: string;
  readonly healthUrl: string;
  /** A public address of the cluster, `metrics` or `cost`. */
  clusterUrl(path: string): string;
}

const pathPattern = /^\/c\/(?<cluster>[^/]+)\/?$/;

export function placeOf(address: URL): Place {
  const named = pathPattern.exec(address.pathname)?.groups?.["cluster"];
  const cluster = named === undefined ? (address.searchParams.get("cluster") ?? "") || "default" : decoded(named);
  const base = `${address.origin}/c/${encodeURIComponent(cluster)}`;
  return {
    cluster,
    kafkaUrl: `${base}/kafka`,
    healthUrl: `${address.origin}/health`,
    clusterUrl: (path) => `${base}/${path}`,
  };
}

export function consoleUrl(cluster: string): string {
  return `/c/${encodeURIComponent(cluster)}/`;
}

/** As the server has it, which tells its own pages by the same rule. */
export function isClusterName(name: string): boolean {
  return /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/.test(name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
