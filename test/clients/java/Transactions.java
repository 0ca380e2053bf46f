// Java's transactional producers and read_committed consumers with their defaults. Compiled and run with today's kafka-clients, which
// speak the second transaction version (KIP-890), and with older ones, which speak the first. Run: Transactions <label> <bootstrap>

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;

public class Transactions extends Cases {
    public static void main(String[] args) throws Exception {
        begin("java-transactions-" + args[0], Arrays.copyOfRange(args, 1, args.length));
        check("a committed transaction is seen as a whole, an aborted one not at all", Transactions::commitAndAbort);
        check("an open transaction holds read_committed readers back", Transactions::openTransaction);
        check("hundreds of transactions in a row, every third aborted", Transactions::manyInARow);
        check("a thousand partitions in one transaction", Transactions::wide);
        check("a newer producer fences the older one, and nothing of that becomes visible", Transactions::fencing);
        check("a transaction past its time-out is aborted and its producer told", Transactions::timeout);
        check("the transaction of a producer that died is aborted by its successor", Transactions::died);
        check("offsets count once the transaction commits", Transactions::offsets);
        // Clients of before know one group protocol.
        List<String> protocols = args[0].equals("current") ? List.of("classic", "consumer") : List.of("classic");
        for (String protocol : protocols) {
            String[] settings = protocols.size() == 1 ? new String[0] : new String[] {"group.protocol", protocol};
            check("a consumer that lost its place in a " + protocol + " group cannot send offsets", () -> fencedGroupMember(settings));
            check("consume-transform-produce in a " + protocol + " group by two workers that die and come back, exactly once", () -> loop(settings));
        }
        check("admin lists, describes and fences", Transactions::admin);
        done();
    }

    static KafkaProducer<String, String> transactional(String id, String... more) {
        String[] pairs = Stream.concat(Stream.of("transactional.id", id), Stream.of(more)).toArray(String[]::new);
        KafkaProducer<String, String> producer = producer(pairs);
        producer.initTransactions();
        return producer;
    }

    /**
     * The client's sender may look for unsent records, then see the records and the end of the next transaction together and send the
     * end first: in the second transaction version INVALID_TXN_STATE from any broker.
     */
    static void commit(KafkaProducer<String, String> producer) {
        producer.flush();
        producer.commitTransaction();
    }

    static List<String> values(String topic, int partitions, String isolation) {
        try (KafkaConsumer<String, String> consumer = consumer("isolation.level", isolation, "auto.offset.reset", "earliest")) {
            List<TopicPartition> all = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            List<String> values = new ArrayList<>();
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (all.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
                if (System.nanoTime() > deadline) throw new AssertionError("not at the end after 30 s");
                consumer.poll(Duration.ofMillis(100)).forEach(record -> values.add(record.value()));
            }
            return values;
        }
    }

