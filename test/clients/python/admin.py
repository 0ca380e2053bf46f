"""The admin clients of confluent-kafka (librdkafka), aiokafka and kafka-python: each of their functions, and its refusal where it has one."""

import asyncio

import aiokafka
import aiokafka.admin
import confluent_kafka as confluent
import confluent_kafka.admin as librdkafka
import kafka
import kafka.admin
import kafka.errors
from confluent_kafka import KafkaError, KafkaException

from cases import BOOTSTRAP, check, create, eventually, expect, produce, refused, topic


def only(futures):
    """The result of the only future there is."""
    (future,) = futures.values() if isinstance(futures, dict) else [futures]
    return future.result(20)


def code(call):
    return refused(call, KafkaException).args[0].code()


def confluent_admin():
    return librdkafka.AdminClient({"bootstrap.servers": BOOTSTRAP})


def confluent_topics():
    admin, name = confluent_admin(), topic("c-topics")
    expect(None, only(admin.create_topics([librdkafka.NewTopic(name, 2, 1, config={"retention.ms": "5000"})])))
    expect(KafkaError.TOPIC_ALREADY_EXISTS, code(lambda: only(admin.create_topics([librdkafka.NewTopic(name, 2, 1)]))))
    expect(None, only(admin.create_topics([librdkafka.NewTopic(name + "-never", 1, 1)], validate_only=True)))
    listed = admin.list_topics(timeout=20)
    assert name in listed.topics and name + "-never" not in listed.topics
    expect({0, 1}, set(listed.topics[name].partitions))
    expect(None, only(admin.create_partitions([librdkafka.NewPartitions(name, 4)])))
    expect(KafkaError.INVALID_PARTITIONS, code(lambda: only(admin.create_partitions([librdkafka.NewPartitions(name, 3)]))))
    described = only(admin.describe_topics(confluent.TopicCollection([name]), include_authorized_operations=True))
    expect((name, False, 4), (described.name, described.is_internal, len(described.partitions)))
    expect([described.partitions[0].leader.id], [node.id for node in described.partitions[0].isr])
    assert described.authorized_operations
    expect(KafkaError.UNKNOWN_TOPIC_OR_PART, code(lambda: only(admin.describe_topics(confluent.TopicCollection(["not-there"])))))
    expect(None, only(admin.delete_topics([name])))
    expect(KafkaError.UNKNOWN_TOPIC_OR_PART, code(lambda: only(admin.delete_topics([name]))))


def confluent_configs():
    admin, name = confluent_admin(), topic("c-configs")
    create(name, 1)

    def resource(**entries):
        return librdkafka.ConfigResource(librdkafka.ResourceType.TOPIC, name, **entries)

    def altered(key, operation, value):
        entry = librdkafka.ConfigEntry(key, value, incremental_operation=operation)
        return lambda: only(admin.incremental_alter_configs([resource(incremental_configs=[entry])]))

    altered("cleanup.policy", librdkafka.AlterConfigOpType.APPEND, "compact")()
    altered("max.message.bytes", librdkafka.AlterConfigOpType.SET, "9999")()
    configs = only(admin.describe_configs([resource()]))
    expect("delete,compact", configs["cleanup.policy"].value)
    entry = configs["max.message.bytes"]
    expect(("9999", librdkafka.ConfigSource.DYNAMIC_TOPIC_CONFIG.value, False), (entry.value, entry.source, entry.is_read_only))
    expect({"max.message.bytes", "message.max.bytes"}, set(entry.synonyms))
    altered("max.message.bytes", librdkafka.AlterConfigOpType.DELETE, None)()
    expect(True, only(admin.describe_configs([resource()]))["max.message.bytes"].is_default)
    expect(KafkaError.INVALID_CONFIG, code(altered("retention.ms", librdkafka.AlterConfigOpType.SET, "soon")))
    only(admin.alter_configs([resource(set_config={"retention.ms": "7000"})]))
    configs = only(admin.describe_configs([resource()]))
    expect(("7000", "delete"), (configs["retention.ms"].value, configs["cleanup.policy"].value))
    node = next(iter(admin.list_topics(timeout=20).brokers))
    broker = only(admin.describe_configs([librdkafka.ConfigResource(librdkafka.ResourceType.BROKER, str(node))]))
    expect("4", broker["num.partitions"].value)


