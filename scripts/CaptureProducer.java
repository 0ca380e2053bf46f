import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Produces the lines of its input, key and value parted by a tab, as one batch. Arguments: bootstrap server, topic, codec. */
public class CaptureProducer {
  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", arguments[0]);
    properties.put("compression.type", arguments[2]);
    properties.put("linger.ms", "2000");
    properties.put("batch.size", "2000000");
    properties.put("enable.idempotence", "false");
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(properties, new StringSerializer(), new StringSerializer());
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] parts = line.split("\t", 2);
        producer.send(new ProducerRecord<>(arguments[1], 0, parts[0], parts[1]));
      }
    }
  }
}
