// Tools that look at brokers, leaders, directories and features, and those for what may not be there: they say so and end.

final class ClusterTools extends Tools {
    static void cases() {
        check("kafka-cluster and kafka-broker-api-versions name the cluster, its brokers and what they serve", ClusterTools::cluster);
        check("kafka-features shows the finalized levels and refuses others", ClusterTools::features);
        check("kafka-metadata-quorum shows a leader without lag", ClusterTools::quorum);
        check("kafka-log-dirs shows the bytes of every partition", ClusterTools::logDirs);
        check("kafka-leader-election finds every preferred leader in office", ClusterTools::elections);
        check("kafka-reassign-partitions tells where partitions are", ClusterTools::reassignments);
        check("kafka-transactions describes producers and finds no hanging transactions", ClusterTools::transactions);
        check("kafka-acls, kafka-share-groups and kafka-streams-groups say what is not there, and end", ClusterTools::missing);
    }

    static void cluster() throws Exception {
        String id = found("Cluster ID: (\\S+)", Tool.run("kafka-cluster cluster-id --bootstrap-server " + bootstrap).says());
        if (id.length() != 22) throw new AssertionError("cluster id " + id);
        String[] address = bootstrap.split(":");
        String endpoint = node() + " " + address[0] + " " + address[1] + " null unfenced broker";
        Tool.run("kafka-cluster list-endpoints --bootstrap-server " + bootstrap).says("ID HOST PORT RACK STATE ENDPOINT_TYPE", endpoint);
        Tool.run("kafka-cluster list-endpoints --include-fenced-brokers --bootstrap-server " + bootstrap).says(endpoint);
        tool("kafka-broker-api-versions").says(bootstrap + " (id: " + node() + " rack: null isFenced: false) -> (", "Produce(0): 0 to 13 [usable: 13]", "ConsumerGroupHeartbeat(68): 0 to 1");
    }

    static void features() throws Exception {
        String features = "kafka-features --bootstrap-server " + bootstrap;
        Tool.run(features + " describe").says("Feature: group.version SupportedMinVersion: 0 SupportedMaxVersion: 1 FinalizedVersionLevel: 1");
        Tool.run(features + " upgrade --feature group.version=1").says("group.version was upgraded to 1.");
        Tool.run(features + " upgrade --feature group.version=9").ends(1, "Could not upgrade group.version to 9.", "1 out of 1 operation(s) failed.");
        Tool.run(features + " upgrade --feature no.such.version=1").ends(1, "no.such.version");
    }

    static void quorum() throws Exception {
        String quorum = "kafka-metadata-quorum --bootstrap-server " + bootstrap + " describe";
        Tool.run(quorum + " --status").says("ClusterId:", "LeaderId: " + node(), "MaxFollowerLag: 0", "CurrentVoters: [{\"id\": " + node());
        Tool.run(quorum + " --replication").says("NodeId DirectoryId LogEndOffset Lag LastFetchTimestamp LastCaughtUpTimestamp Status", node() + " ", " Leader");
        Tool.run(quorum + " --replication --human-readable").says(" ms ago ");
    }

    static void logDirs() throws Exception {
        String topic = topic("log-dirs");
        create(topic, 2);
        for (String value : new String[] { "one", "two" }) produce(topic, value);
        Tool.Result all = tool("kafka-log-dirs --describe").says("Received log directory information from brokers " + node(), "\"partition\":\"" + topic + "-0\"");
        all.says("\"error\":null");
        Tool.Result some = tool("kafka-log-dirs --describe --topic-list " + topic + " --broker-list " + node()).says("\"offsetLag\":0", "\"isFuture\":false");
        long bytes = java.util.regex.Pattern.compile("\"size\":(\\d+)").matcher(some.out()).results().mapToLong(size -> Long.parseLong(size.group(1))).sum();
        expect(142L, bytes); // Two batches of one record of three bytes.
        tool("kafka-log-dirs --describe --topic-list not-there").says("\"partitions\":[]");
        tool("kafka-log-dirs --describe --broker-list 77").ends(1, "The given brokers do not exist from --broker-list: 77");
    }

    static void elections() throws Exception {
        String topic = topic("elections");
        create(topic, 1);
        String election = "kafka-leader-election --election-type ";
        tool(election + "preferred --topic " + topic + " --partition 0").says("Valid replica already elected for partitions " + topic + "-0");
        tool(election + "unclean --topic " + topic + " --partition 0").says("Valid replica already elected for partitions " + topic + "-0");
        String json = file(".json", "{\"partitions\":[{\"topic\":\"" + topic + "\",\"partition\":0}]}");
        tool(election + "preferred --path-to-json-file " + json).says("Valid replica already elected");
        tool(election + "preferred --all-topic-partitions").says();
        tool(election + "preferred --topic not-there --partition 0").ends(1, "not-there");
    }

    static void reassignments() throws Exception {
        String topic = topic("reassign");
        create(topic, 1);
        String reassign = "kafka-reassign-partitions ";
        String here = "{\"version\":1,\"partitions\":[{\"topic\":\"" + topic + "\",\"partition\":0,\"replicas\":[%s],\"log_dirs\":[\"any\"]}]}";
        String json = file(".json", here.formatted(node()));
        tool(reassign + "--list").says("No partition reassignments found.");
        tool(reassign + "--generate --broker-list " + node() + " --topics-to-move-json-file " + file(".json", "{\"topics\":[{\"topic\":\"" + topic + "\"}],\"version\":1}"))
            .says("Current partition replica assignment", "Proposed partition reassignment configuration", "\"replicas\":[" + node() + "]");
        tool(reassign + "--execute --reassignment-json-file " + json).says("Successfully started partition reassignment for " + topic + "-0");
        tool(reassign + "--verify --reassignment-json-file " + json).says("Reassignment of partition " + topic + "-0 is completed.");
        tool(reassign + "--cancel --reassignment-json-file " + json).says("None of the specified partition reassignments are active.");
        tool(reassign + "--execute --reassignment-json-file " + file(".json", here.formatted("77"))).ends(1, "Unknown broker id 77");
    }

    static void transactions() throws Exception {
        String topic = topic("producers");
        create(topic, 1);
        produce(topic, "one", "two");
        String transactions = "kafka-transactions --bootstrap-server " + bootstrap;
        Tool.Result producers = Tool.run(transactions + " describe-producers --topic " + topic + " --partition 0").says("ProducerId ProducerEpoch LatestCoordinatorEpoch LastSequence");
        expect("0 -1 1", found("\\n\\d+ (0 -1 \\d+) \\d+ None", producers));
        Tool.run(transactions + " find-hanging --broker-id " + node()).says("Topic Partition ProducerId");
        if (serves("ListTransactions")) Tool.run(transactions + " list").says("TransactionalId Coordinator ProducerId TransactionState");
        else Tool.run(transactions + " list").ends(1, "does not support LIST_TRANSACTIONS");
    }

    static void missing() throws Exception {
        tool("kafka-acls --list").ends(1, serves("DescribeAcls") ? "No Authorizer is configured" : "does not support DESCRIBE_ACLS");
        tool("kafka-acls --add --allow-principal User:x --operation read --topic x").ends(1, "Error while executing ACL command");
        tool("kafka-share-groups --list").says();
        tool("kafka-share-groups --describe --group not-there").says("Error: Executing share group command failed");
        tool("kafka-streams-groups --list").says();
        tool("kafka-streams-groups --describe --group not-there").ends(1, "Error: Executing streams group command failed");
    }
}
