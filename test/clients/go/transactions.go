// Transactions of franz-go, which speaks the second transaction version, and of sarama, which speaks the first.
package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// committed reads all that a read_committed consumer sees of a topic, in order of values.
func committed(ctx context.Context, name string, partitions int32) ([]string, error) {
	starts := map[int32]kgo.Offset{}
	for partition := range partitions {
		starts[partition] = kgo.NewOffset().AtStart()
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: starts}))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	values := []string{}
	for {
		// Nothing new for a while: that is the end.
		waiting, cancel := context.WithTimeout(ctx, 700*time.Millisecond)
		fetches := client.PollFetches(waiting)
		cancel()
		records := fetches.Records()
		for _, record := range records {
			values = append(values, string(record.Value))
		}
		if len(records) == 0 {
			sort.Strings(values)
			return values, ctx.Err()
		}
	}
}

func expectCommitted(ctx context.Context, name string, partitions int32, wanted []string) error {
	sort.Strings(wanted)
	got, err := committed(ctx, name, partitions)
	for err == nil && fmt.Sprint(got) != fmt.Sprint(wanted) && ctx.Err() == nil {
		got, err = committed(ctx, name, partitions)
	}
	if err != nil {
		return fmt.Errorf("%d of %d records: %w", len(got), len(wanted), err)
	}
	return nil
}

func transactional(id string, more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(bootstrap), kgo.TransactionalID(id), kgo.RecordPartitioner(kgo.ManualPartitioner())}, more...)...)
}

func franzTransactions(ctx context.Context) error {
	name := topic("franz-txn")
	if err := create(ctx, name, 3); err != nil {
		return err
	}
	client, err := transactional(name)
	if err != nil {
		return err
	}
	defer client.Close()
	wanted := []string{}
	for i := range 60 {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
		values := []string{}
		for n := range 6 {
			value := fmt.Sprintf("%d-%d", i, n)
			values = append(values, value)
			client.Produce(ctx, &kgo.Record{Topic: name, Partition: int32(n % 3), Value: []byte(value)}, nil)
		}
		if err := client.Flush(ctx); err != nil {
			return err
		}
		commits := kgo.TransactionEndTry(i%3 != 2)
		if err := client.EndTransaction(ctx, commits); err != nil {
			return err
		}
		if commits {
			wanted = append(wanted, values...)
		}
	}
	return expectCommitted(ctx, name, 3, wanted)
}

// Two instances under one id, both of which begin anew whenever they are fenced: what either was told is committed is there, once, and
// nothing else.
func franzFight(ctx context.Context) error {
	name := topic("franz-fight")
	if err := create(ctx, name, 2); err != nil {
		return err
	}
	var lock sync.Mutex
	told, doubtful, fenced := []string{}, map[string]bool{}, 0
	instance := func(who string, rounds int) error {
		for round := 0; round < rounds && ctx.Err() == nil; {
			client, err := transactional(name)
			if err != nil {
				return err
			}
			for ; round < rounds && ctx.Err() == nil; round++ {
				if err := client.BeginTransaction(); err != nil {
					break
				}
				values := []string{}
				for partition := range 2 {
					value := fmt.Sprintf("%s%d-%d", who, round, partition)
					values = append(values, value)
					client.Produce(ctx, &kgo.Record{Topic: name, Partition: int32(partition), Value: []byte(value)}, nil)
				}
				failed := client.Flush(ctx)
				if failed == nil {
					failed = client.EndTransaction(ctx, kgo.TryCommit)
				}
				lock.Lock()
				if failed == nil {
					told = append(told, values...)
				} else {
					fenced++
					for _, value := range values {
						doubtful[value] = true
					}
				}
				lock.Unlock()
				if failed != nil {
					round++
					break
				}
			}
			client.Close()
		}
		return ctx.Err()
	}
	ends := make(chan error, 2)
	for _, who := range []string{"a", "b"} {
		go func() { ends <- instance(who, 60) }()
	}
	if err := errors.Join(<-ends, <-ends); err != nil {
		return err
	}
	seen, err := settledValues(ctx, name, 2, told)
	if err != nil {
		return err
	}
	if len(told) == 0 || fenced == 0 {
		return fmt.Errorf("no fight: %d told, %d fenced", len(told), fenced)
	}
	halves := map[string]int{}
	for value, count := range seen {
		if count != 1 {
			return fmt.Errorf("%s came %d times", value, count)
		}
		halves[value[:len(value)-2]]++
	}
	for transaction, count := range halves {
		if count != 2 {
			return fmt.Errorf("%s is there by half", transaction)
		}
	}
	for value := range seen {
		if !doubtful[value] && !contains(told, value) {
			return fmt.Errorf("%s was never committed", value)
		}
	}
	return nil
}

func contains(list []string, value string) bool {
	for _, one := range list {
		if one == value {
			return true
		}
	}
	return false
}

// settledValues counts what is there, as soon as all is that must be.
func settledValues(ctx context.Context, name string, partitions int32, wanted []string) (map[string]int, error) {
	for {
		values, err := committed(ctx, name, partitions)
		if err != nil {
			return nil, err
		}
		seen := map[string]int{}
		for _, value := range values {
			seen[value]++
		}
		missing := ""
		for _, value := range wanted {
			if seen[value] == 0 {
				missing = value
			}
		}
		if missing == "" {
			return seen, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s was committed and is not there", missing)
		}
	}
}