def confluent_offsets():
    admin, name = confluent_admin(), topic("c-offsets")
    create(name, 1)
    produce(name, ["a", "b", "c", "d"])
    place = confluent.TopicPartition(name, 0)

    def offset(spec):
        return only(admin.list_offsets({place: spec})).offset

    expect(0, offset(librdkafka.OffsetSpec.earliest()))
    expect(4, offset(librdkafka.OffsetSpec.latest()))
    expect(3, offset(librdkafka.OffsetSpec.max_timestamp()))
    expect(2, offset(librdkafka.OffsetSpec.for_timestamp(1_700_000_000_002)))
    expect(3, only(admin.delete_records([confluent.TopicPartition(name, 0, 3)])).low_watermark)
    expect(3, offset(librdkafka.OffsetSpec.earliest()))
    expect(KafkaError.OFFSET_OUT_OF_RANGE, code(lambda: only(admin.delete_records([confluent.TopicPartition(name, 0, 9)]))))
    elected = only(admin.elect_leaders(confluent.ElectionType.PREFERRED, [place]))
    expect(KafkaError.ELECTION_NOT_NEEDED, elected[place].code())


def confluent_groups(protocol):
    admin, name = confluent_admin(), topic("c-groups-" + protocol)
    create(name, 2)
    produce(name, ["a", "b"])
    consumer = confluent.Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": name, "client.id": "reader", "group.protocol": protocol, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    got = []

    def read():
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            got.append(message)
        return len(got) == 2 and len(consumer.assignment()) == 2

    eventually("both are read", read)
    consumer.commit(asynchronous=False)

    def listed(**filters):
        return {group.group_id: group for group in admin.list_consumer_groups(**filters).result(20).valid}

    kind = confluent.ConsumerGroupType.CLASSIC if protocol == "classic" else confluent.ConsumerGroupType.CONSUMER
    eventually("the group is stable", lambda: name in listed(states={confluent.ConsumerGroupState.STABLE}))
    expect(kind, listed()[name].type)
    assert name not in listed(states={confluent.ConsumerGroupState.EMPTY})
    assert name in {group.id for group in admin.list_groups(timeout=20)}
    described = only(admin.describe_consumer_groups([name], include_authorized_operations=True))
    expect((confluent.ConsumerGroupState.STABLE, 1), (described.state, len(described.members)))
    (member,) = described.members
    expect(("reader", 2), (member.client_id, len(member.assignment.topic_partitions)))
    assert member.host == "/127.0.0.1", member.host
    group = confluent.ConsumerGroupTopicPartitions(name, [confluent.TopicPartition(name, p) for p in range(2)])
    offsets = only(admin.list_consumer_group_offsets([group])).topic_partitions
    expect([2, -1001], sorted((each.offset for each in offsets), reverse=True))
    moved = confluent.ConsumerGroupTopicPartitions(name, [confluent.TopicPartition(name, 0, 1)])
    expect(KafkaError.UNKNOWN_MEMBER_ID, only(admin.alter_consumer_group_offsets([moved])).topic_partitions[0].error.code())
    expect(KafkaError.NON_EMPTY_GROUP, code(lambda: only(admin.delete_consumer_groups([name]))))
    consumer.close()
    eventually("the group is empty", lambda: name in listed(states={confluent.ConsumerGroupState.EMPTY}))
    only(admin.alter_consumer_group_offsets([moved]))
    expect(1, only(admin.list_consumer_group_offsets([confluent.ConsumerGroupTopicPartitions(name)])).topic_partitions[0].offset)
    only(admin.delete_consumer_groups([name]))
    expect(KafkaError.GROUP_ID_NOT_FOUND, code(lambda: only(admin.delete_consumer_groups([name]))))


