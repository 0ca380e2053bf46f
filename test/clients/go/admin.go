// The admin clients of franz-go (kadm) and sarama: what each function answers, and the error it gets where it must.
package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Every step of a case, in order: the first that fails ends it and is named by its place.
func steps(all ...error) error {
	for place, err := range all {
		if err != nil {
			return fmt.Errorf("step %d: %w", place+1, err)
		}
	}
	return nil
}

func expect[T comparable](wanted, got T) error {
	if wanted != got {
		return fmt.Errorf("expected %v, got %v", wanted, got)
	}
	return nil
}

func is(wanted, got error) error {
	if !errors.Is(got, wanted) {
		return fmt.Errorf("expected %v, got %v", wanted, got)
	}
	return nil
}

func produceTo(ctx context.Context, topic string, values ...string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer client.Close()
	for i, value := range values {
		record := &kgo.Record{Value: []byte(value), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i))}
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}

func newKadm() (*kadm.Client, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return nil, err
	}
	return kadm.NewClient(client), nil
}

func kadmTopics(ctx context.Context) error {
	admin, err := newKadm()
	if err != nil {
		return err
	}
	defer admin.Close()
	name := topic("kadm-topics")
	created, err := admin.CreateTopic(ctx, 2, 1, map[string]*string{"retention.ms": kadm.StringPtr("5000")}, name)
	if err != nil {
		return err
	}
	_, again := admin.CreateTopic(ctx, 2, 1, nil, name)
	validated, err := admin.ValidateCreateTopics(ctx, 2, 1, nil, name+"-never")
	if err != nil {
		return err
	}
	validated.Sorted()
	grown, err := admin.CreatePartitions(ctx, 2, name)
	if err != nil {
		return err
	}
	shrunk, err := admin.UpdatePartitions(ctx, 1, name)
	if err != nil {
		return err
	}
	listed, err := admin.ListTopics(ctx)
	if err != nil {
		return err
	}
	append2000 := []kadm.AlterConfig{{Op: kadm.AppendConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact")}, {Op: kadm.SetConfig, Name: "max.message.bytes", Value: kadm.StringPtr("2000")}}
	altered, err := admin.AlterTopicConfigs(ctx, append2000, name)
	if err != nil {
		return err
	}
	refused, err := admin.ValidateAlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: kadm.StringPtr("soon")}}, name)
	if err != nil {
		return err
	}
	configs, err := admin.DescribeTopicConfigs(ctx, name)
	if err != nil {
		return err
	}
	values := map[string]string{}
	for _, config := range configs[0].Configs {
		values[config.Key] = config.MaybeValue()
	}
	deleted, err := admin.DeleteTopic(ctx, name)
	if err != nil {
		return err
	}
	_, gone := admin.DeleteTopic(ctx, name)
	return steps(
		expect(created.ID, listed[name].ID), is(kerr.TopicAlreadyExists, again), expect(1, len(validated)), expect(false, listed.Has(name+"-never")),
		grown.Error(), is(kerr.InvalidPartitions, shrunk[name].Err), expect(4, len(listed[name].Partitions)),
		altered[0].Err, is(kerr.InvalidConfig, refused[0].Err), expect("delete,compact", values["cleanup.policy"]), expect("2000", values["max.message.bytes"]), expect("5000", values["retention.ms"]),
		deleted.Err, is(kerr.UnknownTopicOrPartition, gone),
	)
}

