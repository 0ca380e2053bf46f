// kafka-topics: every subcommand, its filters, and its errors.

final class TopicTools extends Tools {
    static void cases() {
        check("kafka-topics creates, lists, describes, alters and deletes a topic", TopicTools::life);
        check("kafka-topics refuses what Kafka refuses, with its words and exit code 1", TopicTools::refusals);
        check("kafka-topics describes a topic by id and page by page", TopicTools::pages);
        check("kafka-topics finds no partition that is under-replicated or unavailable", TopicTools::health);
        check("kafka-topics takes replica assignments and the default number of partitions", TopicTools::assignments);
    }

    static void life() throws Exception {
        String topic = topic("life");
        tool("kafka-topics --create --topic " + topic + " --partitions 3 --replication-factor 1 --config retention.ms=1000000 --config cleanup.policy=compact,delete")
            .says("Created topic " + topic + ".");
        tool("kafka-topics --create --topic " + topic + " --if-not-exists").says().lacks("Created");
        tool("kafka-topics --list").says(topic + "\n");
        tool("kafka-topics --list --exclude-internal").says(topic + "\n").lacks("\n__consumer_offsets", "\n__transaction_state");
        expect(topic, tool("kafka-topics --list --topic " + topic + ".*").says().out().strip());
        Tool.Result described = tool("kafka-topics --describe --topic " + topic)
            .says("PartitionCount: 3", "ReplicationFactor: 1", "retention.ms=1000000", "cleanup.policy=compact,delete");
        String node = node();
        for (int i = 0; i < 3; i++) described.says("Partition: " + i + " Leader: " + node + " Replicas: " + node + " Isr: " + node);
        tool("kafka-topics --alter --topic " + topic + " --partitions 5").says();
        tool("kafka-topics --describe --topic " + topic).says("PartitionCount: 5", "Partition: 4 Leader: " + node);
        tool("kafka-topics --describe --topics-with-overrides").says("Topic: " + topic + " ").lacks("Partition: 0");
        tool("kafka-topics --delete --topic " + topic).says();
        tool("kafka-topics --list").says().lacks(topic + "\n");
    }

    static void refusals() throws Exception {
        String topic = topic("refused");
        create(topic, 4);
        String create = "kafka-topics --create --topic ";
        tool(create + topic).ends(1, "Topic '" + topic + "' already exists.");
        tool(create + "'bad name'").ends(1, "Topic name is invalid", "contains one or more characters other than ASCII alphanumerics");
        tool(create + "x".repeat(250)).ends(1, "the length of ", "is longer than the max allowed length 249");
        tool(create + topic + "-2 --config nonsense=1").ends(1, "Unknown topic config name: nonsense");
        tool(create + topic + "-2 --config retention.ms=abc").ends(1, "Invalid value abc for configuration retention.ms");
        tool(create + topic + "-2 --partitions 0").ends(1, "The partitions must be greater than 0");
        create(topic.replace("-", "."), 1);
        tool(create + topic.replace("-", "_")).ends(1, "collides with existing topic");
        String alter = "kafka-topics --alter --topic ";
        tool(alter + topic + " --partitions 2").ends(1, "currently has 4 partition(s); 2 would not be an increase.");
        tool(alter + topic + " --partitions 4").ends(1, "Topic already has 4 partition(s).");
        for (String command : new String[] { "--alter --partitions 5", "--describe", "--delete" }) {
            tool("kafka-topics --topic not-there " + command).ends(1, "Topic 'not-there' does not exist as expected");
            tool("kafka-topics --topic not-there --if-exists " + command).says();
        }
    }

    static void pages() throws Exception {
        String topic = topic("pages");
        create(topic, 5);
        Tool.Result whole = tool("kafka-topics --describe --topic " + topic).says();
        String id = found("TopicId: (\\S+)", whole);
        // Only DescribeTopicPartitions, which takes names, knows eligible leader replicas.
        expect(whole.flat(), tool("kafka-topics --describe --topic-id " + id).says().flat().replace("Elr: N/A LastKnownElr: N/A", "Elr: LastKnownElr: "));
        expect(whole.out(), tool("kafka-topics --describe --topic " + topic + " --partition-size-limit-per-response 2").says().out());
        tool("kafka-topics --describe --topic-id AAAAAAAAAAAAAAAAAAAAAg").ends(1, "TopicId 'AAAAAAAAAAAAAAAAAAAAAg' does not exist as expected");
    }

    static void health() throws Exception {
        create(topic("healthy"), 2);
        for (String filter : new String[] { "under-replicated", "unavailable", "under-min-isr" }) {
            expect("", tool("kafka-topics --describe --" + filter + "-partitions").says().out());
        }
        tool("kafka-topics --describe --at-min-isr-partitions --topic " + topic("healthy")).says("Partition: 0", "Partition: 1");
    }

    static void assignments() throws Exception {
        String topic = topic("assigned");
        String node = node();
        tool("kafka-topics --create --topic " + topic + " --replica-assignment " + node + "," + node).says("Created topic");
        tool("kafka-topics --describe --topic " + topic).says("PartitionCount: 2");
        tool("kafka-topics --create --topic " + topic + "-2 --replica-assignment 77").ends(1, "includes broker 77, but no such broker is registered");
        tool("kafka-topics --create --topic " + topic + "-default").says("Created topic");
        tool("kafka-topics --describe --topic " + topic + "-default").says("PartitionCount: 4");
    }
}