func franzFencing(ctx context.Context) error {
	name := topic("franz-fenced")
	if err := create(ctx, name, 1); err != nil {
		return err
	}
	zombie, err := transactional(name)
	if err != nil {
		return err
	}
	defer zombie.Close()
	if err := errors.Join(zombie.BeginTransaction(), zombie.ProduceSync(ctx, &kgo.Record{Topic: name, Value: []byte("zombie")}).FirstErr()); err != nil {
		return err
	}
	successor, err := transactional(name)
	if err != nil {
		return err
	}
	defer successor.Close()
	if err := errors.Join(successor.BeginTransaction(), successor.ProduceSync(ctx, &kgo.Record{Topic: name, Value: []byte("alive")}).FirstErr()); err != nil {
		return err
	}
	late := zombie.ProduceSync(ctx, &kgo.Record{Topic: name, Value: []byte("late")}).FirstErr()
	if !errors.Is(late, kerr.InvalidProducerEpoch) && !errors.Is(late, kerr.ProducerFenced) {
		return fmt.Errorf("the zombie was told %v", late)
	}
	if err := successor.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return err
	}
	return expectCommitted(ctx, name, 1, []string{"alive"})
}

// Members of one group move records from a topic to another and die and come back; each record arrives once.
func franzLoop(ctx context.Context) error {
	source, target := topic("franz-from"), topic("franz-to")
	if err := errors.Join(create(ctx, source, 4), create(ctx, target, 2)); err != nil {
		return err
	}
	wanted := []string{}
	producer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(source))
	if err != nil {
		return err
	}
	for i := range 800 {
		wanted = append(wanted, "v"+strconv.Itoa(i))
		producer.Produce(ctx, kgo.StringRecord(wanted[i]), nil)
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	producer.Close()
	working, stop := context.WithCancel(ctx)
	defer stop()
	ends := make(chan error, 3)
	for member := range 3 {
		go func() { ends <- moveAll(working, source, target, member) }()
	}
	failed := expectCommitted(ctx, target, 2, wanted)
	stop()
	return errors.Join(failed, <-ends, <-ends, <-ends)
}

func moveAll(ctx context.Context, source, target string, member int) error {
	random := rand.New(rand.NewSource(int64(member)))
	for life := 0; ctx.Err() == nil; life++ {
		session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(bootstrap), kgo.TransactionalID(fmt.Sprintf("%s-%d", target, member)), kgo.ConsumeTopics(source), kgo.ConsumerGroup(source),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DefaultProduceTopic(target), kgo.FetchMaxBytes(2000), kgo.FetchMaxPartitionBytes(2000))
		if err != nil {
			return err
		}
		for step := 2 + random.Intn(8); step > 0 && ctx.Err() == nil; {
			polling, cancel := context.WithTimeout(ctx, time.Second)
			fetches := session.PollRecords(polling, 30)
			cancel()
			if fetches.Empty() {
				continue
			}
			step--
			if err := session.Begin(); err != nil {
				break
			}
			for _, record := range fetches.Records() {
				session.Produce(ctx, &kgo.Record{Value: record.Value}, nil)
			}
			// A refusal rewinds the session to what is committed.
			if _, err := session.End(ctx, kgo.TransactionEndTry(random.Intn(4) != 0)); err != nil {
				break
			}
		}
		if random.Intn(2) == 0 {
			// It goes without a word, perhaps in the middle of a transaction.
			session.Client().LeaveGroupContext(ctx)
		}
		session.Close()
	}
	return nil
}

func saramaTransactions(ctx context.Context) error {
	name := topic("sarama-txn")
	if err := create(ctx, name, 2); err != nil {
		return err
	}
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.Return.Successes = true
	config.Producer.Idempotent = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Transaction.ID = name
	config.Producer.Partitioner = sarama.NewManualPartitioner
	config.Net.MaxOpenRequests = 1
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	wanted := []string{}
	for i := range 30 {
		if err := producer.BeginTxn(); err != nil {
			return err
		}
		for n := range 4 {
			value := fmt.Sprintf("%d-%d", i, n)
			if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: name, Partition: int32(n % 2), Value: sarama.StringEncoder(value)}); err != nil {
				return err
			}
			if i%3 != 2 {
				wanted = append(wanted, value)
			}
		}
		if err := producer.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{name: {{Partition: 0, Offset: int64(i)}}}, name); err != nil {
			return err
		}
		end := producer.CommitTxn
		if i%3 == 2 {
			end = producer.AbortTxn
		}
		if err := end(); err != nil {
			return err
		}
	}
	return expectCommitted(ctx, name, 2, wanted)
}

func checkTransactions() {
	check("franz-go: transactions, every third aborted", franzTransactions)
	check("franz-go: a newer producer fences the older one", franzFencing)
	check("franz-go: two producers fight over one transactional id, whole transactions once", franzFight)
	check("franz-go: consume-transform-produce by three members that die and come back, exactly once", franzLoop)
	check("sarama: transactions with offsets, every third aborted", saramaTransactions)
}
