// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"filebeat-websocket/outputs/prometheus"
	"filebeat-websocket/testing/beattest"
)

const (
	rulesFile  = "build/alerts/filebeat-websocket.rules.yml"
	rulesTests = "build/alerts/filebeat-websocket.rules.test.yml"
)

// rules is a file of rules as Prometheus reads it; other keys are errors there.
type rules struct {
	Groups []struct {
		Name  string `json:"name"`
		Rules []struct {
			Alert       string            `json:"alert"`
			Expr        string            `json:"expr"`
			For         string            `json:"for"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"rules"`
	} `json:"groups"`
}

var alertName = regexp.MustCompile("`((?:Filebeat|Wsreceiver)[A-Z]\\w+)`")

func TestEveryAlertIsExplainedAndHasATest(t *testing.T) {
	var file rules
	require.NoError(t, yaml.UnmarshalStrict([]byte(read(t, rulesFile)), &file))
	var names []string
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			names = append(names, rule.Alert)
			require.NotEmpty(t, rule.Expr, rule.Alert)
			require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
			require.Contains(t, rule.Annotations["summary"], "{{ $labels.instance }}", rule.Alert)
			require.Contains(t, read(t, rulesTests), "alertname: "+rule.Alert, "promtool does not test it")
			if rule.For != "" {
				_, err := time.ParseDuration(rule.For)
				require.NoError(t, err, rule.Alert)
			}
		}
	}
	_, section, found := strings.Cut(read(t, operations), "\n## Alerts\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var explained []string
	for _, match := range alertName.FindAllStringSubmatch(section, -1) {
		explained = append(explained, match[1])
	}
	require.ElementsMatch(t, names, explained)
}

// statName is a metric of /stats in a table.
var statName = regexp.MustCompile("`((?:libbeat|beat|filebeat)\\.[a-z0-9_.]+)`")

// notThereYet are metrics that come with the first of what they count.
var notThereYet = []string{"libbeat.output.websocket.connections.closed.timeout"}

func TestTheMetricsToWatchAreThere(t *testing.T) {
	receiver := beattest.StartReceiver(t)
	setup := beattest.Setup{Dir: t.TempDir(), Output: fmt.Sprintf("output.websocket.hosts: [%q]", receiver.URL())}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, 100)
	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(30*time.Second, 100, 0)
	page := stats(t, filepath.Join(setup.Dir, "http.sock"))
	_, section, found := strings.Cut(read(t, operations), "\n## Metrics to watch\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	names := statName.FindAllStringSubmatch(section, -1)
	require.Greater(t, len(names), 10)
	for _, name := range names {
		if !slices.Contains(notThereYet, name[1]) {
			var value any = page
			for key := range strings.SplitSeq(name[1], ".") {
				object, ok := value.(map[string]any)
				require.True(t, ok, name[1])
				require.Contains(t, object, key, name[1])
				value = object[key]
			}
		}
	}
	requireNames(t, "", page)
	text, err := beattest.ReadMetrics(t.Context(), filepath.Join(setup.Dir, "http.sock"))
	require.NoError(t, err)
	require.Contains(t, text, "\nfilebeat_output_events_acked_total 100\n")
	require.Contains(t, text, "\nfilebeat_websocket_confirmation_seconds_bucket{le=\"+Inf\"} ")
	require.Zero(t, filebeat.Stop())
}

// sampled are numbers of samples, which Prometheus gets as histograms instead.
var sampled = regexp.MustCompile(`\.histogram\.`)

// requireNames requires that each number of the inputs, the pipeline and the output has a
// name for Prometheus.
func requireNames(t *testing.T, path string, value any) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			requireNames(t, strings.TrimPrefix(path+"."+key, "."), below)
		}
	case float64:
		area, _, _ := strings.Cut(path, ".")
		if slices.Contains([]string{"filebeat", "libbeat", "registrar"}, area) && !sampled.MatchString(path) {
			_, named := prometheus.NameOf(path)
			require.True(t, named, "%s has no name in outputs/prometheus", path)
		}
	}
}

// stats returns the page of the filebeat that listens on the unix socket.
func stats(t *testing.T, socket string) (page map[string]any) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://filebeat/stats", nil)
	require.NoError(t, err)
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.NoError(t, json.NewDecoder(response.Body).Decode(&page))
	return page
}
