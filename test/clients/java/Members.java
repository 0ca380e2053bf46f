// Groups whose members come, go, are killed and come again, with both protocols: nothing is lost, nothing committed is forgotten,
// and nobody is disturbed who need not be. Run: java -cp 'classes:lib/*' Members <bootstrap>

import java.io.*;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;

public class Members extends Cases {
    public static void main(String[] args) throws Exception {
        begin("members", args);
        // A dead member of the consumer protocol is noticed after the group's 45 seconds.
        together(
            () -> check("a classic member is killed: another goes on where it had committed", () -> killed("classic")),
            () -> check("a consumer member is killed: another goes on where it had committed", () -> killed("consumer")));
        together(
            () -> check("a static member of a classic group is killed and comes back without a rebalance", Members::staticKilled),
            () -> check("a static member of a consumer group is restarted without a rebalance", Members::staticRestarted));
        for (String protocol : List.of("classic", "consumer")) {
            check("a newcomer of a " + protocol + " group takes only what the other gives up", () -> cooperative(protocol));
            check("a " + protocol + " member that does not poll loses its partitions and its late commit", () -> zombie(protocol));
            check("six " + protocol + " members at once share twelve partitions; when five leave one has them all", () -> crowd(protocol));
        }
        done();
    }

    /** A child JVM and what it said so far. */
    static final class Child implements AutoCloseable {
        final List<String> lines = new CopyOnWriteArrayList<>();
        private final Process process;

        Child(String topic, String protocol, String... settings) throws IOException {
            String[] command = Stream.concat(
                Stream.of("Member", bootstrap, topic, "group.id=" + topic, "group.protocol=" + protocol), Stream.of(settings)).toArray(String[]::new);
            process = java(command).start();
            Thread reader = new Thread(() -> {
                try (BufferedReader said = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
                    for (String line; (line = said.readLine()) != null; ) lines.add(line);
                } catch (IOException killed) {
                    // Nothing more will be said.
                }
            });
            reader.setDaemon(true);
            reader.start();
        }

        /** SIGKILL. */
        void kill() throws InterruptedException { process.destroyForcibly().waitFor(); }

        /** SIGTERM: closes its consumer. */
        void stop() throws InterruptedException {
            process.destroy();
            process.waitFor();
        }

        @Override public void close() { process.destroyForcibly(); }

        @Override public String toString() {
            List<String> changes = lines.stream().filter(line -> !line.startsWith("read") && !line.startsWith("committed")).toList();
            return (process.isAlive() ? "alive" : "dead") + " " + changes + " read " + last("read") + " committed " + last("committed");
        }

        Stream<String[]> said(String what) { return lines.stream().filter(line -> line.startsWith(what)).map(line -> line.split(" ")); }

        long count(String what) { return said(what).count(); }

        /** By partition, the last number said of it. */
        Map<Integer, Long> last(String what) {
            return said(what).collect(Collectors.toMap(words -> Integer.valueOf(words[1]), words -> Long.valueOf(words[2]), (a, b) -> b));
        }

        Set<Integer> partitions() {
            Set<Integer> held = new TreeSet<>();
            for (String line : lines) {
                List<Integer> named = Arrays.stream(line.split(" ")).skip(1).map(Integer::valueOf).toList();
                if (line.startsWith("assigned")) held.addAll(named);
                else if (line.startsWith("revoked") || line.startsWith("lost")) held.removeAll(named);
            }
            return held;
        }
    }

    /** Sends numbered records round the partitions until it is closed. */
    static final class Source implements AutoCloseable {
        final int[] sent;
        private volatile boolean isOver = false;
        private final Thread thread;

        Source(String topic, int partitions) {
            sent = new int[partitions];
            thread = new Thread(() -> {
                try (KafkaProducer<String, String> producer = producer()) {
                    for (int i = 0; !isOver; i++) {
                        producer.send(new ProducerRecord<>(topic, i % partitions, null, "v")).get();
                        sent[i % partitions]++;
                        Thread.sleep(5);
                    }
                } catch (Exception error) {
                    throw new IllegalStateException(error);
                }
            });
            thread.start();
        }