def confluent_cluster():
    admin = confluent_admin()
    cluster = only(admin.describe_cluster(include_authorized_operations=True))
    assert cluster.cluster_id and cluster.controller.id in {node.id for node in cluster.nodes}
    expect(BOOTSTRAP, f"{cluster.nodes[0].host}:{cluster.nodes[0].port}")


def aiokafka_admin():
    asyncio.run(aiokafka_main())


async def aiokafka_main():
    name = topic("aio-admin")
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    try:
        await admin.create_topics([aiokafka.admin.NewTopic(name, 2, 1, topic_configs={"retention.ms": "5000"})])
        assert name in await admin.list_topics()
        await admin.create_partitions({name: aiokafka.admin.NewPartitions(3)})
        (described,) = await admin.describe_topics([name])
        expect((0, name, 3), (described["error_code"], described["topic"], len(described["partitions"])))
        cluster = await admin.describe_cluster()
        assert cluster["cluster_id"] and cluster["controller_id"] in {broker["node_id"] for broker in cluster["brokers"]}
        resource = aiokafka.admin.config_resource.ConfigResource("topic", name, configs={"retention.ms": "7000"})
        await admin.alter_configs([resource])
        (configs,) = await admin.describe_configs([aiokafka.admin.config_resource.ConfigResource("topic", name, configs={"retention.ms": None})])
        expect("7000", configs.resources[0][4][0][1])
        produce(name, ["a", "b", "c"])
        place = aiokafka.TopicPartition(name, 0)
        expect({place: 2}, await admin.delete_records({place: aiokafka.admin.RecordsToDelete(before_offset=2)}))
        consumer = aiokafka.AIOKafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=name, auto_offset_reset="earliest", enable_auto_commit=False)
        await consumer.start()
        try:
            message = await asyncio.wait_for(consumer.getone(), 40)
            expect((b"c", 2), (message.value, message.offset))
            await consumer.commit({place: 3})
            (groups,) = await admin.describe_consumer_groups([name])
            expect((0, name, "Stable"), tuple(groups.groups[0][:3]))
        finally:
            await consumer.stop()
        assert (name, "consumer") in [tuple(group[:2]) for group in await admin.list_consumer_groups()]
        assert await admin.find_coordinator(name) in {broker["node_id"] for broker in cluster["brokers"]}
        expect(3, (await admin.list_consumer_group_offsets(name))[place].offset)
        await admin.delete_topics([name])
        assert name not in await admin.list_topics()
    finally:
        await admin.close()


def kafka_python_admin():
    admin = kafka.admin.KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    try:
        kafka_python_topics(admin)
        kafka_python_groups(admin)
        kafka_python_cluster(admin)
    finally:
        admin.close()