func kadmOffsets(ctx context.Context) error {
	admin, err := newKadm()
	if err != nil {
		return err
	}
	defer admin.Close()
	name := topic("kadm-offsets")
	if err := steps(create(ctx, name, 1), produceTo(ctx, name, "a", "b", "c", "d")); err != nil {
		return err
	}
	at := func(list func(context.Context, ...string) (kadm.ListedOffsets, error)) int64 {
		offsets, err := list(ctx, name)
		if err != nil {
			return -100
		}
		found, _ := offsets.Lookup(name, 0)
		return found.Offset
	}
	byTime := func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
		return admin.ListOffsetsAfterMilli(ctx, 1_700_000_000_002, topics...)
	}
	before := steps(expect(0, at(admin.ListStartOffsets)), expect(4, at(admin.ListEndOffsets)), expect(4, at(admin.ListCommittedOffsets)), expect(3, at(admin.ListMaxTimestampOffsets)), expect(2, at(byTime)))
	upTo := func(offset int64) kadm.Offsets {
		offsets := kadm.Offsets{}
		offsets.AddOffset(name, 0, offset, -1)
		return offsets
	}
	deleted, err := admin.DeleteRecords(ctx, upTo(3))
	if err != nil {
		return err
	}
	beyond, err := admin.DeleteRecords(ctx, upTo(9))
	if err != nil {
		return err
	}
	low, _ := deleted.Lookup(name, 0)
	tooFar, _ := beyond.Lookup(name, 0)
	place := kadm.TopicsSet{}
	place.Add(name, 0)
	elected, err := admin.ElectLeaders(ctx, kadm.ElectPreferredReplica, place)
	if err != nil {
		return err
	}
	producers, err := admin.DescribeProducers(ctx, place)
	if err != nil {
		return err
	}
	logs, err := admin.DescribeAllLogDirs(ctx, place)
	if err != nil {
		return err
	}
	moving, err := admin.ListPartitionReassignments(ctx, place)
	if err != nil {
		return err
	}
	var epochs kadm.OffsetForLeaderEpochRequest
	epochs.Add(name, 0, 0)
	ended, err := admin.OffsetForLeaderEpoch(ctx, epochs)
	if err != nil {
		return err
	}
	return steps(before,
		low.Err, expect(3, low.LowWatermark), is(kerr.OffsetOutOfRange, tooFar.Err), expect(3, at(admin.ListStartOffsets)),
		is(kerr.ElectionNotNeeded, elected[name][0].Err), expect(1, len(producers[name].Partitions[0].ActiveProducers)), expect(true, logs.Sorted()[0].Size() > 0), expect(0, len(moving)),
		expect(4, ended[name][0].EndOffset),
	)
}

func kadmGroups(ctx context.Context) error {
	admin, err := newKadm()
	if err != nil {
		return err
	}
	defer admin.Close()
	name := topic("kadm-groups")
	if err := steps(create(ctx, name, 2), produceTo(ctx, name, "a", "b", "c")); err != nil {
		return err
	}
	offsets := kadm.Offsets{}
	offsets.AddOffset(name, 0, 1, -1)
	offsets.AddOffset(name, 1, 0, -1)
	if err := admin.CommitAllOffsets(ctx, name, offsets); err != nil {
		return err
	}
	empty, err := admin.Lag(ctx, name)
	if err != nil {
		return err
	}
	member, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ClientID("reader"), kgo.ConsumeTopics(name), kgo.ConsumerGroup(name), kgo.DisableAutoCommit())
	if err != nil {
		return err
	}
	defer member.Close()
	if fetches := member.PollFetches(ctx); fetches.Err() != nil || fetches.Records()[0].Offset != 1 {
		return fmt.Errorf("did not go on at 1: %v %v", fetches.Err(), fetches.Records())
	}
	listed, err := admin.ListGroups(ctx, "Stable")
	if err != nil {
		return err
	}
	described, err := admin.DescribeGroups(ctx, name)
	if err != nil {
		return err
	}
	group := described[name]
	_, busy := admin.DeleteGroup(ctx, name)
	refused, err := admin.CommitOffsets(ctx, name, offsets)
	if err != nil {
		return err
	}
	refusal, _ := refused.Lookup(name, 0)
	left := admin.FindGroupCoordinators(ctx, name)
	if err := steps(
		expect(2, empty[name].Lag.Total()), expect(true, slices.Contains(listed.Groups(), name)), expect("Stable", group.State), expect(1, len(group.Members)),
		expect("reader", group.Members[0].ClientID), expect("/127.0.0.1", group.Members[0].ClientHost),
		is(kerr.NonEmptyGroup, busy), is(kerr.UnknownMemberID, refusal.Err), left[name].Err, member.CommitUncommittedOffsets(ctx),
	); err != nil {
		return err
	}
	member.LeaveGroup()
	fetched, err := admin.FetchOffsetsForTopics(ctx, name, name)
	if err != nil {
		return err
	}
	committed, _ := fetched.Lookup(name, 0)
	place := kadm.TopicsSet{}
	place.Add(name, 0)
	dropped, err := admin.DeleteOffsets(ctx, name, place)
	if err != nil {
		return err
	}
	rest, err := admin.FetchOffsets(ctx, name)
	if err != nil {
		return err
	}
	_, isThere := rest.Lookup(name, 0)
	_, deleted := admin.DeleteGroup(ctx, name)
	_, gone := admin.DeleteGroup(ctx, name)
	return steps(expect(3, committed.At), dropped.Error(), expect(false, isThere), deleted, is(kerr.GroupIDNotFound, gone))
}

