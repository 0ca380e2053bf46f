// What the suites in Java share: one line per case on standard output, and short ways to make clients with their defaults.

import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.serialization.*;

abstract class Cases {
    interface Case { void run() throws Exception; }
    interface Condition { boolean holds() throws Exception; }

    static final String run = Long.toString(System.nanoTime(), 36);
    private static final PrintStream out = System.out;
    private static String suite;
    private static final AtomicInteger failed = new AtomicInteger();
    static String bootstrap;

    static void begin(String name, String[] args) {
        suite = name;
        bootstrap = args[0];
    }

    /** Tells the runner that the suite came to its end. */
    static void done() {
        out.println("# done");
        Runtime.getRuntime().halt(failed.get() == 0 ? 0 : 1);
    }

    static void check(String title, Case body) {
        ExecutorService executor = Executors.newSingleThreadExecutor();
        try {
            executor.submit(() -> { body.run(); return null; }).get(90, TimeUnit.SECONDS);
            out.println("ok - " + suite + ": " + title);
        } catch (Throwable error) {
            Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
            failed.incrementAndGet();
            out.println("not ok - " + suite + ": " + title + ": " + cause.toString().replace('\n', ' '));
        } finally {
            executor.shutdownNow();
        }
    }

    /** Cases that mostly wait, side by side. */
    static void together(Runnable... checks) {
        List<Thread> threads = Arrays.stream(checks).map(Thread::new).toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            try { thread.join(); } catch (InterruptedException error) { throw new IllegalStateException(error); }
        }
    }

    static void expect(Object wanted, Object got) {
        if (!Objects.equals(wanted, got)) throw new AssertionError("expected " + wanted + ", got " + got);
    }

    static Properties properties(String... pairs) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        for (int i = 0; i < pairs.length; i += 2) properties.put(pairs[i], pairs[i + 1]);
        return properties;
    }

    static KafkaProducer<String, String> producer(String... pairs) {
        return new KafkaProducer<>(properties(pairs), new StringSerializer(), new StringSerializer());
    }

    static KafkaConsumer<String, String> consumer(String... pairs) {
        return new KafkaConsumer<>(properties(pairs), new StringDeserializer(), new StringDeserializer());
    }

    static String topic(String name) { return suite + "-" + name + "-" + run; }

    static void create(String name, int partitions) throws Exception {
        try (Admin admin = Admin.create(properties())) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get();
        }
    }

    static List<ConsumerRecord<String, String>> read(KafkaConsumer<String, String> consumer, int count) {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(40);
        while (records.size() < count && System.nanoTime() < end) consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        return records;
    }

    static List<ConsumerRecord<String, String>> readAll(String topic, int partitions, int count) {
        try (KafkaConsumer<String, String> consumer = consumer()) {
            List<TopicPartition> all = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            return read(consumer, count);
        }
    }

    /** When it does not come to pass, those who should have brought it about are shown. */
    static void eventually(String what, Condition condition, Object... who) throws Exception {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!condition.holds()) {
            if (System.nanoTime() > end) throw new AssertionError("not within a minute: " + what + " " + Arrays.toString(who));
            Thread.sleep(50);
        }
    }

    /** Another JVM with the same classes. */
    static ProcessBuilder java(String... command) {
        List<String> line = new ArrayList<>(List.of("java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", System.getProperty("java.class.path")));
        line.addAll(List.of(command));
        return new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.DISCARD);
    }

    /** What a program said that ended well. */
    static String process(String input, String... command) throws Exception {
        Process process = java(command).start();
        try (var stream = process.getOutputStream()) { stream.write(input.getBytes(StandardCharsets.UTF_8)); }
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (!process.waitFor(60, TimeUnit.SECONDS)) throw new AssertionError("did not end");
        expect(0, process.exitValue());
        return output;
    }
}