    /** The end of the transaction is answered before its markers are written. */
    static void expectSoon(List<String> wanted, String topic, int partitions) throws Exception {
        List<String> got = List.of();
        for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20); System.nanoTime() < end; Thread.sleep(20)) {
            got = values(topic, partitions, "read_committed").stream().sorted().toList();
            if (got.equals(wanted.stream().sorted().toList())) return;
        }
        expect(wanted.stream().sorted().toList(), got);
    }

    static void commitAndAbort() throws Exception {
        String topic = topic("whole");
        create(topic, 3);
        try (KafkaProducer<String, String> producer = transactional(topic)) {
            for (String fate : List.of("committed", "aborted", "again")) {
                producer.beginTransaction();
                for (int i = 0; i < 30; i++) producer.send(new ProducerRecord<>(topic, i % 3, null, fate + i));
                producer.flush();
                if (fate.equals("aborted")) producer.abortTransaction();
                else commit(producer);
            }
        }
        expectSoon(Stream.of("committed", "again").flatMap(fate -> IntStream.range(0, 30).mapToObj(i -> fate + i)).toList(), topic, 3);
    }

    static void openTransaction() throws Exception {
        String topic = topic("open");
        create(topic, 1);
        try (KafkaProducer<String, String> producer = transactional(topic); KafkaProducer<String, String> plain = producer()) {
            plain.send(new ProducerRecord<>(topic, 0, null, "before")).get();
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, null, "inside")).get();
            plain.send(new ProducerRecord<>(topic, 0, null, "after")).get();
            expect(List.of("before"), values(topic, 1, "read_committed"));
            expect(List.of("before", "inside", "after"), values(topic, 1, "read_uncommitted"));
            producer.abortTransaction();
            expectSoon(List.of("before", "after"), topic, 1);
        }
    }

    static void manyInARow() throws Exception {
        String topic = topic("row");
        create(topic, 4);
        List<String> committed = new ArrayList<>();
        try (KafkaProducer<String, String> producer = transactional(topic)) {
            for (int i = 0; i < 300; i++) {
                producer.beginTransaction();
                for (int n = 0; n < 3; n++) producer.send(new ProducerRecord<>(topic, (i + n) % 4, null, i + "-" + n));
                producer.flush();
                if (i % 3 == 0) producer.abortTransaction();
                else {
                    commit(producer);
                    for (int n = 0; n < 3; n++) committed.add(i + "-" + n);
                }
            }
        }
        expectSoon(committed, topic, 4);
    }

    static void wide() throws Exception {
        String topic = topic("wide");
        create(topic, 1000);
        try (KafkaProducer<String, String> producer = transactional(topic)) {
            for (boolean commits : List.of(false, true)) {
                producer.beginTransaction();
                for (int i = 0; i < 1000; i++) producer.send(new ProducerRecord<>(topic, i, null, commits + "-" + i));
                if (commits) commit(producer);
                else producer.abortTransaction();
            }
        }
        expectSoon(IntStream.range(0, 1000).mapToObj(i -> "true-" + i).toList(), topic, 1000);
    }

    static void expectFenced(KafkaProducer<String, String> producer, String topic) throws Exception {
        try {
            producer.send(new ProducerRecord<>(topic, 0, null, "zombie")).get();
            producer.commitTransaction();
        } catch (ExecutionException error) {
            if (!(error.getCause() instanceof ProducerFencedException || error.getCause() instanceof InvalidProducerEpochException)) throw error;
            return;
        } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
            return;
        }
        throw new AssertionError("the zombie was not fenced");
    }

    static void fencing() throws Exception {
        String topic = topic("fenced");
        create(topic, 2);
        try (KafkaProducer<String, String> zombie = transactional(topic)) {
            zombie.beginTransaction();
            zombie.send(new ProducerRecord<>(topic, 0, null, "old")).get();
            try (KafkaProducer<String, String> producer = transactional(topic)) {
                expectFenced(zombie, topic);
                producer.beginTransaction();
                producer.send(new ProducerRecord<>(topic, 1, null, "new")).get();
                commit(producer);
            }
        }
        expectSoon(List.of("new"), topic, 2);
    }

    static void timeout() throws Exception {
        String topic = topic("late");
        create(topic, 1);
        try (KafkaProducer<String, String> producer = transactional(topic, "transaction.timeout.ms", "1500", "delivery.timeout.ms", "1500", "request.timeout.ms", "1000", "linger.ms", "0")) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 0, null, "late")).get();
            long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
            while (values(topic, 1, "read_uncommitted").size() == 1 && lastStable(topic) < 2) {
                if (System.nanoTime() > end) throw new AssertionError("still open after 30 s");
                Thread.sleep(100);
            }
            expect(List.of(), values(topic, 1, "read_committed"));
            try {
                producer.commitTransaction();
                throw new AssertionError("a transaction past its time-out was committed");
            } catch (KafkaException refused) {
                // Fenced in the first transaction version, INVALID_TXN_STATE in the second.
            }
        }
        try (KafkaProducer<String, String> next = transactional(topic)) {
            next.beginTransaction();
            next.send(new ProducerRecord<>(topic, 0, null, "next")).get();
            commit(next);
        }
        expectSoon(List.of("next"), topic, 1);
    }

    static long lastStable(String topic) {
        try (KafkaConsumer<String, String> consumer = consumer("isolation.level", "read_committed")) {
            return consumer.endOffsets(List.of(new TopicPartition(topic, 0))).values().iterator().next();
        }
    }

    static void died() throws Exception {
        String topic = topic("died");
        create(topic, 1);
        KafkaProducer<String, String> dead = transactional(topic);
        dead.beginTransaction();
        dead.send(new ProducerRecord<>(topic, 0, null, "dead")).get();
        try (KafkaProducer<String, String> successor = transactional(topic)) {
            successor.beginTransaction();
            successor.send(new ProducerRecord<>(topic, 0, null, "alive")).get();
            commit(successor);
        }
        expectSoon(List.of("alive"), topic, 1);
        dead.close(Duration.ZERO);
    }

    static long committed(String group, TopicPartition partition) throws Exception {
        try (Admin admin = Admin.create(properties())) {
            OffsetAndMetadata offset = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
            return offset == null ? -1 : offset.offset();
        }
    }

    static void expectCommitted(long wanted, String group, TopicPartition partition) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (committed(group, partition) != wanted && System.nanoTime() < end) Thread.sleep(20);
        expect(wanted, committed(group, partition));
    }

    static void offsets() throws Exception {
        String topic = topic("offsets");
        create(topic, 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = transactional(topic)) {
            ConsumerGroupMetadata group = new ConsumerGroupMetadata(topic);
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(5, "five")), group);
            expect(-1L, committed(topic, partition));
            producer.abortTransaction();
            producer.beginTransaction();
            producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(7, "seven")), group);
            producer.send(new ProducerRecord<>(topic, 0, null, "with offsets"));
            commit(producer);
        }
        expectCommitted(7, topic, partition);
        expectSoon(List.of("with offsets"), topic, 1);
    }

    static void join(KafkaConsumer<String, String> consumer, String topic) {
        consumer.subscribe(List.of(topic));
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (consumer.assignment().isEmpty() && System.nanoTime() < end) consumer.poll(Duration.ofMillis(100));
        expect(1, consumer.assignment().size());
    }

    static KafkaConsumer<String, String> member(String[] settings, String... more) {
        return consumer(Stream.concat(Stream.of(settings), Stream.of(more)).toArray(String[]::new));
    }

    static void fencedGroupMember(String[] settings) throws Exception {
        String topic = topic("member" + Integer.toHexString(String.join("-", settings).hashCode()));
        create(topic, 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaProducer<String, String> producer = transactional(topic)) {
            ConsumerGroupMetadata left;
            try (KafkaConsumer<String, String> consumer = member(settings, "group.id", topic, "enable.auto.commit", "false")) {
                join(consumer, topic);
                left = consumer.groupMetadata();
                producer.beginTransaction();
                producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(1)), left);
                commit(producer);
            }
            producer.beginTransaction();
            try {
                producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(9)), left);
                throw new AssertionError("a member that left sent offsets");
            } catch (CommitFailedException refused) {
                producer.abortTransaction();
            }
        }
        expectCommitted(1, topic, partition);
    }

    /** Moves records from one topic to another, some of the way; returns when it has thrown itself away. */
    static boolean work(String name, String from, String to, int wanted, Random random, String[] settings) throws Exception {
        try (KafkaProducer<String, String> producer = transactional(to + "-" + name);
             KafkaConsumer<String, String> consumer = member(settings, "group.id", from, "isolation.level", "read_committed",
                 "auto.offset.reset", "earliest", "enable.auto.commit", "false", "max.poll.records", "20")) {
            consumer.subscribe(List.of(from));
            int steps = 3 + random.nextInt(10);
            for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); System.nanoTime() < end && steps > 0; ) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(200));
                if (records.isEmpty()) {
                    if (values(to, 2, "read_committed").size() >= wanted) return true;
                    continue;
                }
                steps--;
                producer.beginTransaction();
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                for (ConsumerRecord<String, String> record : records) {
                    producer.send(new ProducerRecord<>(to, record.value(), record.value()));
                    offsets.put(new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
                }
                try {
                    producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
                    if (random.nextInt(5) == 0) throw new KafkaException("thought better of it");
                    commit(producer);
                } catch (ProducerFencedException | InvalidProducerEpochException fenced) {
                    return false;
                } catch (KafkaException failed) {
                    producer.abortTransaction();
                    for (TopicPartition partition : consumer.assignment()) {
                        OffsetAndMetadata last = consumer.committed(Set.of(partition)).get(partition);
                        if (last == null) consumer.seekToBeginning(List.of(partition));
                        else consumer.seek(partition, last.offset());
                    }
                }
            }
            return false;
        }
    }

    static void loop(String[] settings) throws Exception {
        String unique = Integer.toHexString(String.join("-", settings).hashCode());
        String from = topic("from" + unique), to = topic("to" + unique);
        create(from, 4);
        create(to, 2);
        List<String> all = IntStream.range(0, 1000).mapToObj(i -> "v" + i).toList();
        try (KafkaProducer<String, String> producer = producer()) {
            for (String value : all) producer.send(new ProducerRecord<>(from, value, value));
        }
        ExecutorService executor = Executors.newFixedThreadPool(2);
        List<Future<Object>> workers = Stream.of("a", "b").map(name -> executor.submit(() -> {
            Random random = new Random(name.hashCode());
            while (!work(name, from, to, all.size(), random, settings)) {}
            return null;
        })).toList();
        for (Future<Object> worker : workers) worker.get(85, TimeUnit.SECONDS);
        executor.shutdown();
        expectSoon(all, to, 2);
    }

    static void admin() throws Exception {
        String topic = topic("admin");
        create(topic, 2);
        try (Admin admin = Admin.create(properties()); KafkaProducer<String, String> producer = transactional(topic)) {
            producer.beginTransaction();
            producer.send(new ProducerRecord<>(topic, 1, null, "x")).get();
            TransactionDescription description = admin.describeTransactions(List.of(topic)).description(topic).get();
            expect(TransactionState.ONGOING, description.state());
            expect(Set.of(new TopicPartition(topic, 1)), description.topicPartitions());
            ListTransactionsOptions ongoing = new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING));
            Collection<TransactionListing> listed = admin.listTransactions(ongoing).all().get();
            expect(1L, listed.stream().filter(one -> one.transactionalId().equals(topic)).count());
            TopicPartition partition = new TopicPartition(topic, 1);
            ProducerState state = admin.describeProducers(List.of(partition)).partitionResult(partition).get().activeProducers().get(0);
            expect(description.producerId(), state.producerId());
            expect(OptionalLong.of(0), state.currentTransactionStartOffset());
            admin.fenceProducers(List.of(topic)).all().get();
            expectFenced(producer, topic);
        }
        expectSoon(List.of(), topic, 2);
    }
}
