// Kafka's command-line tools: each says what a person at a real Kafka would read, and ends with the same exit code.
// Everything runs in one JVM, one tool after the other. Run: java -cp 'classes:lib/*' Tools <bootstrap>

import java.nio.file.*;
import java.util.*;
import java.util.regex.*;

public class Tools extends Cases {
    public static void main(String[] args) throws Exception {
        begin("tools", args);
        TopicTools.cases();
        ConfigTools.cases();
        RecordTools.cases();
        GroupTools.cases();
        ClusterTools.cases();
        done();
    }

    /** Runs a tool against the cluster. */
    static Tool.Result tool(String command) throws Exception { return type("", command); }

    static Tool.Result type(String input, String command) throws Exception {
        return Tool.run(command + " --bootstrap-server " + bootstrap, input);
    }

    static String file(String suffix, String text) throws Exception {
        Path path = Files.createTempFile("tools", suffix);
        path.toFile().deleteOnExit();
        return Files.writeString(path, text).toString();
    }

    /** The only match of a pattern's first group in what a tool said. */
    static String found(String pattern, Tool.Result result) {
        Matcher matcher = Pattern.compile(pattern).matcher(result.flat());
        if (!matcher.find()) throw new AssertionError(result + " does not match " + pattern);
        return matcher.group(1);
    }

    static boolean serves(String api) throws Exception {
        return !tool("kafka-broker-api-versions").says(api + "(").flat().matches("(?s).*" + api + "\\(\\d+\\): UNSUPPORTED.*");
    }

    /** The id of the first broker; the comparison broker's is another than ours. */
    static String node() throws Exception { return found("\\(id: (\\d+) ", tool("kafka-broker-api-versions")); }

    static void produce(String topic, String... lines) throws Exception {
        type(String.join("\n", lines) + "\n", "kafka-console-producer --topic " + topic).says();
    }
}
