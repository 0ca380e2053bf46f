// kafka-consumer-groups: groups of both protocols are listed, described with their members, reset and deleted.

import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;

final class GroupTools extends Tools {
    private static final String GROUPS = "kafka-consumer-groups ";

    static void cases() {
        for (String protocol : new String[] { "classic", "consumer" }) {
            check("kafka-consumer-groups shows a " + protocol + " group with members and keeps it from being changed", () -> live(protocol));
        }
        check("kafka-consumer-groups resets offsets in every way, for real only with --execute", GroupTools::reset);
        check("kafka-consumer-groups resets offsets from what it exported", GroupTools::export);
        check("kafka-consumer-groups deletes offsets and groups", GroupTools::delete);
        check("kafka-consumer-groups says which group is not there", GroupTools::unknown);
        check("kafka-consumer-groups validates regular expressions", GroupTools::regex);
    }

    static void live(String protocol) throws Exception {
        String topic = topic("live-" + protocol);
        create(topic, 4);
        produce(topic, "1", "2", "3", "4", "5");
        try (KafkaConsumer<String, String> consumer = consumer("group.id", topic, "group.protocol", protocol, "client.id", "reader", "auto.offset.reset", "earliest")) {
            consumer.subscribe(List.of(topic));
            expect(5, read(consumer, 5).size());
            consumer.commitSync();
            Thread poller = new Thread(() -> { try { while (true) consumer.poll(Duration.ofMillis(100)); } catch (org.apache.kafka.common.errors.WakeupException end) { } });
            poller.start();
            try {
                members(topic, protocol);
            } finally {
                consumer.wakeup();
                poller.join();
            }
        }
        tool(GROUPS + "--list --state empty").says(topic + " Empty");
        tool(GROUPS + "--describe --group " + topic).says("Consumer group '" + topic + "' has no active members.", topic + " " + topic + " 0 ");
    }

    private static void members(String group, String protocol) throws Exception {
        boolean classic = protocol.equals("classic");
        String type = classic ? "Classic" : "Consumer";
        tool(GROUPS + "--list").says(group + "\n");
        tool(GROUPS + "--list --state --type").says(group + " " + type + " Stable");
        tool(GROUPS + "--list --state empty").says().lacks(group + " ");
        tool(GROUPS + "--list --type " + (classic ? "consumer" : "classic")).says().lacks(group + " ");
        tool("kafka-groups --list").says(group + " " + type + " consumer");
        String describe = GROUPS + "--describe --group " + group;
        Tool.Result offsets = tool(describe).says("GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID", " /127.0.0.1 reader");
        expect(4L, offsets.out().lines().filter(line -> line.startsWith(group)).count());
        offsets.out().lines().filter(line -> line.startsWith(group)).forEach(line -> expect("0", line.split("\\s+")[5]));
        tool(describe + " --members").says("GROUP CONSUMER-ID HOST CLIENT-ID #PARTITIONS", " /127.0.0.1 reader 4");
        Tool.Result verbose = tool(describe + " --members --verbose").says(" /127.0.0.1 reader 4 ", group + ":0,1,2,3");
        if (!classic) verbose.says("CURRENT-EPOCH", "TARGET-EPOCH");
        tool(describe + " --state").says("COORDINATOR (ID)", "(" + node() + ") " + (classic ? "range" : "uniform") + " Stable", " 1\n");
        tool(describe + " --offsets --verbose").says("LEADER-EPOCH");
        tool(GROUPS + "--reset-offsets --to-earliest --execute --topic " + group + " --group " + group)
            .says("Assignments can only be reset if the group '" + group + "' is inactive, but the current state is Stable.");
        tool(GROUPS + "--delete --group " + group).says("Group '" + group + "' could not be deleted due to: ", "GroupNotEmptyException");
        tool(GROUPS + "--delete-offsets --group " + group + " --topic " + group).says("GroupSubscribedToTopicException");
    }

