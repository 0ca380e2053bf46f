// Tools that write, read, count and delete records: the console, the performance tests, kafka-get-offsets, kafka-delete-records.

final class RecordTools extends Tools {
    static void cases() {
        check("kafka-console-producer and -consumer move keys, headers and offsets", RecordTools::console);
        for (String protocol : new String[] { "classic", "consumer" }) {
            check("kafka-console-consumer with group.protocol=" + protocol + " goes on where its group stopped", () -> group(protocol));
        }
        check("kafka-console-consumer reads topics by a regular expression", RecordTools::include);
        check("kafka-get-offsets knows every form of --time", RecordTools::offsets);
        check("kafka-delete-records moves the low watermark and refuses offsets that are not there", RecordTools::delete);
        check("kafka-producer-perf-test and kafka-consumer-perf-test count their records", RecordTools::performance);
        check("kafka-verifiable-producer and -consumer report every record", RecordTools::verifiable);
    }

    static void console() throws Exception {
        String topic = topic("console");
        create(topic, 1);
        type("h:1\tk1\tv1\nh:2\tk2\tv2\n", "kafka-console-producer --topic " + topic + " --reader-property parse.key=true --reader-property parse.headers=true").says();
        String print = " --formatter-property print.key=true --formatter-property print.offset=true --formatter-property print.partition=true --formatter-property print.headers=true";
        tool("kafka-console-consumer --topic " + topic + " --partition 0 --offset earliest --max-messages 2 --timeout-ms 40000" + print)
            .says("Partition:0 Offset:0 h:1 k1 v1\nPartition:0 Offset:1 h:2 k2 v2\n", "Processed a total of 2 messages");
        tool("kafka-console-consumer --topic " + topic + " --partition 0 --offset 1 --max-messages 1 --timeout-ms 40000").says("v2\n").lacks("v1");
        tool("kafka-console-consumer --topic " + topic + " --partition 0 --offset latest --timeout-ms 1000").ends(0, "Processed a total of 0 messages");
    }

    static void group(String protocol) throws Exception {
        String topic = topic("console-" + protocol);
        create(topic, 1);
        String consumer = "kafka-console-consumer --topic " + topic + " --group " + topic + " --timeout-ms 40000 --command-property group.protocol=" + protocol;
        produce(topic, "a", "b", "c");
        expect("a\nb\n", tool(consumer + " --from-beginning --max-messages 2").says("Processed a total of 2 messages").out());
        expect("c\n", tool(consumer + " --max-messages 1").says().out());
    }

    static void include() throws Exception {
        String prefix = topic("include");
        for (String name : new String[] { "a", "b" }) {
            create(prefix + name, 1);
            produce(prefix + name, name + "1");
        }
        create("not-" + prefix, 1);
        produce("not-" + prefix, "c1");
        tool("kafka-console-consumer --include " + prefix + ".* --from-beginning --max-messages 2 --timeout-ms 40000 --command-property group.protocol=consumer")
            .says("a1\n", "b1\n").lacks("c1");
    }

    static void offsets() throws Exception {
        String topic = topic("offsets");
        create(topic, 2);
        produce(topic, "1", "2", "3");
        String total = "kafka-get-offsets --topic " + topic;
        expect("0\n0", sorted(tool(total + " --time earliest")));
        for (String time : new String[] { "", " --time latest", " --time -1" }) expect(3, sum(tool(total + time)));
        expect("0\n0", sorted(tool(total + " --time -2")));
        expect("0\n0", sorted(tool(total + " --time earliest-local")));
        expect("0\n0", sorted(tool(total + " --time -4")));
        tool(total + " --time max-timestamp").says(topic + ":");
        expect("", tool(total + " --time latest-tiered").says().out());
        expect("", tool(total + " --time 4102444800000").says().out());
        tool(total + " --time 1000").says(topic + ":");
        expect(1L, tool(total + " --partitions 1").says(topic + ":1:").out().lines().count());
        expect(3, sum(tool("kafka-get-offsets --topic-partitions " + topic + ":0-2")));
        tool("kafka-get-offsets --exclude-internal-topics").says(topic + ":0:").lacks("\n__consumer_offsets", "\n__transaction_state");
        tool("kafka-get-offsets --topic not-there").ends(1, "Could not match any topic-partitions with the specified filters");
        tool(total + " --partitions 7").ends(1, "Could not match any topic-partitions");
        tool(total + " --time nonsense").ends(1, "Malformed time argument nonsense");
    }

    private static String sorted(Tool.Result result) {
        return result.says().out().lines().map(line -> line.split(":")[2]).sorted().reduce((a, b) -> a + "\n" + b).orElse("");
    }

    private static int sum(Tool.Result result) {
        return result.says().out().lines().mapToInt(line -> Integer.parseInt(line.split(":")[2])).sum();
    }

    static void delete() throws Exception {
        String topic = topic("delete-records");
        create(topic, 1);
        produce(topic, "1", "2", "3", "4");
        String json = "{\"version\":1,\"partitions\":[{\"topic\":\"%s\",\"partition\":0,\"offset\":%d}]}";
        tool("kafka-delete-records --offset-json-file " + file(".json", json.formatted(topic, 2))).says("partition: " + topic + "-0 low_watermark: 2");
        tool("kafka-get-offsets --topic " + topic + " --time earliest").says(topic + ":0:2\n");
        tool("kafka-console-consumer --topic " + topic + " --partition 0 --offset earliest --max-messages 1 --timeout-ms 40000").says("3\n");
        tool("kafka-delete-records --offset-json-file " + file(".json", json.formatted(topic, 200)))
            .says("partition: " + topic + "-0 error: ", "OffsetOutOfRangeException");
        tool("kafka-delete-records --offset-json-file " + file(".json", json.formatted(topic, -1))).says("low_watermark: 4");
        expect(topic + ":0:4\n", tool("kafka-get-offsets --topic " + topic + " --time earliest").says().out());
    }

    static void performance() throws Exception {
        String topic = topic("performance");
        create(topic, 3);
        tool("kafka-producer-perf-test --topic " + topic + " --num-records 5000 --record-size 200 --throughput -1").says("5000 records sent");
        tool("kafka-consumer-perf-test --topic " + topic + " --num-records 5000 --timeout 40000").says(", 5000, ");
    }

    static void verifiable() throws Exception {
        String topic = topic("verifiable");
        create(topic, 1);
        String said = process("", "org.apache.kafka.tools.VerifiableProducer", "--topic", topic, "--max-messages", "5", "--bootstrap-server", bootstrap);
        expect(5L, said.lines().filter(line -> line.contains("\"name\":\"producer_send_success\"")).count());
        if (!said.contains("\"acked\":5")) throw new AssertionError(said);
        for (String protocol : new String[] { "classic", "consumer" }) {
            tool("kafka-verifiable-consumer --topic " + topic + " --group-id " + topic + protocol + " --reset-policy earliest --max-messages 5 --group-protocol " + protocol)
                .says("\"partitions_assigned\"", "\"records_consumed\"", "\"count\":5", "\"offsets_committed\"", "\"offset\":5", "\"success\":true");
        }
    }
}
