"""Transactions of librdkafka (confluent-kafka) and aiokafka, with their default settings.

Prints 'ok - title' or 'not ok - title: reason' per case. Run: python transactions.py <bootstrap>
"""

import asyncio
import sys
import time
import traceback

import aiokafka
import confluent_kafka
import confluent_kafka.admin

BOOTSTRAP = sys.argv[1]
RUN = f"{time.time_ns():x}"
failed = 0


def topic(name):
    return f"py-{name}-{RUN}"


def check(title, body):
    global failed
    try:
        body()
        print(f"ok - python: {title}", flush=True)
    except BaseException as error:  # noqa: BLE001
        failed += 1
        traceback.print_exc()
        print(f"not ok - python: {title}: {error!r}", flush=True)


def expect(wanted, got):
    assert wanted == got, f"expected {wanted!r}, got {got!r}"


def create(name, partitions):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": BOOTSTRAP})
    for future in admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1)]).values():
        future.result(20)


def transactional(name, **more):
    settings = {key.replace("_", "."): value for key, value in more.items()}
    producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP, "transactional.id": name, **settings})
    producer.init_transactions(30)
    return producer


def values(name, partitions, isolation="read_committed"):
    """All there is, up to the end as this isolation level sees it."""
    consumer = confluent_kafka.Consumer(
        {"bootstrap.servers": BOOTSTRAP, "group.id": name, "isolation.level": isolation, "enable.auto.commit": False, "enable.partition.eof": True}
    )
    consumer.assign([confluent_kafka.TopicPartition(name, p, confluent_kafka.OFFSET_BEGINNING) for p in range(partitions)])
    got, ended, deadline = [], set(), time.monotonic() + 40
    while len(ended) < partitions:
        assert time.monotonic() < deadline, "not at the end after 40 s"
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error() is None:
            got.append(message.value().decode())
        else:
            expect(confluent_kafka.KafkaError._PARTITION_EOF, message.error().code())
            ended.add(message.partition())
    consumer.close()
    return sorted(got)


def expect_soon(wanted, name, partitions):
    deadline = time.monotonic() + 20
    while (got := values(name, partitions)) != sorted(wanted) and time.monotonic() < deadline:
        time.sleep(0.05)
    expect(sorted(wanted), got)


def commit_and_abort():
    name = topic("txn")
    create(name, 3)
    producer = transactional(name)
    wanted = []
    for i in range(40):
        producer.begin_transaction()
        for n in range(6):
            producer.produce(name, partition=n % 3, value=f"{i}-{n}")
        if i % 4 == 3:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            wanted += [f"{i}-{n}" for n in range(6)]
    expect_soon(wanted, name, 3)


def fencing():
    name = topic("fenced")
    create(name, 1)
    zombie = transactional(name)
    zombie.begin_transaction()
    zombie.produce(name, value="zombie")
    zombie.flush(10)
    producer = transactional(name)
    producer.begin_transaction()
    producer.produce(name, value="alive")
    producer.commit_transaction(30)
    try:
        zombie.commit_transaction(30)
        raise AssertionError("the zombie committed")
    except confluent_kafka.KafkaException as error:
        assert error.args[0].fatal(), error
    expect_soon(["alive"], name, 1)


def loop():
    source, target = topic("from"), topic("to")
    create(source, 2)
    create(target, 1)
    plain = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP})
    wanted = [f"v{i}" for i in range(200)]
    for value in wanted:
        plain.produce(source, key=value, value=value)
    expect(0, plain.flush(30))
    settings = {"bootstrap.servers": BOOTSTRAP, "group.id": source, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    producer = transactional(target)
    moved, attempt, deadline = 0, 0, time.monotonic() + 80
    while moved < len(wanted):
        assert time.monotonic() < deadline, f"moved {moved} in 80 s"
        consumer = confluent_kafka.Consumer(settings)
        consumer.subscribe([source])
        for _ in range(100):
            messages = [message for message in consumer.consume(20, 1.0) if message.error() is None]
            if moved == len(wanted):
                break
            if not messages:
                continue
            attempt += 1
            producer.begin_transaction()
            for message in messages:
                producer.produce(target, value=message.value())
            producer.send_offsets_to_transaction(consumer.position(consumer.assignment()), consumer.consumer_group_metadata(), 30)
            if attempt % 4 == 3:
                # Away with it, and with the consumer: the next one begins where the last transaction committed.
                producer.abort_transaction(30)
                break
            producer.commit_transaction(30)
            moved += len(messages)
        consumer.close()
    expect_soon(wanted, target, 1)


def aiokafka_transactions():
    async def main():
        name = topic("aiotxn")
        create(name, 2)
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, transactional_id=name)
        await producer.start()
        wanted = []
        try:
            for i in range(20):
                try:
                    async with producer.transaction():
                        for partition in range(2):
                            await producer.send(name, f"{i}-{partition}".encode(), partition=partition)
                        offsets = {aiokafka.TopicPartition(name, 0): i + 1}
                        await producer.send_offsets_to_transaction(offsets, name + "-group")
                        if i % 5 == 4:
                            raise KeyError("thought better of it")
                    wanted += [f"{i}-{partition}" for partition in range(2)]
                except KeyError:
                    pass
        finally:
            await producer.stop()
        return name, wanted

    name, wanted = asyncio.run(main())
    expect_soon(wanted, name, 2)
    consumer = confluent_kafka.Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": name + "-group"})
    deadline = time.monotonic() + 20
    while (offset := consumer.committed([confluent_kafka.TopicPartition(name, 0)], timeout=20)[0].offset) != 19 and time.monotonic() < deadline:
        time.sleep(0.05)
    expect(19, offset)
    consumer.close()


check("confluent-kafka: transactions, every fourth aborted", commit_and_abort)
check("confluent-kafka: a newer producer fences the older one", fencing)
check("confluent-kafka: consume-transform-produce with aborts and rebalances, exactly once", loop)
check("aiokafka: transactions with offsets, every fifth aborted", aiokafka_transactions)
print("# done")
sys.exit(1 if failed else 0)
