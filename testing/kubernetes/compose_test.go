// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"filebeat-websocket/testing/beattest"
)

// composeFile is what `docker compose config` says of build/compose/compose.yml.
type composeFile struct {
	Services map[string]service
	Secrets  map[string]struct{ File string }
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       struct{ Context, Dockerfile, Target string }
	User        string
	ReadOnly    bool `json:"read_only"`
	Command     []string
	Environment map[string]string
	Ports       []struct {
		HostIP    string `json:"host_ip"`
		Target    int
		Published string
	}
	Secrets []struct{ Source string }
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `json:"read_only"`
	}
	StopGracePeriod string `json:"stop_grace_period"`
}

func compose(t *testing.T, env []string, profiles ...string) composeFile {
	t.Helper()
	content, complaints := foreign(t, nil, env, append([]string{"compose", filepath.Join("build", "compose", "compose.yml")}, profiles...)...)
	require.Empty(t, complaints)
	var p composeFile
	require.NoError(t, json.Unmarshal(content, &p))
	return p
}

func TestComposeNamesWhatTheDockerfileBuilds(t *testing.T) {
	t.Parallel()
	root := beattest.Root(t)
	all := compose(t, nil)
	require.Len(t, all.Services, 2, "NATS is only in its profile")
	require.Contains(t, compose(t, nil, "nats").Services, "nats")
	for name, service := range all.Services {
		dockerfile, err := filepath.Rel(root, filepath.Join(service.Build.Context, service.Build.Dockerfile))
		require.NoError(t, err)
		require.Equal(t, filepath.Join("build", "docker", "Dockerfile"), dockerfile)
		require.Equal(t, name, service.Build.Target)
		require.NotEmpty(t, imageOf(t, service.Image).entrypoint)
		require.True(t, strings.HasSuffix(service.Image, ":latest"))
		require.Equal(t, "30s", service.StopGracePeriod)
	}
}

// Everything in the file is accepted, and ships: the programs run with its arguments,
// variables, users, mounts and read-only roots.
func TestComposeShips(t *testing.T) {
	t.Parallel()
	all := compose(t, nil)
	wsreceiver := all.Services["wsreceiver"]
	require.Equal(t, "127.0.0.1", wsreceiver.Ports[0].HostIP, "the page is for this machine only")
	s := newComposed(t, all)
	s.writes(200)
	receiver, filebeat := s.start("wsreceiver"), s.start("filebeat")
	arrived := &records{t: t, folder: s.volume("records"), read: map[string]int64{}, lines: map[int]record{}, times: map[int]int{}}
	arrived.wait(200)
	require.Zero(t, filebeat.Stop(), filebeat.Output())
	s.writes(400)
	filebeat = s.start("filebeat")
	arrived.wait(400)
	require.Zero(t, filebeat.Stop(), filebeat.Output())
	require.Zero(t, receiver.Stop(), receiver.Output())
	require.Zero(t, arrived.repeats(), "the registry is in a volume")
}

// documentedCompose returns the commands of docs/installation.md about Compose.
func documentedCompose(t *testing.T) []string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(beattest.Root(t), "docs", "installation.md"))
	require.NoError(t, err)
	var commands []string
	for _, block := range regexp.MustCompile("(?s)```sh compose\n(.*?)```").FindAllStringSubmatch(string(document), -1) {
		commands = append(commands, strings.Split(strings.TrimSpace(block[1]), "\n")...)
	}
	return commands
}

func TestComposeIsStartedAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(beattest.Root(t), "build", "compose", "compose.yml"))
	require.NoError(t, err)
	commands := documentedCompose(t)
	require.Len(t, commands, 4)
	require.Equal(t, "cd build/compose", commands[0])
	for _, command := range commands[1:] {
		require.Contains(t, string(text), "#   "+command+"\n")
	}
	require.Equal(t, "token", filepath.Base(compose(t, nil).Secrets["token"].File))
	for _, variable := range []string{"WEBSOCKET_HOSTS", "LOGS", "VERSION", "WSRECEIVER_OUT"} {
		require.Contains(t, string(text), "${"+variable+":-")
	}
}

// composeNATS is the command for NATS.
var composeNATS = regexp.MustCompile(`^WSRECEIVER_OUT='(\S+)' docker compose --profile (nats) up --detach$`)

