// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kafka

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// defaultLimit is what brokers have as max.message.bytes unless set, less their own
	// overhead.
	defaultLimit  = 1_000_012
	overheadBytes = 128 // of a batch with one record
	minLimit      = 1 << 10
	maxLimit      = 1 << 30

	startPause = 500 * time.Millisecond
	// syncedReplicas confirm a record in a topic that was made here with three or more.
	syncedReplicas = "2"
)

// open looks for the topic until ctx ends, unless looking again is of no use.
func (s *Sink) open(ctx context.Context) error {
	for {
		var err error
		if s.topic.HasFields() {
			err = s.client.Ping(ctx)
		} else {
			err = s.find(ctx, s.topic.Pattern(""))
		}
		if _, isMissing := errors.AsType[*missingError](err); err == nil || isMissing {
			return err
		}
		if isRefused(err) {
			return &CredentialsError{Err: fmt.Errorf("connect to Kafka: %w", err)}
		}
		if isFinal(err) {
			return fmt.Errorf("connect to Kafka: %w", err)
		}
		select {
		case <-time.After(startPause):
		case <-ctx.Done():
			return fmt.Errorf("connect to Kafka: %w", err)
		}
	}
}

// isRefused reports whether a broker has answered that it does not accept the credentials, or
// what their user wants.
func isRefused(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.TopicAuthorizationFailed) || errors.Is(err, kerr.ClusterAuthorizationFailed)
}

// isFinal reports whether trying again is of no use.
func isFinal(err error) bool {
	if errors.Is(err, kerr.UnsupportedSaslMechanism) || errors.Is(err, kerr.InvalidReplicationFactor) {
		return true
	}
	return strings.Contains(err.Error(), "x509:") || strings.Contains(err.Error(), "tls:")
}

// knows reports whether a topic was there.
func (s *Sink) knows(topic string) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	_, known := s.limits[topic]
	return known
}

// ensure looks for a topic of which the name depends on fields, or makes it.
func (s *Sink) ensure(ctx context.Context, topic string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return s.find(ctx, topic)
}

// find looks for a topic, and makes it if it is to.
func (s *Sink) find(ctx context.Context, topic string) error {
	request := kmsg.NewMetadataRequest()
	request.AllowAutoTopicCreation = false
	one := kmsg.NewMetadataRequestTopic()
	one.Topic = new(topic)
	request.Topics = append(request.Topics, one)
	answer, err := request.RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	if len(answer.Topics) != 1 {
		return errors.New("the answer does not name the topic")
	}
	switch err := kerr.ErrorForCode(answer.Topics[0].ErrorCode); {
	case err == nil:
	case !errors.Is(err, kerr.UnknownTopicOrPartition):
		return err
	case !s.create:
		return &missingError{topic: topic}
	default:
		if err := s.make(ctx, topic); err != nil {
			return err
		}
	}
	limit := s.askLimit(ctx, topic)
	s.mutex.Lock()
	s.limits[topic] = limit
	s.mutex.Unlock()
	return nil
}

func (s *Sink) make(ctx context.Context, topic string) error {
	request := kmsg.NewCreateTopicsRequest()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = topic, -1, int16(s.copies)
	if s.copies > 2 {
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = "min.insync.replicas", new(syncedReplicas)
		one.Configs = append(one.Configs, config)
	}
	request.Topics = append(request.Topics, one)
	answer, err := request.RequestWith(ctx, s.client)
	if err != nil {
		return err
	}
	for _, made := range answer.Topics {
		if err := kerr.ErrorForCode(made.ErrorCode); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("make topic %s: %w", topic, err)
		}
	}
	return nil
}

// askLimit returns the topic's max.message.bytes, or Kafka's default if the client may not
// know it.
func (s *Sink) askLimit(ctx context.Context, topic string) int {
	request := kmsg.NewDescribeConfigsRequest()
	one := kmsg.NewDescribeConfigsRequestResource()
	one.ResourceType, one.ResourceName, one.ConfigNames = kmsg.ConfigResourceTypeTopic, topic, []string{"max.message.bytes"}
	request.Resources = append(request.Resources, one)
	answer, err := request.RequestWith(ctx, s.client)
	if err != nil {
		return defaultLimit
	}
	for _, resource := range answer.Resources {
		for _, config := range resource.Configs {
			if config.Name != "max.message.bytes" || config.Value == nil {
				continue
			}
			if limit, err := strconv.Atoi(*config.Value); err == nil {
				return min(max(limit, minLimit), maxLimit)
			}
		}
	}
	return defaultLimit
}

func (s *Sink) limitOf(topic string) int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if limit, ok := s.limits[topic]; ok {
		return limit
	}
	return defaultLimit
}

// missingError says how to make the topic.
type missingError struct{ topic string }

func (e *missingError) Error() string {
	return fmt.Sprintf("there is no topic %s: make one with "+
		"`kafka-topics.sh --bootstrap-server HOST:9092 --create --topic %s --partitions 6 --replication-factor 3 --config min.insync.replicas=2`, or add ?create=true", e.topic, e.topic)
}
