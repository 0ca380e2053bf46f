// Java's own clients and console tools with default settings, each case against a topic of its own.
// Prints 'ok - title' or 'not ok - title: reason' per case. Run: java -cp 'classes:lib/*' Suite <bootstrap>

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class Suite extends Cases {
    public static void main(String[] args) throws Exception {
        begin("java", args);
        check("the default producer is idempotent and gets gapless offsets", Suite::defaultProducer);
        check("a consumer without a group reads assigned partitions from the beginning", Suite::assignedConsumer);
        check("a consumer group with default settings reads everything once and commits", () -> groupConsumer("classic"));
        check("a consumer group with group.protocol=consumer reads everything once and commits", () -> groupConsumer("consumer"));
        check("two members of a group share the partitions, one takes over when the other leaves",
            () -> rebalance("classic", "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"));
        check("two members share the partitions with group.protocol=consumer", () -> rebalance("consumer"));
        check("the consumer group protocol is a finalized feature", Suite::features);
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) check("records compressed with " + codec + " come back", () -> codec(codec));
        check("keys, nulls and headers round-trip", Suite::headers);
        check("offsetsForTimes finds the first record at or after a time", Suite::times);
        check("beginning and end offsets", Suite::bounds);
        check("a record beyond max.message.bytes is refused and the next one goes on", Suite::tooLarge);
        check("an invalid topic name is refused", Suite::invalidName);
        check("admin creates, describes and deletes topics", Suite::topics);
        check("a produce to a deleted topic and its re-creation start at offset 0 with a new id", Suite::recreate);
        check("acks=0 and acks=1 producers", Suite::acks);
        check("many partitions and large batches", Suite::large);
        check("a tailing consumer sees a record soon after it was sent", Suite::tail);
        check("the console producer and consumer with default settings", Suite::console);
        done();
    }

    static void defaultProducer() throws Exception {
        String topic = topic("default");
        create(topic, 1);
        try (KafkaProducer<String, String> producer = producer()) {
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < 5000; i++) sent.add(producer.send(new ProducerRecord<>(topic, "k" + i, "v" + i)));
            for (int i = 0; i < sent.size(); i++) expect((long) i, sent.get(i).get().offset());
        }
    }

    static void assignedConsumer() throws Exception {
        String topic = topic("assigned");
        create(topic, 3);
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < 300; i++) producer.send(new ProducerRecord<>(topic, i % 3, null, "v" + i));
        }
        List<ConsumerRecord<String, String>> records = readAll(topic, 3, 300);
        expect(300, records.size());
        expect(300L, records.stream().map(ConsumerRecord::value).distinct().count());
    }

    static void groupConsumer(String protocol) throws Exception {
        String topic = topic("group-" + protocol);
        create(topic, 4);
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < 400; i++) producer.send(new ProducerRecord<>(topic, "k" + i, "v" + i));
        }
        String group = topic("g-" + protocol);
        try (KafkaConsumer<String, String> consumer = consumer("group.id", group, "auto.offset.reset", "earliest", "group.protocol", protocol)) {
            consumer.subscribe(List.of(topic));
            expect(400, read(consumer, 400).size());
            consumer.commitSync();
        }
        try (Admin admin = Admin.create(properties())) {
            Map<TopicPartition, OffsetAndMetadata> offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
            expect(400L, offsets.values().stream().mapToLong(OffsetAndMetadata::offset).sum());
        }
        try (KafkaConsumer<String, String> again = consumer("group.id", group, "auto.offset.reset", "earliest", "group.protocol", protocol)) {
            again.subscribe(List.of(topic));
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
            while (again.assignment().isEmpty() && System.nanoTime() < end) expect(0, again.poll(Duration.ofMillis(200)).count());
            expect(4, again.assignment().size());
        }
    }

    static void rebalance(String protocol, String... more) throws Exception {
        String topic = topic("rebalance-" + protocol);
        create(topic, 4);
        String[] settings = Stream.concat(
            Stream.of("group.id", topic("rg-" + protocol), "auto.offset.reset", "earliest", "group.protocol", protocol),
            Stream.of(more)).toArray(String[]::new);
        try (KafkaConsumer<String, String> one = consumer(settings)) {
            try (KafkaConsumer<String, String> two = consumer(settings)) {
                one.subscribe(List.of(topic));
                two.subscribe(List.of(topic));
                long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
                while ((one.assignment().size() != 2 || two.assignment().size() != 2) && System.nanoTime() < end) {
                    one.poll(Duration.ofMillis(100));
                    two.poll(Duration.ofMillis(100));
                }
                expect(2, one.assignment().size());
                expect(2, two.assignment().size());
            }
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (one.assignment().size() != 4 && System.nanoTime() < end) one.poll(Duration.ofMillis(100));
            expect(4, one.assignment().size());
        }
    }

    static void features() throws Exception {
        try (Admin admin = Admin.create(properties())) {
            FinalizedVersionRange range = admin.describeFeatures().featureMetadata().get().finalizedFeatures().get("group.version");
            expect((short) 1, range.maxVersionLevel());
        }
    }

    static void codec(String codec) throws Exception {
        String topic = topic("codec-" + codec);
        create(topic, 1);
        String filler = "lorem ipsum ".repeat(50);
        try (KafkaProducer<String, String> producer = producer("compression.type", codec, "linger.ms", "20")) {
            for (int i = 0; i < 500; i++) producer.send(new ProducerRecord<>(topic, null, filler + i));
        }
        List<ConsumerRecord<String, String>> records = readAll(topic, 1, 500);
        for (int i = 0; i < 500; i++) {
            expect((long) i, records.get(i).offset());
            expect(filler + i, records.get(i).value());
        }
    }

    static void headers() throws Exception {
        String topic = topic("headers");
        create(topic, 1);
        try (KafkaProducer<String, String> producer = producer()) {
            ProducerRecord<String, String> record = new ProducerRecord<>(topic, 0, 1234567890123L, null, "", List.of(new RecordHeader("a", new byte[] {0, -1}), new RecordHeader("b", null)));
            producer.send(record).get();
            producer.send(new ProducerRecord<>(topic, 0, "tombstone", null)).get();
        }
        List<ConsumerRecord<String, String>> records = readAll(topic, 1, 2);
        expect(1234567890123L, records.get(0).timestamp());
        expect(null, records.get(0).key());
        expect("", records.get(0).value());
        expect(2, records.get(0).headers().toArray().length);
        expect(-1, (int) records.get(0).headers().lastHeader("a").value()[1]);
        expect(null, records.get(0).headers().lastHeader("b").value());
        expect("tombstone", records.get(1).key());
        expect(null, records.get(1).value());
    }

    static void times() throws Exception {
        String topic = topic("times");
        create(topic, 1);
        long start = 1_700_000_000_000L;
        try (KafkaProducer<String, String> producer = producer("compression.type", "lz4", "linger.ms", "50")) {
            for (int i = 0; i < 1000; i++) producer.send(new ProducerRecord<>(topic, 0, start + i * 10L, null, "v" + i));
        }
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = consumer()) {
            for (int i : new int[] {0, 1, 499, 999}) {
                OffsetAndTimestamp exact = consumer.offsetsForTimes(Map.of(partition, start + i * 10L)).get(partition);
                expect((long) i, exact.offset());
                expect(start + i * 10L, exact.timestamp());
                OffsetAndTimestamp before = consumer.offsetsForTimes(Map.of(partition, start + i * 10L - 3)).get(partition);
                expect((long) i, before.offset());
            }
            expect(null, consumer.offsetsForTimes(Map.of(partition, start + 10_000L)).get(partition));
        }
        try (Admin admin = Admin.create(properties())) {
            var result = admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get();
            expect(999L, result.offset());
            expect(start + 9990L, result.timestamp());
        }
    }

    static void bounds() throws Exception {
        String topic = topic("bounds");
        create(topic, 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<String, String> consumer = consumer()) {
            expect(0L, consumer.endOffsets(List.of(partition)).get(partition));
            try (KafkaProducer<String, String> producer = producer()) {
                for (int i = 0; i < 7; i++) producer.send(new ProducerRecord<>(topic, 0, null, "v")).get();
            }
            expect(0L, consumer.beginningOffsets(List.of(partition)).get(partition));
            expect(7L, consumer.endOffsets(List.of(partition)).get(partition));
        }
    }

    static void tooLarge() throws Exception {
        String topic = topic("large-record");
        create(topic, 1);
        try (KafkaProducer<String, String> producer = producer("max.request.size", "5000000", "buffer.memory", "10000000")) {
            try {
                producer.send(new ProducerRecord<>(topic, 0, null, "x".repeat(2_000_000))).get();
                throw new AssertionError("was accepted");
            } catch (ExecutionException error) {
                expect(RecordTooLargeException.class, error.getCause().getClass());
            }
            expect(0L, producer.send(new ProducerRecord<>(topic, 0, null, "small")).get().offset());
        }
    }

    static void invalidName() throws Exception {
        try (KafkaProducer<String, String> producer = producer("max.block.ms", "10000")) {
            producer.send(new ProducerRecord<>("not a name!", "v")).get();
            throw new AssertionError("was accepted");
        } catch (ExecutionException error) {
            expect(InvalidTopicException.class, error.getCause().getClass());
        }
    }

    static void topics() throws Exception {
        String topic = topic("admin");
        try (Admin admin = Admin.create(properties())) {
            create(topic, 5);
            expect(5, admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions().size());
            if (!admin.listTopics().names().get().contains(topic)) throw new AssertionError("not listed");
            try {
                create(topic, 5);
                throw new AssertionError("created twice");
            } catch (ExecutionException error) {
                expect(TopicExistsException.class, error.getCause().getClass());
            }
            String clusterId = admin.describeCluster().clusterId().get();
            if (clusterId == null || clusterId.isEmpty()) throw new AssertionError("no cluster id");
            admin.deleteTopics(List.of(topic)).all().get();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
            while (admin.listTopics().names().get().contains(topic) && System.nanoTime() < end) Thread.sleep(50);
            try {
                admin.describeTopics(List.of(topic)).allTopicNames().get();
                throw new AssertionError("still described");
            } catch (ExecutionException error) {
                expect(UnknownTopicOrPartitionException.class, error.getCause().getClass());
            }
        }
    }

    static void recreate() throws Exception {
        String topic = topic("recreate");
        create(topic, 1);
        try (Admin admin = Admin.create(properties())) {
            Uuid before = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
            try (KafkaProducer<String, String> producer = producer()) { producer.send(new ProducerRecord<>(topic, "a")).get(); }
            admin.deleteTopics(List.of(topic)).all().get();
            Thread.sleep(1000);
            create(topic, 1);
            Uuid after = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).topicId();
            if (before.equals(after)) throw new AssertionError("same topic id");
            try (KafkaProducer<String, String> producer = producer()) { expect(0L, producer.send(new ProducerRecord<>(topic, "b")).get().offset()); }
            expect("b", readAll(topic, 1, 1).get(0).value());
        }
    }

    static void acks() throws Exception {
        String topic = topic("acks");
        create(topic, 1);
        for (String acks : List.of("0", "1")) {
            try (KafkaProducer<String, String> producer = producer("acks", acks, "enable.idempotence", "false")) {
                for (int i = 0; i < 100; i++) producer.send(new ProducerRecord<>(topic, acks + "-" + i));
            }
        }
        expect(200, readAll(topic, 1, 200).size());
    }

    static void large() throws Exception {
        String topic = topic("large");
        create(topic, 32);
        String value = "y".repeat(100_000);
        try (KafkaProducer<String, String> producer = producer("batch.size", "500000", "linger.ms", "10")) {
            for (int i = 0; i < 640; i++) producer.send(new ProducerRecord<>(topic, i % 32, null, i + value));
        }
        List<ConsumerRecord<String, String>> records = readAll(topic, 32, 640);
        expect(640L, records.stream().map(record -> record.value().substring(0, record.value().indexOf('y'))).distinct().count());
    }

    static void tail() throws Exception {
        String topic = topic("tail");
        create(topic, 1);
        try (KafkaConsumer<String, String> consumer = consumer("fetch.max.wait.ms", "30000"); KafkaProducer<String, String> producer = producer()) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            consumer.poll(Duration.ofMillis(500));
            for (int i = 0; i < 20; i++) {
                producer.send(new ProducerRecord<>(topic, 0, null, "v" + i)).get();
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofSeconds(10));
                expect(1, records.count());
            }
        }
    }

    static void console() throws Exception {
        String topic = topic("console");
        create(topic, 1);
        process("one\ntwo\nthree\n", "org.apache.kafka.tools.ConsoleProducer", "--bootstrap-server", bootstrap, "--topic", topic);
        String output = process("", "org.apache.kafka.tools.consumer.ConsoleConsumer", "--bootstrap-server", bootstrap, "--topic", topic, "--from-beginning", "--max-messages", "3", "--timeout-ms", "40000");
        expect("one\ntwo\nthree", output.strip());
    }
}