    static void reset() throws Exception {
        String topic = topic("reset");
        create(topic, 1);
        produce(topic, "1", "2", "3", "4");
        String reset = GROUPS + "--reset-offsets --group " + topic + " --topic " + topic;
        tool(reset + " --to-latest --dry-run").says(topic + " " + topic + " 0 4");
        expect(Map.of(), committed(topic));
        // What is asked for, and what comes of it when it is done right after the one before.
        String[][] ways = {
            { "--to-latest", "4" }, { "--to-earliest", "0" }, { "--to-offset 3", "3" }, { "--to-offset 99", "4" }, { "--shift-by -2", "2" },
            { "--shift-by -200", "0" }, { "--shift-by 3", "3" }, { "--to-current", "3" }, { "--by-duration PT1H", "0" }, { "--by-duration PT0S", "4" },
            { "--to-datetime 2020-01-01T00:00:00.000", "0" }, { "--to-datetime 2099-01-01T00:00:00.000Z", "4" }, { "--to-offset 0", "0" },
        };
        for (String[] way : ways) {
            tool(reset + " " + way[0] + " --execute").says(topic + " " + topic + " 0 " + way[1]);
            expect(Map.of(new TopicPartition(topic, 0), Long.parseLong(way[1])), committed(topic));
        }
        tool(reset.replace("--topic " + topic, "--topic " + topic + ":0") + " --to-latest").says(" 0 4", "--execute option is missing");
        tool(GROUPS + "--reset-offsets --all-groups --all-topics --to-latest --dry-run").says(topic + " " + topic + " 0 4");
        tool(reset.replace("--topic " + topic, "--topic not-there") + " --to-latest --execute").says("This server does not host this topic-partition.");
    }

    private static Map<TopicPartition, Long> committed(String group) throws Exception {
        try (var admin = org.apache.kafka.clients.admin.Admin.create(properties())) {
            Map<TopicPartition, Long> offsets = new HashMap<>();
            admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, offset) -> offsets.put(partition, offset.offset()));
            return offsets;
        } catch (java.util.concurrent.ExecutionException error) {
            if (error.getCause() instanceof org.apache.kafka.common.errors.GroupIdNotFoundException) return Map.of();
            throw error;
        }
    }

    static void export() throws Exception {
        String topic = topic("export");
        create(topic, 2);
        produce(topic, "1", "2");
        String reset = GROUPS + "--reset-offsets --group " + topic;
        tool(reset + " --topic " + topic + ":0,1 --to-latest --execute").says();
        String exported = tool(reset + " --all-topics --to-earliest --export --dry-run").says(topic + ",0,0", topic + ",1,0").out().strip();
        tool(reset + " --from-file " + file(".csv", exported) + " --execute").says(topic + " " + topic + " 0 0");
        expect(Map.of(new TopicPartition(topic, 0), 0L, new TopicPartition(topic, 1), 0L), committed(topic));
    }

    static void delete() throws Exception {
        String topic = topic("delete");
        create(topic, 3);
        tool(GROUPS + "--reset-offsets --group " + topic + " --topic " + topic + " --to-earliest --execute").says();
        tool(GROUPS + "--delete-offsets --group " + topic + " --topic " + topic + ":1").says("Request succeeded for deleting offsets", topic + " 1 Successful");
        expect(Set.of(new TopicPartition(topic, 0), new TopicPartition(topic, 2)), committed(topic).keySet());
        tool(GROUPS + "--delete-offsets --group " + topic + " --topic not-there").says("not-there", "UnknownTopicOrPartitionException");
        tool(GROUPS + "--delete --group " + topic).says("Deletion of requested consumer groups ('" + topic + "') was successful.");
        tool(GROUPS + "--list").says().lacks(topic + "\n");
        tool(GROUPS + "--delete --group " + topic).says("Group '" + topic + "' could not be deleted due to: ", "GroupIdNotFoundException");
    }

    static void unknown() throws Exception {
        for (String what : new String[] { "", " --members", " --state" }) {
            tool(GROUPS + "--describe --group not-there" + what).says("Group not-there not found.");
        }
        create(topic("unknown"), 1);
        tool(GROUPS + "--delete-offsets --group not-there --topic " + topic("unknown")).says("Error: The group id does not exist.");
    }

    static void regex() throws Exception {
        Tool.run("kafka-consumer-groups --validate-regex a.*").says("is valid");
    }
}
