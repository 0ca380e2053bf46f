// kafka-configs: topics, brokers, groups and clients; what is set is shown, with where it comes from.

final class ConfigTools extends Tools {
    private static final String CONFIGS = "kafka-configs --entity-type ";

    static void cases() {
        check("kafka-configs sets, shows and removes configs of a topic", ConfigTools::topics);
        check("kafka-configs refuses unknown configs, wrong values and unknown topics", ConfigTools::refusals);
        check("kafka-configs changes a topic's default for the whole cluster and back", ConfigTools::brokers);
        check("kafka-configs sets, shows and removes configs of a group", ConfigTools::groups);
        check("kafka-configs sets, shows and removes quotas of clients", ConfigTools::clients);
        check("kafka-configs shows loggers and client metrics without an error", ConfigTools::others);
    }

    static void topics() throws Exception {
        String topic = topic("configs");
        create(topic, 1);
        String entity = CONFIGS + "topics --entity-name " + topic;
        tool(entity + " --describe").says("Dynamic configs for topic " + topic + " are:").lacks("retention.ms");
        tool(entity + " --alter --add-config retention.ms=5000,cleanup.policy=[compact,delete]").says("Completed updating config for topic " + topic + ".");
        tool(entity + " --describe").says(
            "cleanup.policy=compact,delete sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, DEFAULT_CONFIG:log.cleanup.policy=delete}",
            "retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000");
        tool("kafka-configs --describe --topic " + topic).says("retention.ms=5000");
        tool(CONFIGS + "topics --describe").says("Dynamic configs for topic " + topic + " are:\n cleanup.policy=compact,delete");
        tool(entity + " --describe --all").says("All configs for topic " + topic + " are:",
            "max.message.bytes=1048588 sensitive=false synonyms={DEFAULT_CONFIG:message.max.bytes=1048588}",
            "segment.bytes=1073741824", "min.insync.replicas=1");
        tool(entity + " --alter --add-config cleanup.policy=delete --delete-config retention.ms").says("Completed");
        tool(entity + " --describe").says("cleanup.policy=delete sensitive").lacks("retention.ms");
    }

    static void refusals() throws Exception {
        String topic = topic("config-errors");
        create(topic, 1);
        String alter = CONFIGS + "topics --alter --entity-name " + topic;
        tool(alter + " --add-config bogus=1").ends(1, "Unknown topic config name: bogus");
        tool(alter + " --add-config retention.ms=x").ends(1, "Invalid value x for configuration retention.ms: Not a number of type LONG");
        tool(alter + " --add-config cleanup.policy=shred").ends(1, "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete");
        tool(CONFIGS + "topics --alter --entity-name not-there --add-config retention.ms=1").ends(1, "The topic 'not-there' does not exist");
        tool(CONFIGS + "topics --describe --entity-name not-there").says("The topic 'not-there' doesn't exist");
        String brokers = CONFIGS + "brokers --entity-default --alter --add-config ";
        tool(brokers + "broker.id=3").ends(1, "Cannot update these configs dynamically");
        tool(brokers + "message.max.bytes=abc").ends(1, "message.max.bytes");
    }

    static void brokers() throws Exception {
        String topic = topic("defaults");
        create(topic, 1);
        String described = CONFIGS + "topics --describe --all --entity-name " + topic;
        String cluster = CONFIGS + "brokers --entity-default";
        tool(CONFIGS + "brokers --describe --entity-name " + node()).says("Dynamic configs for broker " + node() + " are:");
        tool(CONFIGS + "brokers --describe --all --entity-name " + node()).says("All configs for broker " + node() + " are:", "num.partitions=4");
        tool(CONFIGS + "brokers --describe --entity-name 77").says("The broker '77' doesn't exist");
        tool(cluster + " --alter --add-config log.retention.ms=7777777").says("Completed updating default config for brokers in the cluster.");
        tool(cluster + " --describe").says("log.retention.ms=7777777");
        tool(described).says("retention.ms=7777777 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=7777777");
        tool(cluster + " --alter --delete-config log.retention.ms").says("Completed");
        eventually("the default is Kafka's again", () -> tool(described).says().flat().contains(" retention.ms=604800000"));
    }

    static void groups() throws Exception {
        String group = topic("configured");
        String entity = CONFIGS + "groups --entity-name " + group;
        tool(entity + " --alter --add-config consumer.session.timeout.ms=50000").says("Completed updating config for group " + group + ".");
        tool(entity + " --describe").says("consumer.session.timeout.ms=50000");
        tool(CONFIGS + "groups --describe").says("Dynamic configs for group " + group + " are:\n consumer.session.timeout.ms=50000");
        tool(entity + " --alter --add-config consumer.session.timeout.ms=5").ends(1, "consumer.session.timeout.ms");
        tool(entity + " --alter --add-config bogus=5").ends(1, "Unknown group config name: bogus");
        tool(entity + " --alter --delete-config consumer.session.timeout.ms").says("Completed");
        tool(CONFIGS + "groups --describe").says().lacks(group);
    }

    static void clients() throws Exception {
        if (!serves("AlterClientQuotas")) {
            tool(CONFIGS + "clients --describe").ends(1, "does not support DESCRIBE_CLIENT_QUOTAS");
            return;
        }
        String client = topic("client");
        String entity = CONFIGS + "clients --entity-name " + client;
        tool(entity + " --alter --add-config producer_byte_rate=1024000,consumer_byte_rate=2048000").says("Completed updating config for client " + client + ".");
        tool(entity + " --describe").says("Quota configs for client-id '" + client + "' are ", "producer_byte_rate=1024000.0", "consumer_byte_rate=2048000.0");
        tool(CONFIGS + "clients --describe").says("client-id '" + client + "'");
        tool(entity + " --alter --delete-config producer_byte_rate").says("Completed");
        tool(entity + " --describe").says("consumer_byte_rate=2048000.0").lacks("producer_byte_rate");
        tool(entity + " --alter --delete-config consumer_byte_rate").says("Completed");
        tool(CONFIGS + "clients --describe").says().lacks(client);
        tool(CONFIGS + "clients --entity-default --alter --add-config request_percentage=1000").says("Completed updating default config for clients in the cluster.");
        tool(CONFIGS + "clients --describe").says("Quota configs for the default client-id are request_percentage=1000.0");
        tool(CONFIGS + "clients --entity-default --alter --delete-config request_percentage").says("Completed");
        tool(CONFIGS + "users --entity-default --alter --add-config request_percentage=1000").says("Completed");
        tool(CONFIGS + "users --describe").ends(0, "Quota configs for the default user-principal are request_percentage=1000.0");
        tool(CONFIGS + "users --entity-default --alter --delete-config request_percentage").says("Completed");
    }

    static void others() throws Exception {
        tool(CONFIGS + "broker-loggers --describe --entity-name " + node()).says("Dynamic configs for broker-logger " + node() + " are:");
        tool(CONFIGS + "client-metrics --describe").says();
        tool("kafka-client-metrics --list").says();
        tool("kafka-client-metrics --describe").says();
    }
}
