// A member of a group in a JVM of its own, to be killed: says what it was assigned, read and committed, a line each.
// Run: java -cp 'classes:lib/*' Member <bootstrap> <topic> <name=value …>

import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;

public class Member {
    public static void main(String[] args) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("max.poll.records", "20");
        properties.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        properties.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
        for (String setting : List.of(args).subList(2, args.length)) properties.put(setting.split("=")[0], setting.split("=")[1]);
        KafkaConsumer<String, String> consumer = new KafkaConsumer<>(properties);
        Thread main = Thread.currentThread();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            consumer.wakeup();
            try { main.join(); } catch (InterruptedException ignored) { }
        }));
        consumer.subscribe(List.of(args[1]), new ConsumerRebalanceListener() {
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) { say("assigned", partitions); }
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) { say("revoked", partitions); }
            public void onPartitionsLost(Collection<TopicPartition> partitions) { say("lost", partitions); }
        });
        try {
            while (true) {
                ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(100));
                for (ConsumerRecord<String, String> record : records) System.out.println("read " + record.partition() + " " + record.offset());
                if (records.isEmpty()) continue;
                try {
                    consumer.commitSync();
                } catch (CommitFailedException | RebalanceInProgressException moved) {
                    continue; // The group moved on meanwhile; what is still ours is committed with the next records.
                }
                records.nextOffsets().forEach((partition, next) -> System.out.println("committed " + partition.partition() + " " + next.offset()));
            }
        } catch (WakeupException end) {
            consumer.close();
        }
    }

    private static void say(String what, Collection<TopicPartition> partitions) {
        StringBuilder line = new StringBuilder(what);
        partitions.stream().mapToInt(TopicPartition::partition).sorted().forEach(partition -> line.append(' ').append(partition));
        System.out.println(line);
    }
}
