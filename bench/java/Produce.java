// A Java program as anybody writes it: the default producer, as many records as fit into the time. Prints one line per round,
// "<megabytes a second> <records>", the first rounds being warm-up. Run: java -cp 'lib/*' Produce.java <bootstrap> <topic>
// <record bytes> <milliseconds a round> <rounds>

import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class Produce {
    public static void main(String[] args) throws Exception {
        String topic = args[1];
        int recordBytes = Integer.parseInt(args[2]);
        long roundNanos = Long.parseLong(args[3]) * 1_000_000;
        int rounds = Integer.parseInt(args[4]);
        Properties config = new Properties();
        config.put("bootstrap.servers", args[0]);
        byte[] value = new byte[recordBytes];
        new java.util.Random(7).nextBytes(value);
        AtomicReference<Exception> failure = new AtomicReference<>();
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (int round = 0; round < rounds; round++) {
                long start = System.nanoTime();
                long records = 0;
                // The clock is read once in a while only.
                while (System.nanoTime() - start < roundNanos) {
                    for (int i = 0; i < 256; i++) {
                        producer.send(new ProducerRecord<>(topic, value), (metadata, error) -> {
                            if (error != null) failure.compareAndSet(null, error);
                        });
                    }
                    records += 256;
                }
                producer.flush();
                if (failure.get() != null) throw failure.get();
                double seconds = (System.nanoTime() - start) / 1e9;
                System.out.printf("%.3f %d%n", records * (double) recordBytes / 1e6 / seconds, records);
            }
        }
    }
}
