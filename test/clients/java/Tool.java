// Kafka's command-line tools, run inside this JVM as its shell scripts would run them: what a person reads, and the exit code.
// A tool that would end the JVM ends only its own run; what it does at the JVM's end is done then.

import java.io.*;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.common.utils.Exit;

final class Tool {
    record Result(String command, int code, String out, String err) {
        /** Ended well and said all of that. */
        Result says(String... texts) { return ends(0, texts); }

        Result ends(int wanted, String... texts) {
            if (code != wanted) throw new AssertionError(this + " ended with " + code + " instead of " + wanted);
            for (String text : texts) if (!flat().contains(text)) throw new AssertionError(this + " does not say: " + text);
            return this;
        }

        Result lacks(String... texts) {
            for (String text : texts) if (flat().contains(text)) throw new AssertionError(this + " says: " + text);
            return this;
        }

        /** All that was said, with one space between words: tables are padded by what else is in them. */
        String flat() { return (out + "\n" + err).replaceAll("[ \\t]+", " "); }

        @Override public String toString() {
            String said = flat().strip();
            return command + " | " + said.substring(0, Math.min(said.length(), 2000));
        }
    }

    private static final class Ended extends Error {
        Ended() { super("the tool ended", null, false, false); }
    }

    /** Where standard output goes at the moment; Scala remembers the first stream it sees, so that one must stay. */
    private static final class Switch extends OutputStream {
        volatile OutputStream target = OutputStream.nullOutputStream();
        @Override public void write(int b) throws IOException { target.write(b); }
        @Override public void write(byte[] bytes, int from, int length) throws IOException { target.write(bytes, from, length); }
    }

    private static final String TOOLS = "org.apache.kafka.tools.";
    private static final Map<String, String> MAIN = Map.ofEntries(
        Map.entry("kafka-acls", TOOLS + "AclCommand"),
        Map.entry("kafka-broker-api-versions", TOOLS + "BrokerApiVersionsCommand"),
        Map.entry("kafka-client-metrics", TOOLS + "ClientMetricsCommand"),
        Map.entry("kafka-cluster", TOOLS + "ClusterTool"),
        Map.entry("kafka-configs", "kafka.admin.ConfigCommand"),
        Map.entry("kafka-console-consumer", TOOLS + "consumer.ConsoleConsumer"),
        Map.entry("kafka-console-producer", TOOLS + "ConsoleProducer"),
        Map.entry("kafka-consumer-groups", TOOLS + "consumer.group.ConsumerGroupCommand"),
        Map.entry("kafka-consumer-perf-test", TOOLS + "ConsumerPerformance"),
        Map.entry("kafka-delete-records", TOOLS + "DeleteRecordsCommand"),
        Map.entry("kafka-features", TOOLS + "FeatureCommand"),
        Map.entry("kafka-get-offsets", TOOLS + "GetOffsetShell"),
        Map.entry("kafka-groups", TOOLS + "GroupsCommand"),
        Map.entry("kafka-leader-election", TOOLS + "LeaderElectionCommand"),
        Map.entry("kafka-log-dirs", TOOLS + "LogDirsCommand"),
        Map.entry("kafka-metadata-quorum", TOOLS + "MetadataQuorumCommand"),
        Map.entry("kafka-producer-perf-test", TOOLS + "ProducerPerformance"),
        Map.entry("kafka-reassign-partitions", TOOLS + "reassign.ReassignPartitionsCommand"),
        Map.entry("kafka-share-groups", TOOLS + "consumer.group.ShareGroupCommand"),
        Map.entry("kafka-streams-groups", TOOLS + "streams.StreamsGroupCommand"),
        Map.entry("kafka-topics", TOOLS + "TopicCommand"),
        Map.entry("kafka-transactions", TOOLS + "TransactionsCommand"),
        Map.entry("kafka-verifiable-consumer", TOOLS + "VerifiableConsumer"));

    private static final Switch out = new Switch();
    private static final Switch err = new Switch();
    private static final Deque<Runnable> atEnd = new ArrayDeque<>();

    static {
        System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
        Exit.setShutdownHookAdder((name, runnable) -> atEnd.add(runnable));
    }

    static Result run(String command) throws Exception { return run(command, ""); }

    /** A command line as it would be typed (words in '…' may have spaces), with what is typed into it. */
    static synchronized Result run(String command, String input) throws Exception {
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        ByteArrayOutputStream complained = new ByteArrayOutputStream();
        int[] code = { -1 };
        Exit.Procedure end = (status, message) -> {
            if (message != null && code[0] < 0) System.err.println(message);
            if (code[0] < 0) code[0] = status;
            tellTo(null, null); // Some tools catch their own end and complain of it.
            throw new Ended();
        };
        Exit.setExitProcedure(end);
        Exit.setHaltProcedure(end);
        System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
        tellTo(said, complained);
        try {
            List<String> words = words(command);
            String[] args = words.subList(1, words.size()).toArray(new String[0]);
            try {
                Class.forName(MAIN.get(words.get(0))).getMethod("main", String[].class).invoke(null, (Object) args);
            } catch (InvocationTargetException thrown) {
                if (!(thrown.getCause() instanceof Ended)) {
                    thrown.getCause().printStackTrace();
                    if (code[0] < 0) code[0] = 1;
                }
            }
            tellTo(said, complained);
            while (!atEnd.isEmpty()) atEnd.remove().run();
        } finally {
            tellTo(null, null);
            atEnd.clear();
        }
        return new Result(command, Math.max(code[0], 0), said.toString(StandardCharsets.UTF_8), complained.toString(StandardCharsets.UTF_8));
    }

    private static void tellTo(OutputStream said, OutputStream complained) {
        System.out.flush();
        System.err.flush();
        out.target = said == null ? OutputStream.nullOutputStream() : said;
        err.target = complained == null ? OutputStream.nullOutputStream() : complained;
    }

    private static List<String> words(String command) {
        List<String> words = new ArrayList<>();
        var matcher = java.util.regex.Pattern.compile("'([^']*)'|(\\S+)").matcher(command);
        while (matcher.find()) words.add(matcher.group(1) != null ? matcher.group(1) : matcher.group(2));
        return words;
    }
}
