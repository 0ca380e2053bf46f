// Go's three clients with default settings: franz-go, sarama and kafka-go.
// Prints 'ok - title' or 'not ok - title: reason' per case. Run: go run . <bootstrap> [<text in the case's title>]
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var bootstrap = os.Args[1]
var run = strconv.FormatInt(time.Now().UnixNano(), 36)
var failed = 0

func topic(name string) string { return "go-" + name + "-" + run }

func check(title string, body func(ctx context.Context) error) {
	if len(os.Args) > 2 && !strings.Contains(title, os.Args[2]) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := body(ctx); err != nil {
		failed++
		fmt.Printf("not ok - go: %s: %v\n", title, err)
		return
	}
	fmt.Printf("ok - go: %s\n", title)
}

func create(ctx context.Context, name string, partitions int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	request := kmsg.NewPtrCreateTopicsRequest()
	request.TimeoutMillis = 10000
	entry := kmsg.NewCreateTopicsRequestTopic()
	entry.Topic, entry.NumPartitions, entry.ReplicationFactor = name, partitions, 1
	request.Topics = append(request.Topics, entry)
	response, err := request.RequestWith(ctx, client)
	if err != nil {
		return err
	}
	if code := response.Topics[0].ErrorCode; code != 0 {
		return fmt.Errorf("create topics answered %d", code)
	}
	return nil
}

func franz(ctx context.Context) error {
	name := topic("franz")
	if err := create(ctx, name, 3); err != nil {
		return err
	}
	producer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(name))
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := range 3000 {
		producer.Produce(ctx, kgo.StringRecord(strconv.Itoa(i)), nil)
	}
	if err := producer.Flush(ctx); err != nil {
		return err
	}
	consumer, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.ConsumeTopics(name), kgo.ConsumerGroup(name), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer consumer.Close()
	seen := map[string]bool{}
	for len(seen) < 3000 {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return err
		}
		for _, record := range fetches.Records() {
			if seen[string(record.Value)] {
				return fmt.Errorf("%s came twice", record.Value)
			}
			seen[string(record.Value)] = true
		}
	}
	return consumer.CommitUncommittedOffsets(ctx)
}

func franzCodecs(ctx context.Context) error {
	codecs := map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	for codecName, codec := range codecs {
		name := topic("franz-" + codecName)
		if err := create(ctx, name, 1); err != nil {
			return err
		}
		client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap), kgo.DefaultProduceTopic(name), kgo.ProducerBatchCompression(codec), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().AtStart()}}))
		if err != nil {
			return err
		}
		for i := range 500 {
			client.Produce(ctx, kgo.StringRecord(fmt.Sprintf("lorem ipsum dolor sit amet %d", i)), nil)
		}
		if err := client.Flush(ctx); err != nil {
			return err
		}
		for next := int64(0); next < 500; {
			fetches := client.PollFetches(ctx)
			if err := fetches.Err0(); err != nil {
				return err
			}
			for _, record := range fetches.Records() {
				if record.Offset != next {
					return fmt.Errorf("%s: offset %d after %d", codecName, record.Offset, next-1)
				}
				next++
			}
		}
		client.Close()
	}
	return nil
}

type groupHandler struct {
	seen map[string]bool
	want int
	done context.CancelFunc
}

func (groupHandler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (groupHandler) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h groupHandler) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		h.seen[string(message.Value)] = true
		session.MarkMessage(message, "")
		if len(h.seen) == h.want {
			session.Commit()
			h.done()
		}
	}
	return nil
}

func saramaSuite(ctx context.Context) error {
	name := topic("sarama")
	if err := create(ctx, name, 1); err != nil {
		return err
	}
	config := sarama.NewConfig()
	config.Producer.Return.Successes = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	producer, err := sarama.NewSyncProducer([]string{bootstrap}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	for i := range 100 {
		_, offset, err := producer.SendMessage(&sarama.ProducerMessage{Topic: name, Value: sarama.StringEncoder(strconv.Itoa(i))})
		if err != nil {
			return err
		}
		if offset != int64(i) {
			return fmt.Errorf("offset %d for record %d", offset, i)
		}
	}
	group, err := sarama.NewConsumerGroup([]string{bootstrap}, name, config)
	if err != nil {
		return err
	}
	defer group.Close()
	reading, stop := context.WithCancel(ctx)
	handler := groupHandler{seen: map[string]bool{}, want: 100, done: stop}
	for reading.Err() == nil {
		if err := group.Consume(reading, []string{name}, handler); err != nil {
			return err
		}
	}
	if len(handler.seen) != 100 {
		return fmt.Errorf("%d of 100 seen", len(handler.seen))
	}
	return nil
}

func kafkaGo(ctx context.Context) error {
	name := topic("kafka-go")
	if err := create(ctx, name, 1); err != nil {
		return err
	}
	writer := &kafka.Writer{Addr: kafka.TCP(bootstrap), Topic: name, BatchTimeout: 10 * time.Millisecond}
	defer writer.Close()
	for i := range 10 {
		messages := []kafka.Message{}
		for j := range 50 {
			messages = append(messages, kafka.Message{Value: []byte(strconv.Itoa(i*50 + j))})
		}
		if err := writer.WriteMessages(ctx, messages...); err != nil {
			return err
		}
	}
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{bootstrap}, Topic: name, GroupID: name, StartOffset: kafka.FirstOffset, MaxWait: 200 * time.Millisecond})
	defer reader.Close()
	for i := range 500 {
		message, err := reader.ReadMessage(ctx)
		if err != nil {
			return err
		}
		if string(message.Value) != strconv.Itoa(i) {
			return fmt.Errorf("%s at place %d", message.Value, i)
		}
	}
	return nil
}

func main() {
	check("franz-go: default producer and consumer group", franz)
	check("franz-go: every codec keeps offsets", franzCodecs)
	check("sarama: sync producer and consumer group", saramaSuite)
	check("kafka-go: writer and group reader", kafkaGo)
	check("kadm: topics and their configs", kadmTopics)
	check("kadm: offsets, records, leaders, log directories", kadmOffsets)
	check("kadm: groups with members and without", kadmGroups)
	check("kadm: the cluster, its configs and quotas", kadmCluster)
	check("sarama admin: topics, configs, records, groups, cluster", saramaAdmin)
	checkTransactions()
	fmt.Println("# done")
	if failed > 0 {
		os.Exit(1)
	}
}