def kafka_python_topics(admin):
    name = topic("kp-admin")
    admin.create_topics([kafka.admin.NewTopic(name, num_partitions=2, replication_factor=1)], wait_for_metadata=True)
    refused(lambda: admin.create_topics([kafka.admin.NewTopic(name, num_partitions=2, replication_factor=1)]), kafka.errors.TopicAlreadyExistsError)
    assert name in admin.list_topics()
    admin.create_partitions({name: kafka.admin.NewPartitions(3)})
    refused(lambda: admin.create_partitions({name: kafka.admin.NewPartitions(2)}), kafka.errors.InvalidPartitionsError)
    expect(3, len(admin.describe_topics([name])[0]["partitions"]))
    expect(3, len(admin.describe_topic_partitions([name])["topics"][0]["partitions"]))
    resource = kafka.admin.ConfigResourceType.TOPIC
    admin.alter_configs([kafka.admin.ConfigResource(resource, name, configs={"retention.ms": "7000"})])
    expect("7000", admin.describe_configs([kafka.admin.ConfigResource(resource, name)])["topic"][name]["retention.ms"]["value"])
    admin.reset_configs([kafka.admin.ConfigResource(resource, name, configs=["retention.ms"])])
    expect({}, admin.describe_configs([kafka.admin.ConfigResource(resource, name)])["topic"].get(name, {}))
    produce(name, ["a", "b", "c"])
    place = kafka.TopicPartition(name, 0)
    expect(2, admin.delete_records({place: 2})[place]["low_watermark"])
    refused(lambda: admin.delete_records({place: 9}), kafka.errors.OffsetOutOfRangeError)
    expect(3, admin.list_partition_offsets({place: kafka.admin.OffsetSpec.LATEST})[place].offset)
    expect(2, admin.list_partition_offsets({place: kafka.admin.OffsetSpec.EARLIEST})[place].offset)
    elected = admin.elect_leaders(0, {name: [0]}).replica_election_results[0].partition_result[0]
    expect(kafka.errors.ElectionNotNeededError.errno, elected.error_code)
    assert admin.describe_log_dirs()
    expect({}, dict(admin.list_partition_reassignments({name: [0]})))
    assert admin.describe_producers([place])
    admin.delete_topics([name])
    refused(lambda: admin.delete_topics([name]), kafka.errors.UnknownTopicOrPartitionError)


def kafka_python_groups(admin):
    name = topic("kp-groups")
    create(name, 1)
    produce(name, ["a", "b"])
    consumer = kafka.KafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=name, auto_offset_reset="earliest", consumer_timeout_ms=40_000)
    next(iter(consumer))
    expect("Stable", admin.describe_groups([name])[name]["group_state"])
    assert name in {group["group_id"] for group in admin.list_groups(states_filter=["Stable"])}
    expect({name: "NonEmptyGroupError"}, admin.delete_groups([name]))
    consumer.close()
    place = kafka.TopicPartition(name, 0)
    admin.alter_group_offsets(name, {place: kafka.OffsetAndMetadata(1, "here", -1)})
    expect((1, "here"), tuple(admin.list_group_offsets({name: [place]})[name][place])[:2])
    admin.reset_group_offsets(name, {place: kafka.admin.OffsetSpec.LATEST})
    expect(2, admin.list_group_offsets({name: [place]})[name][place].offset)
    admin.delete_group_offsets(name, [place])
    admin.alter_group_offsets(name, {place: kafka.OffsetAndMetadata(1, "", -1)})
    expect({name: "OK"}, admin.delete_groups([name]))
    expect({name: "GroupIdNotFoundError"}, admin.delete_groups([name]))


def kafka_python_cluster(admin):
    cluster = admin.describe_cluster()
    assert cluster["cluster_id"] and cluster["brokers"]
    expect((1, 1), admin.describe_features()["group.version"]["finalized"])
    (quorum,) = admin.describe_metadata_quorum()["topics"][0]["partitions"]
    assert quorum["leader_id"] in {voter["replica_id"] for voter in quorum["current_voters"]}
    assert admin.list_config_resources()["broker"]


def cases():
    check("confluent-kafka admin: topics are created, described, grown and deleted", confluent_topics)
    check("confluent-kafka admin: configs are described and altered", confluent_configs)
    check("confluent-kafka admin: offsets are listed, records deleted, leaders in office", confluent_offsets)
    for protocol in ["classic", "consumer"]:
        check(f"confluent-kafka admin: {protocol} groups are listed, described, moved and deleted", lambda protocol=protocol: confluent_groups(protocol))
    check("confluent-kafka admin: the cluster is described", confluent_cluster)
    check("aiokafka admin: topics, configs, records, groups", aiokafka_admin)
    check("kafka-python admin: topics, configs, records, groups, cluster", kafka_python_admin)