        @Override public void close() throws InterruptedException {
            isOver = true;
            thread.join();
        }
    }

    static Map<TopicPartition, Long> committed(Admin admin, String group) throws Exception {
        Map<TopicPartition, Long> offsets = new HashMap<>();
        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, offset) -> {
            if (offset != null) offsets.put(partition, offset.offset());
        });
        return offsets;
    }

    static void killed(String protocol) throws Exception {
        String topic = topic("killed-" + protocol);
        create(topic, 4);
        String[] settings = protocol.equals("classic")
            ? new String[] { "session.timeout.ms=6000", "heartbeat.interval.ms=1000", "partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor" }
            : new String[] {};
        Source source = new Source(topic, 4);
        try (source; Child one = new Child(topic, protocol, settings); Child two = new Child(topic, protocol, settings); Admin admin = Admin.create(properties())) {
            eventually("both read", () -> one.partitions().size() == 2 && two.partitions().size() == 2 && one.count("read") > 100 && two.count("read") > 100, one, two);
            Map<Integer, Long> mine = one.last("committed");
            eventually("the first commits what it has now", () -> one.partitions().stream().allMatch(partition -> one.last("committed").getOrDefault(partition, 0L) > mine.getOrDefault(partition, 0L)));
            Set<Integer> taken = one.partitions();
            one.kill();
            int from = two.lines.size();
            Map<Integer, Long> read = one.last("read");
            Map<Integer, Long> promised = one.last("committed");
            Map<TopicPartition, Long> before = new HashMap<>();
            eventually("the survivor reads everything", () -> {
                committed(admin, topic).forEach((partition, offset) -> {
                    long last = before.merge(partition, offset, Math::max);
                    if (offset < last) throw new AssertionError(partition + " went back from " + last + " to " + offset);
                });
                return two.partitions().size() == 4 && taken.stream().allMatch(partition -> two.last("read").getOrDefault(partition, -1L) > read.get(partition) + 50);
            }, two);
            for (int partition : taken) {
                long first = two.lines.stream().skip(from).filter(line -> line.startsWith("read " + partition + " ")).mapToLong(line -> Long.parseLong(line.split(" ")[2])).findFirst().orElseThrow();
                if (first < promised.get(partition) || first > read.get(partition) + 1) {
                    throw new AssertionError("partition " + partition + " went on at " + first + ", read until " + read.get(partition) + ", committed " + promised.get(partition));
                }
            }
            source.close();
            eventually("nothing is left", () -> committed(admin, topic).equals(ends(topic, source.sent)));
            Set<String> seen = Stream.concat(one.lines.stream(), two.lines.stream()).filter(line -> line.startsWith("read ")).collect(Collectors.toSet());
            expect((long) Arrays.stream(source.sent).sum(), (long) seen.size());
        }
    }

    private static Map<TopicPartition, Long> ends(String topic, int[] sent) {
        return IntStream.range(0, sent.length).boxed().collect(Collectors.toMap(partition -> new TopicPartition(topic, partition), partition -> (long) sent[partition]));
    }

    static void staticKilled() throws Exception { restarted("classic", Child::kill); }

    static void staticRestarted() throws Exception { restarted("consumer", Child::stop); }

    interface Ending { void of(Child child) throws Exception; }

    /** The first member of a classic group is its leader: it comes back without leading a rebalance. */
    private static void restarted(String protocol, Ending ending) throws Exception {
        String topic = topic("static-" + protocol);
        create(topic, 4);
        try (Source source = new Source(topic, 4); Child first = new Child(topic, protocol, "group.instance.id=a")) {
            eventually("the first reads", () -> first.count("read") > 0);
            try (Child other = new Child(topic, protocol, "group.instance.id=b")) {
                eventually("both read", () -> first.partitions().size() == 2 && other.partitions().size() == 2 && other.count("read") > 0, first, other);
                Set<Integer> mine = first.partitions();
                long changes = other.count("assigned") + other.count("revoked") + other.count("lost");
                ending.of(first);
                try (Child again = new Child(topic, protocol, "group.instance.id=a")) {
                    eventually("the member is back and reads", () -> again.count("read") > 20, other, again);
                    expect(mine, again.partitions());
                    long read = other.count("read");
                    eventually("the other goes on", () -> other.count("read") > read + 20);
                    expect(changes, other.count("assigned") + other.count("revoked") + other.count("lost"));
                }
            }
        }
    }

    /** A member in this JVM, polled by hand. */
    static final class Local extends KafkaConsumer<String, String> implements ConsumerRebalanceListener {
        final Set<Integer> gone = new TreeSet<>();

        Local(String topic, String protocol, String... more) {
            super(properties(Stream.concat(Stream.concat(
                Stream.of("group.id", topic, "group.protocol", protocol, "auto.offset.reset", "earliest", "enable.auto.commit", "false"),
                protocol.equals("classic") ? Stream.of("partition.assignment.strategy", CooperativeStickyAssignor.class.getName()) : Stream.of()),
                Stream.of(more)).toArray(String[]::new)), new org.apache.kafka.common.serialization.StringDeserializer(), new org.apache.kafka.common.serialization.StringDeserializer());
            subscribe(List.of(topic), this);
        }

        @Override public void onPartitionsAssigned(Collection<TopicPartition> partitions) { }
        @Override public void onPartitionsRevoked(Collection<TopicPartition> partitions) { partitions.forEach(partition -> gone.add(partition.partition())); }

        Local poll() {
            poll(Duration.ofMillis(50));
            return this;
        }
    }

    static void cooperative(String protocol) throws Exception {
        String topic = topic("cooperative-" + protocol);
        create(topic, 6);
        try (Local one = new Local(topic, protocol)) {
            eventually("one has all", () -> one.poll().assignment().size() == 6);
            try (Local two = new Local(topic, protocol)) {
                eventually("they share", () -> one.poll().assignment().size() == 3 & two.poll().assignment().size() == 3);
                Set<Integer> moved = two.assignment().stream().map(TopicPartition::partition).collect(Collectors.toCollection(TreeSet::new));
                expect(moved, one.gone);
            }
        }
    }

    static void zombie(String protocol) throws Exception {
        String topic = topic("zombie-" + protocol);
        create(topic, 2);
        try (KafkaProducer<String, String> producer = producer()) {
            for (int i = 0; i < 10; i++) producer.send(new ProducerRecord<>(topic, i % 2, null, "v" + i));
        }
        try (Local slow = new Local(topic, protocol, "max.poll.interval.ms", "2000"); Local other = new Local(topic, protocol)) {
            eventually("they share", () -> slow.poll().assignment().size() == 1 & other.poll().assignment().size() == 1);
            Map<TopicPartition, OffsetAndMetadata> late = slow.assignment().stream().collect(Collectors.toMap(partition -> partition, partition -> new OffsetAndMetadata(1)));
            eventually("the other takes over", () -> other.poll().assignment().size() == 2);
            other.commitSync(late.keySet().stream().collect(Collectors.toMap(partition -> partition, partition -> new OffsetAndMetadata(5))));
            try {
                slow.commitSync(late);
                throw new AssertionError("a member that is out could commit");
            } catch (CommitFailedException error) {
                // Not asked of the consumer: it may answer with what it asked for itself before it committed.
                try (Admin admin = Admin.create(properties())) {
                    expect(5L, committed(admin, topic).get(late.keySet().iterator().next()));
                }
            }
            eventually("it comes back", () -> slow.poll().assignment().size() == 1 & other.poll().assignment().size() == 1);
        }
    }

    static void crowd(String protocol) throws Exception {
        String topic = topic("crowd-" + protocol);
        create(topic, 12);
        List<Local> members = IntStream.range(0, 6).mapToObj(i -> new Local(topic, protocol)).toList();
        try {
            eventually("each has two", () -> members.stream().map(Local::poll).filter(member -> member.assignment().size() == 2).count() == 6);
            expect(12L, members.stream().flatMap(member -> member.assignment().stream()).distinct().count());
            members.subList(1, 6).forEach(KafkaConsumer::close);
            eventually("one has all", () -> members.get(0).poll().assignment().size() == 12);
        } finally {
            members.forEach(KafkaConsumer::close);
        }
    }
}
