/** What handlers ask of one group's coordinator. The Group Durable Object implements it over RPC; core/group decides. */
export interface GroupClient {
  /** Filled by core/group: one method per group API, request body in, response body out, as plain data. */
  readonly groupId: string;
}
