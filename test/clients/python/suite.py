"""Python's three clients with default settings: confluent-kafka (librdkafka), aiokafka and kafka-python.

Prints 'ok - title' or 'not ok - title: reason' per case. Run: python suite.py <bootstrap>
"""

import asyncio
import time

import aiokafka
import confluent_kafka
import kafka
import kafka.admin

import admin
from cases import BOOTSTRAP, check, create, done, expect, topic


def confluent_read(consumer, count, seconds=40):
    got, end = [], time.monotonic() + seconds
    while len(got) < count and time.monotonic() < end:
        message = consumer.poll(0.2)
        if message is not None and message.error() is None:
            got.append(message)
    return got


def confluent_group():
    name = topic("confluent")
    create(name, 3)
    producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP})
    offsets = []
    for i in range(3000):
        producer.produce(name, key=str(i), value=f"v{i}", on_delivery=lambda error, message: offsets.append((error, message.partition(), message.offset())))
        producer.poll(0)
    expect(0, producer.flush(30))
    expect(3000, len({(partition, offset) for error, partition, offset in offsets if error is None}))
    consumer = confluent_kafka.Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": name, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    expect(3000, len({message.value() for message in confluent_read(consumer, 3000)}))
    consumer.commit(asynchronous=False)
    committed = consumer.committed([confluent_kafka.TopicPartition(name, p) for p in range(3)], timeout=20)
    expect(3000, sum(p.offset for p in committed))
    consumer.close()


def confluent_idempotent():
    name = topic("idempotent")
    create(name, 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP, "enable.idempotence": True, "linger.ms": 0})
    for i in range(2000):
        producer.produce(name, value=str(i))
        producer.poll(0)
    expect(0, producer.flush(30))
    consumer = confluent_kafka.Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": name + "-x", "enable.partition.eof": False})
    consumer.assign([confluent_kafka.TopicPartition(name, 0, confluent_kafka.OFFSET_BEGINNING)])
    values = [int(message.value()) for message in confluent_read(consumer, 2000)]
    expect(list(range(2000)), values)
    expect((0, 2000), consumer.get_watermark_offsets(confluent_kafka.TopicPartition(name, 0), timeout=10))
    consumer.close()


def confluent_codecs():
    for codec in ["gzip", "snappy", "lz4", "zstd"]:
        name = topic("confluent-" + codec)
        create(name, 1)
        producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP, "compression.type": codec, "linger.ms": 20})
        for i in range(300):
            producer.produce(name, value="lorem ipsum " * 20 + str(i), timestamp=1_700_000_000_000 + i)
        expect(0, producer.flush(30))
        consumer = confluent_kafka.Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": name})
        found = consumer.offsets_for_times([confluent_kafka.TopicPartition(name, 0, 1_700_000_000_150)], timeout=20)
        expect(150, found[0].offset)
        consumer.assign([confluent_kafka.TopicPartition(name, 0, 150)])
        expect(150, len(confluent_read(consumer, 150)))
        consumer.close()


def confluent_auto_create():
    name = topic("auto")
    producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP})
    errors = []
    producer.produce(name, value="first", on_delivery=lambda error, message: errors.append(error))
    expect(0, producer.flush(30))
    expect([None], errors)


def aiokafka_suite():
    async def main():
        name = topic("aiokafka")
        create(name, 2)
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, enable_idempotence=True)
        await producer.start()
        try:
            await asyncio.gather(*[await producer.send(name, f"v{i}".encode(), key=str(i).encode()) for i in range(500)])
        finally:
            await producer.stop()
        consumer = aiokafka.AIOKafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=name, auto_offset_reset="earliest")
        await consumer.start()
        try:
            got = set()
            async def read():
                async for message in consumer:
                    got.add(message.value)
                    if len(got) == 500:
                        return
            await asyncio.wait_for(read(), 40)
            await consumer.commit()
            position = sum([await consumer.committed(aiokafka.TopicPartition(name, p)) or 0 for p in range(2)])
            expect(500, position)
        finally:
            await consumer.stop()

    asyncio.run(main())


def kafka_python_suite():
    name = topic("kafka-python")
    client = kafka.admin.KafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    client.create_topics([kafka.admin.NewTopic(name, num_partitions=2, replication_factor=1)])
    client.close()
    producer = kafka.KafkaProducer(bootstrap_servers=BOOTSTRAP)
    futures = [producer.send(name, f"v{i}".encode(), headers=[("h", b"\x00")]) for i in range(200)]
    for future in futures:
        future.get(20)
    producer.close()
    consumer = kafka.KafkaConsumer(name, bootstrap_servers=BOOTSTRAP, group_id=name, auto_offset_reset="earliest", consumer_timeout_ms=20_000)
    got = set()
    for message in consumer:
        got.add(message.value)
        expect([("h", b"\x00")], list(message.headers))
        if len(got) == 200:
            break
    consumer.commit()
    consumer.close()
    expect(200, len(got))


check("confluent-kafka: default producer, consumer group and commit", confluent_group)
check("confluent-kafka: an idempotent producer keeps the order", confluent_idempotent)
check("confluent-kafka: every codec, times and seeking", confluent_codecs)
check("confluent-kafka: a topic is created by the first produce", confluent_auto_create)
check("aiokafka: idempotent producer and consumer group", aiokafka_suite)
check("kafka-python: admin, producer and consumer group", kafka_python_suite)
admin.cases()
done()
