// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package interop

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/build/dashboards"
	"filebeat-websocket/testing/beattest"
)

// alertsFolder has the rules for Prometheus.
const alertsFolder = "build/alerts"

// promtool returns Prometheus' tool for rules, unpacked from Debian's package:
// installing that would start a Prometheus.
func promtool(t *testing.T) string {
	t.Helper()
	if found, err := exec.LookPath("promtool"); err == nil {
		return found
	}
	folder := filepath.Join(cacheFolder(t), "prometheus")
	tool := filepath.Join(folder, "usr", "bin", "promtool")
	if _, err := os.Stat(tool); err != nil {
		require.NoError(t, os.MkdirAll(folder, 0o755))
		require.NoError(t, beattest.Install("apt-get", "update"))
		require.NoError(t, beattest.Install("sh", "-ec", `cd "$0" && apt-get download prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb`, folder))
	}
	return tool
}

func TestAlertsAreRaisedWhenTheyShouldBe(t *testing.T) {
	tool, folder := promtool(t), filepath.Join(beattest.Root(t), alertsFolder)
	for _, args := range [][]string{
		{"check", "rules", filepath.Join(folder, "filebeat-websocket.rules.yml")},
		{"test", "rules", filepath.Join(folder, "filebeat-websocket.rules.test.yml")},
	} {
		output, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput()
		require.NoError(t, err, "%s", output)
		require.Contains(t, string(output), "SUCCESS")
	}
}

// scrapeConfig is the block of the document that tells Prometheus what to ask.
var scrapeConfig = regexp.MustCompile("(?s)```yaml\n(rule_files:.*?)```")

func TestPrometheusTakesTheConfigurationOfTheDocument(t *testing.T) {
	document, err := os.ReadFile(filepath.Join(beattest.Root(t), "docs", "operations.md"))
	require.NoError(t, err)
	found := scrapeConfig.FindSubmatch(document)
	require.NotNil(t, found)
	folder := t.TempDir()
	require.NoError(t, os.CopyFS(folder, os.DirFS(filepath.Join(beattest.Root(t), alertsFolder))))
	config := filepath.Join(folder, "prometheus.yml")
	require.NoError(t, os.WriteFile(config, found[1], 0o600))
	output, err := exec.CommandContext(t.Context(), promtool(t), "check", "config", config).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "1 rule files found")
}

// ruleMetric is a metric as the rules name it.
var ruleMetric = regexp.MustCompile(`\b(?:filebeat|wsreceiver|process)_\w+`)

func TestTheMetricsOfTheAlertsAreThere(t *testing.T) {
	wsreceiver := beattest.StartReceiver(t, "--metrics")
	setup := beattest.Setup{Dir: t.TempDir(), Output: fmt.Sprintf("output.websocket.hosts: [%q]", wsreceiver.URL())}
	beattest.AppendLines(t, setup.LogFile("a.log"), 1, 1000)
	filebeat := beattest.StartFilebeat(t, setup)
	filebeat.AwaitEvents(patience, 1000, 0)

	address := strings.TrimSuffix(strings.TrimPrefix(wsreceiver.URL(), "ws://"), "/ingest")
	_, err := fetch(t, "http://"+address+"/ingest") // a refused upgrade: its counter has a label
	require.NoError(t, err)
	there, err := fetch(t, "http://"+address+"/metrics")
	require.NoError(t, err)
	ofFilebeat, err := beattest.ReadMetrics(t.Context(), filepath.Join(setup.Dir, "http.sock"))
	require.NoError(t, err)
	checkMetrics(t, ofFilebeat)
	there += ofFilebeat
	require.Regexp(t, `(?m)^filebeat_output_events_acked_total 1000$`, there)

	rules, err := os.ReadFile(filepath.Join(beattest.Root(t), alertsFolder, "filebeat-websocket.rules.yml"))
	require.NoError(t, err)
	named := 0
	for line := range strings.Lines(string(rules)) {
		if _, expression, isExpression := strings.Cut(line, "expr: "); isExpression {
			for _, name := range ruleMetric.FindAllString(expression, -1) {
				named++
				require.Regexp(t, `(?m)^`+name+`[ {]`, there)
			}
		}
	}
	require.Greater(t, named, 15)
	for _, name := range ruleMetric.FindAllString(strings.Join(dashboardExpressions(), "\n"), -1) {
		if !slices.Contains(withTheFirst, name) {
			require.Regexp(t, `(?m)^`+name+`[ {]`, there)
		}
	}
	require.Zero(t, filebeat.Stop())
}

// withTheFirst are metrics that come with the first of what they count.
var withTheFirst = []string{"filebeat_websocket_dropped_events_total", "filebeat_websocket_connections_closed_total"}

// dashboardExpressions returns the expressions of all panels.
func dashboardExpressions() (expressions []string) {
	for _, d := range dashboards.All {
		for _, row := range d.Rows {
			for _, panel := range row.Panels {
				for _, query := range panel.Queries {
					expressions = append(expressions, d.Expression(query, ".*", "5m"))
				}
			}
		}
	}
	return expressions
}

func TestPrometheusTakesTheExpressionsOfTheDashboards(t *testing.T) {
	var rules strings.Builder
	rules.WriteString("groups:\n  - name: panels\n    rules:\n")
	for i, expression := range dashboardExpressions() {
		fmt.Fprintf(&rules, "      - {record: panel%d, expr: %q}\n", i, expression)
	}
	file := filepath.Join(t.TempDir(), "panels.yml")
	require.NoError(t, os.WriteFile(file, []byte(rules.String()), 0o600))
	output, err := exec.CommandContext(t.Context(), promtool(t), "check", "rules", file).CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.Contains(t, string(output), "SUCCESS")
}

// checkMetrics has Prometheus' own tool read what is served, and judge the names.
func checkMetrics(t *testing.T, text string) {
	t.Helper()
	check := exec.CommandContext(t.Context(), promtool(t), "check", "metrics")
	check.Stdin = strings.NewReader(text)
	output, err := check.CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// fetch returns what is at an address, whatever the status.
func fetch(t *testing.T, address string) (string, error) {
	t.Helper()
	plain := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	require.NoError(t, err)
	response, err := plain.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}
