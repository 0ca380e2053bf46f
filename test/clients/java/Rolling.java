// A group whose members are restarted one by one under the other protocol and back, while records come in: nothing is lost, no two
// members have one partition, and the group is what its members make it. Run: java -cp 'classes:lib/*' Rolling <bootstrap>

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.WakeupException;

public class Rolling extends Cases {
    static final int partitions = 6;
    static final String cooperative = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

    public static void main(String[] args) throws Exception {
        begin("rolling", args);
        check("three members with default assignors go from classic to consumer and back, one by one", () -> roll("default", false));
        check("three cooperative members go from classic to consumer and back, one by one", () -> roll("cooperative", false, "partition.assignment.strategy", cooperative));
        check("three static members go from classic to consumer and back, one by one", () -> roll("static", true));
        done();
    }

    /** What all members of a group share: who has which partition, and what was read. */
    static final class Group {
        final String topic;
        final Map<Integer, String> owners = new ConcurrentHashMap<>();
        final Set<String> read = ConcurrentHashMap.newKeySet();
        final Queue<String> wrong = new ConcurrentLinkedQueue<>();

        Group(String topic) { this.topic = topic; }

        @Override public String toString() { return owners + " read " + read.size() + " " + wrong; }
    }

    /** One instance of an application: polls in a thread of its own until it is stopped, and can come back under another protocol. */
    static final class Instance {
        final Group group;
        final String name;
        final String[] settings;
        final boolean isStatic;
        KafkaConsumer<String, String> consumer;
        Thread thread;

        Instance(Group group, String name, boolean isStatic, String[] settings) {
            this.group = group;
            this.name = name;
            this.isStatic = isStatic;
            this.settings = settings;
        }

        void start(String protocol) throws Exception {
            List<String> all = new ArrayList<>(List.of("group.id", group.topic, "group.protocol", protocol, "auto.offset.reset", "earliest"));
            if (isStatic) all.addAll(List.of("group.instance.id", name));
            if (protocol.equals("classic")) {
                all.addAll(List.of(settings));
                // As often as consumers of the other protocol.
                all.addAll(List.of("heartbeat.interval.ms", "1000"));
            }
            KafkaConsumer<String, String> mine = consumer(all.toArray(String[]::new));
            consumer = mine;
            CountDownLatch assigned = new CountDownLatch(1);
            thread = new Thread(() -> {
                try (mine) {
                    mine.subscribe(List.of(group.topic), new Listener(assigned));
                    while (true) for (ConsumerRecord<String, String> each : mine.poll(Duration.ofMillis(100))) group.read.add(each.value());
                } catch (WakeupException stopped) {
                    // Closed on the way out, which gives everything back.
                } catch (RuntimeException error) {
                    group.wrong.add(name + ": " + error);
                }
            });
            thread.start();
            if (!assigned.await(45, TimeUnit.SECONDS)) throw new AssertionError(name + " was assigned nothing as " + protocol + "; " + group);
        }

        void stop() throws InterruptedException {
            consumer.wakeup();
            thread.join();
            // A static member leaves without giving back; what follows has its place.
            group.owners.values().removeIf(name::equals);
        }

        final class Listener implements ConsumerRebalanceListener {
            final CountDownLatch assigned;

            Listener(CountDownLatch assigned) { this.assigned = assigned; }

            @Override public void onPartitionsAssigned(Collection<TopicPartition> given) {
                for (TopicPartition partition : given) {
                    String other = group.owners.putIfAbsent(partition.partition(), name);
                    if (other != null && !other.equals(name)) group.wrong.add(name + " got partition " + partition.partition() + " which " + other + " still has");
                }
                if (!given.isEmpty()) assigned.countDown();
            }

            @Override public void onPartitionsRevoked(Collection<TopicPartition> taken) {
                for (TopicPartition partition : taken) group.owners.remove(partition.partition(), name);
            }
        }
    }

    static void roll(String title, boolean isStatic, String... settings) throws Exception {
        Group group = new Group(topic(title));
        create(group.topic, partitions);
        AtomicLong sent = new AtomicLong();
        Thread source = new Thread(() -> {
            try (KafkaProducer<String, String> producer = producer()) {
                for (int i = 0; !Thread.interrupted(); i++) {
                    producer.send(new ProducerRecord<>(group.topic, i % partitions, null, "v" + i));
                    sent.set(i + 1);
                    Thread.sleep(5);
                }
            } catch (InterruptedException enough) {
                // What was sent is flushed by closing.
            }
        });
        source.start();
        List<Instance> instances = new ArrayList<>();
        for (int i = 0; i < 3; i++) instances.add(new Instance(group, "instance" + i, isStatic, settings));
        try (Admin admin = Admin.create(properties())) {
            for (Instance instance : instances) instance.start("classic");
            expect(GroupType.CLASSIC, type(admin, group));
            for (String protocol : List.of("consumer", "classic")) {
                for (Instance instance : instances) {
                    instance.stop();
                    instance.start(protocol);
                    shared(group);
                    boolean isBack = protocol.equals("classic") && instance == instances.get(2);
                    expect(isBack ? GroupType.CLASSIC : GroupType.CONSUMER, type(admin, group));
                }
            }
            source.interrupt();
            source.join();
            eventually("all " + sent + " records are read", () -> group.read.size() == sent.get(), group);
            for (Instance instance : instances) instance.stop();
            long committed = 0;
            for (OffsetAndMetadata each : admin.listConsumerGroupOffsets(group.topic).partitionsToOffsetAndMetadata().get().values()) committed += each.offset();
            expect(sent.get(), committed);
        } finally {
            source.interrupt();
        }
        expect("[]", group.wrong.toString());
    }

    static GroupType type(Admin admin, Group group) throws Exception {
        for (GroupListing listing : admin.listGroups().all().get()) if (listing.groupId().equals(group.topic)) return listing.type().orElseThrow();
        throw new AssertionError("no group " + group.topic);
    }

    /** Every partition has an owner, and everybody has some. */
    static void shared(Group group) throws Exception {
        eventually("all share the partitions", () -> group.owners.size() == partitions && new HashSet<>(group.owners.values()).size() == 3, group);
    }
}
