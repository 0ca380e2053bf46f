"""What the suites in Python share: where the broker is, names of their own, one line per case."""

import sys
import time
import traceback

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


def done():
    print("# done")
    sys.exit(1 if failed else 0)


def expect(wanted, got):
    assert wanted == got, f"expected {wanted!r}, got {got!r}"


def refused(call, *errors):
    """The error of a call that must fail with one of these."""
    try:
        call()
    except errors as error:
        return error
    raise AssertionError("was accepted")


def eventually(what, holds, seconds=40):
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not in {seconds} s: {what}"
        time.sleep(0.05)


def create(name, partitions):
    admin = confluent_kafka.admin.AdminClient({"bootstrap.servers": BOOTSTRAP})
    for future in admin.create_topics([confluent_kafka.admin.NewTopic(name, partitions, 1)]).values():
        future.result(20)


def produce(name, values, partition=0):
    producer = confluent_kafka.Producer({"bootstrap.servers": BOOTSTRAP})
    for index, value in enumerate(values):
        producer.produce(name, value=value, partition=partition, timestamp=1_700_000_000_000 + index)
    expect(0, producer.flush(30))
