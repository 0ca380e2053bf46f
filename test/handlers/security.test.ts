/**
 * What is answered about security while there is none: as by a Kafka broker without an authorizer and without users.
 */
import { expect, test } from "vitest";
import { describeAcls } from "../../protocol/messages/29-describe-acls.ts";
import { createAcls } from "../../protocol/messages/30-create-acls.ts";
import { deleteAcls } from "../../protocol/messages/31-delete-acls.ts";
import { describeUserScramCredentials } from "../../protocol/messages/50-describe-user-scram-credentials.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";

const disabled = { errorCode: 54 };

test.each(servedVersions(describeAcls))("ACLs v%i are neither told nor made nor removed", async (version) => {
  const broker = new FakeBroker();
  const acl = { resourceType: 2, resourceName: "t", resourcePatternType: 3, principal: "User:x", host: "*", operation: 3 };
  const creations = [
    { ...acl, permissionType: 3 },
    { ...acl, permissionType: 2 },
  ];
  const filter = { resourceTypeFilter: 2, patternTypeFilter: 3, operation: 1, permissionType: 1 };
  expect(await broker.ask(describeAcls, version, filter)).toMatchObject({ ...disabled, resources: [] });
  expect((await broker.ask(createAcls, version, { creations }))!.results).toMatchObject([disabled, disabled]);
  expect((await broker.ask(deleteAcls, version, { filters: [filter] }))!.filterResults).toMatchObject([disabled]);
});

test("DescribeUserScramCredentials knows nobody", async () => {
  const broker = new FakeBroker();
  const ask = async (...names: string[]) =>
    (await broker.ask(describeUserScramCredentials, 0, { users: names.map((name) => ({ name })) }))!.results;
  expect(await ask()).toEqual([]);
  expect(await ask("x", "y", "x")).toMatchObject([
    { user: "x", errorCode: 92 },
    { user: "y", errorCode: 91 },
  ]);
});
