// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package sharedfields

import (
	"testing"

	"github.com/elastic/beats/v7/libbeat/beat"
	_ "github.com/elastic/beats/v7/libbeat/processors/actions" // registers processors
	"github.com/elastic/beats/v7/libbeat/publisher/processing"
	conf "github.com/elastic/elastic-agent-libs/config"
	"github.com/elastic/elastic-agent-libs/logp"
	"github.com/gofrs/uuid/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testInfo = beat.Info{
	Beat: "filebeat", Version: "9.0.0", Name: "shipper-1", Hostname: "shipper-1",
	ID: uuid.Must(uuid.FromString("6f2c6f0e-6d3a-4a1c-9d3c-0d9f1c4f3b55")), EphemeralID: uuid.Must(uuid.FromString("0b3f5a52-3f0c-4f0e-8a27-3f2a5f3fd1c2")),
}

// openSupport returns the processing of a Beat with a configuration, as libbeat makes it
// and as Support does.
func openSupport(t *testing.T, settings map[string]any) (libbeat, ours processing.Supporter) {
	t.Helper()
	cfg := conf.MustNewConfigFrom(settings)
	factory := processing.MakeDefaultBeatSupport(true)
	libbeat, err := factory(testInfo, logp.NewLogger(""), cfg)
	require.NoError(t, err)
	ours, err = Support(factory)(testInfo, logp.NewLogger(""), cfg)
	require.NoError(t, err)
	return libbeat, ours
}

// accept sets whether there is an output that takes shared fields.
func accept(t *testing.T, accepts bool) {
	t.Helper()
	before := accepted.Swap(accepts)
	t.Cleanup(func() { accepted.Store(before) })
}