func TestComposeShipsToNATS(t *testing.T) {
	t.Parallel()
	commands := documentedCompose(t)
	documented := composeNATS.FindStringSubmatch(commands[len(commands)-1])
	require.Len(t, documented, 3)
	all := compose(t, []string{"WSRECEIVER_OUT=" + documented[1]}, documented[2])
	s := newComposed(t, all)

	// The real server, with the arguments of the file.
	args := slices.Clone(all.Services["nats"].Command)
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], all.Services["nats"].Volumes[0].Target, s.volume("nats"))
	}
	options, err := server.ConfigureOptions(flag.NewFlagSet("nats", flag.ContinueOnError), append(args, "--addr="+s.n.ip), nil, nil, nil)
	require.NoError(t, err)
	options.NoSigs, options.NoLog = true, true
	engine, err := server.NewServer(options)
	require.NoError(t, err)
	engine.Start()
	t.Cleanup(func() { engine.Shutdown(); engine.WaitForShutdown() })
	require.True(t, engine.ReadyForConnections(patience))

	s.writes(200)
	receiver, filebeat := s.start("wsreceiver"), s.start("filebeat")
	client, err := nats.Connect(engine.ClientURL())
	require.NoError(t, err)
	defer client.Close()
	stream, err := jetstream.New(client)
	require.NoError(t, err)
	beattest.Eventually(t, patience, "all lines are in the stream", func() bool {
		logs, err := stream.Stream(t.Context(), "logs")
		return err == nil && logs.CachedInfo().State.Msgs == 200
	})
	require.Zero(t, filebeat.Stop(), filebeat.Output())
	require.Zero(t, receiver.Stop(), receiver.Output())
}

// composed runs services as an engine would, on a simulated node.
type composed struct {
	t   *testing.T
	n   *node
	all composeFile
	// folders are the volumes, and the folder with the logs, by their sources.
	folders map[string]string
}

func newComposed(t *testing.T, all composeFile) *composed {
	t.Helper()
	s := &composed{t: t, n: newNode(t, nil), all: all, folders: map[string]string{}}
	for name := range all.Services {
		s.n.names[name] = s.n.ip
	}
	return s
}

func (s *composed) volume(source string) string {
	s.t.Helper()
	if _, ok := s.folders[source]; !ok {
		s.folders[source] = s.t.TempDir()
		require.NoError(s.t, os.Chmod(s.folders[source], 0o777)) // as in the image
	}
	return s.folders[source]
}

// writes appends lines to a log that root alone can read, up to a number.
func (s *composed) writes(last int) {
	s.t.Helper()
	path := filepath.Join(s.volume("/var/log"), "app.log")
	content, _ := os.ReadFile(path) // not there yet: no lines
	beattest.AppendLines(s.t, path, strings.Count(string(content), "\n")+1, last)
	require.NoError(s.t, os.Chmod(path, 0o600))
}

// start starts a service as a pod that has the same.
func (s *composed) start(name string) *beattest.Process {
	t := s.t
	t.Helper()
	described := s.all.Services[name]
	owner := described.User
	if owner == "" {
		owner = imageOf(t, described.Image).user
	}
	var user, group int64
	_, err := fmt.Sscanf(owner, "%d:%d", &user, &group)
	require.NoError(t, err)
	no := false
	require.True(t, described.ReadOnly)
	spec := corev1.Container{Name: name, Image: described.Image, SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &described.ReadOnly}}
	spec.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")}
	if described.Build.Target == "filebeat" {
		spec.Args = append(spec.Args, "--path.home=/usr/share/filebeat") // WORKDIR of the image, which these containers lack
	}
	for _, arg := range described.Command {
		// The machine's other addresses are not the container's.
		spec.Args = append(spec.Args, strings.Replace(arg, "--listen=0.0.0.0:", "--listen="+s.n.ip+":", 1))
	}
	for variable, value := range described.Environment {
		spec.Env = append(spec.Env, corev1.EnvVar{Name: variable, Value: value})
	}
	pod := workload{name: name, spec: corev1.PodSpec{AutomountServiceAccountToken: &no, SecurityContext: &corev1.PodSecurityContext{RunAsUser: &user, RunAsGroup: &group}}}
	folders := map[string]string{}
	mount := func(source, target string, readOnly bool) {
		spec.VolumeMounts = append(spec.VolumeMounts, corev1.VolumeMount{Name: target, MountPath: target, ReadOnly: readOnly})
		folders[target] = source
	}
	for _, volume := range described.Volumes {
		if volume.Type == "volume" {
			require.Contains(t, s.all.Volumes, volume.Source)
		}
		mount(s.volume(volume.Source), volume.Target, volume.ReadOnly)
	}
	secrets := t.TempDir()
	require.NoError(t, os.Chmod(secrets, 0o755))
	for _, secret := range described.Secrets {
		require.Equal(t, "token", filepath.Base(s.all.Secrets[secret.Source].File))
		require.NoError(t, os.WriteFile(filepath.Join(secrets, secret.Source), []byte("0123456789abcdef\n"), 0o644))
	}
	mount(secrets, "/run/secrets", true)
	pod.spec.Containers = []corev1.Container{spec}
	c := newContainer(s.n, pod)
	c.volumes = folders
	configuration, err := os.ReadFile(filepath.Join(beattest.Root(t), "build", "docker", "filebeat.yml"))
	require.NoError(t, err)
	s.n.write(filepath.Join(c.root, "usr", "share", "filebeat", "filebeat.yml"), string(configuration))
	return c.start(spec.Args...)
}