func kadmCluster(ctx context.Context) error {
	admin, err := newKadm()
	if err != nil {
		return err
	}
	defer admin.Close()
	metadata, err := admin.BrokerMetadata(ctx)
	if err != nil {
		return err
	}
	versions, err := admin.ApiVersions(ctx)
	if err != nil {
		return err
	}
	configs, err := admin.DescribeBrokerConfigs(ctx, metadata.Controller)
	if err != nil {
		return err
	}
	id := "kadm-" + run
	entity := kadm.ClientQuotaEntity{{Type: "client-id", Name: &id}}
	quota := func(remove bool) error {
		altered, err := admin.AlterClientQuotas(ctx, []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: []kadm.AlterClientQuotaOp{{Key: "consumer_byte_rate", Value: 4096, Remove: remove}}}})
		if err != nil {
			return err
		}
		return altered[0].Err
	}
	quotas := func() int {
		described, err := admin.DescribeClientQuotas(ctx, true, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchName: &id, MatchType: 0 /* the name itself */}})
		if err != nil {
			return -1
		}
		return len(described)
	}
	return steps(expect(22, len(metadata.Cluster)), expect(true, slices.Contains(metadata.Brokers.NodeIDs(), metadata.Controller)), versions[metadata.Controller].Err,
		configs[0].Err, expect(true, len(configs[0].Configs) > 10), quota(false), expect(1, quotas()), quota(true), expect(0, quotas()))
}

func saramaAdmin(context.Context) error {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	admin, err := sarama.NewClusterAdmin([]string{bootstrap}, config)
	if err != nil {
		return err
	}
	defer admin.Close()
	name := topic("sarama-admin")
	value := "5000"
	detail := &sarama.TopicDetail{NumPartitions: 2, ReplicationFactor: 1, ConfigEntries: map[string]*string{"retention.ms": &value}}
	if err := steps(
		admin.CreateTopic(name, detail, false), is(sarama.ErrTopicAlreadyExists, admin.CreateTopic(name, detail, false)), admin.CreateTopic(name+"-never", detail, true),
		admin.CreatePartitions(name, 3, nil, false), is(sarama.ErrInvalidPartitions, admin.CreatePartitions(name, 2, nil, false)),
		admin.AlterConfig(sarama.TopicResource, name, map[string]*string{"retention.ms": &value}, false),
		produceTo(context.Background(), name, "a", "b", "c"), admin.DeleteRecords(name, map[int32]int64{0: 2}),
		admin.IncrementalAlterConfig(sarama.TopicResource, name, map[string]sarama.IncrementalAlterConfigsEntry{"cleanup.policy": {Operation: sarama.IncrementalAlterConfigsOperationAppend, Value: new("compact")}}, false),
	); err != nil {
		return err
	}
	topics, err := admin.ListTopics()
	if err != nil {
		return err
	}
	configs, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: name, ConfigNames: []string{"cleanup.policy"}})
	if err != nil {
		return err
	}
	listed, err := admin.ListOffsets(map[string]map[int32]int64{name: {0: sarama.OffsetOldest}}, nil)
	if err != nil {
		return err
	}
	_, err = admin.AlterConsumerGroupOffsets(name, map[string]map[int32]sarama.OffsetAndMetadata{name: {0: {Offset: 2, Metadata: "here"}}}, nil)
	if err != nil {
		return err
	}
	groups, err := admin.ListConsumerGroups()
	if err != nil {
		return err
	}
	described, err := admin.DescribeConsumerGroups([]string{name})
	if err != nil {
		return err
	}
	offsets, err := admin.ListConsumerGroupOffsets(name, map[string][]int32{name: {0, 1}})
	if err != nil {
		return err
	}
	brokers, controller, err := admin.DescribeCluster()
	if err != nil {
		return err
	}
	logs, err := admin.DescribeLogDirs([]int32{controller})
	if err != nil {
		return err
	}
	elected, err := admin.ElectLeaders(sarama.PreferredElection, map[string][]int32{name: {0}})
	if err != nil {
		return err
	}
	moving, err := admin.ListPartitionReassignments(name, []int32{0})
	if err != nil {
		return err
	}
	return steps(
		expect(3, topics[name].NumPartitions), expect(0, topics[name+"-never"].NumPartitions), expect("delete,compact", configs[0].Value), expect(2, listed[name][0].Offset),
		expect("", groups[name]), expect("Empty", described[0].State), expect(2, offsets.GetBlock(name, 0).Offset), expect("here", offsets.GetBlock(name, 0).Metadata),
		expect(-1, offsets.GetBlock(name, 1).Offset), expect(true, len(brokers) > 0), expect(true, len(logs[controller]) > 0), expect(sarama.ErrElectionNotNeeded, elected[name][0].ErrorCode), expect(0, len(moving)),
		admin.DeleteConsumerGroupOffset(name, name, 0), admin.DeleteTopic(name), is(sarama.ErrUnknownTopicOrPartition, admin.DeleteTopic(name)),
	)
}
