// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	built "filebeat-websocket/build/program"
	"filebeat-websocket/testing/beattest"
)

// image is an image that was built and mounted.
type image struct {
	root   string // of its files
	config imageConfig
}

// imageConfig is what an image says about how it is run.
type imageConfig struct {
	User, WorkingDir     string
	Env, Entrypoint, Cmd []string
	Volumes              map[string]struct{}
	Labels               map[string]string
}

// builder keeps images in a folder of the test.
type builder struct {
	t      *testing.T
	folder string
}

// buildah is a command with that folder.
func (b builder) buildah(args ...string) *exec.Cmd {
	storage := []string{"--root", filepath.Join(b.folder, "root"), "--runroot", filepath.Join(b.folder, "run"), "--storage-driver", "vfs"}
	return command(b.t, "buildah", append(storage, args...)...)
}

// build builds an image with the command of the document.
func (b builder) build(name string) image {
	b.t.Helper()
	root := beattest.Root(b.t)
	require.DirExists(b.t, filepath.Join(root, "build", "image"), "make it with: go tool mage image")
	for line := range strings.SplitSeq(strings.Join(commands(b.t, "image"), "\n"), "\n") {
		if strings.HasSuffix(line, " -t "+name+" .") {
			bud := b.buildah(strings.Fields(line)[1:]...)
			bud.Dir = root
			run(b.t, bud)
		}
	}
	var inspected struct {
		OCIv1 struct {
			Config imageConfig `json:"config"`
		}
	}
	require.NoError(b.t, json.Unmarshal([]byte(run(b.t, b.buildah("inspect", "--type", "image", name))), &inspected))
	id := strings.TrimSpace(run(b.t, b.buildah("from", "--pull-never", name)))
	return image{root: strings.TrimSpace(run(b.t, b.buildah("mount", id))), config: inspected.OCIv1.Config}
}

// containerScript does what a container engine does: mounts volumes and proc, and
// makes the rest read-only. $0 is the root, $1 the volumes, FROM:TO each, $2 the
// user, $3 its folder; the rest is the command, which has no shell around it.
const containerScript = `set -e
root="$0" volumes="$1" user="$2" folder="${3:-/}"
shift 3
mkdir -p "$root/proc" "$root/dev"
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for volume in $volumes; do
  mkdir -p "$root${volume#*:}"
  mount --bind "${volume%%:*}" "$root${volume#*:}"
done
mount -o remount,bind,ro "$root"
exec unshare --setgid "${user#*:}" --setuid "${user%:*}" --root "$root" --wd "$folder" "$@"`

// container runs an image as process 1 of namespaces of its own, in the network of
// another process.
type container struct{ *beattest.Process }

func startContainer(t *testing.T, network *beattest.Process, i image, volumes map[string]string, env []string, args ...string) container {
	t.Helper()
	var mounts []string
	for to, from := range volumes {
		mounts = append(mounts, from+":"+to)
	}
	if len(args) == 0 {
		args = i.config.Cmd
	}
	enter := []string{"--target", strconv.Itoa(network.PID()), "--net", "unshare", "--mount", "--pid", "--fork", "--kill-child",
		"sh", "-c", containerScript, i.root, strings.Join(mounts, " "), i.config.User, i.config.WorkingDir}
	cmd := program(t, "nsenter", append(append(enter, i.config.Entrypoint...), args...)...)
	// The shell of the script needs a PATH; nothing else of this machine goes in.
	cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH")}, env...), unlessPath(i.config.Env)...)
	// A program that keeps the output open must not block the test.
	cmd.WaitDelay = patience
	c := container{beattest.StartProcess(t, cmd)}
	// It has changed its user, so that the end of its parent does not kill it.
	t.Cleanup(func() {
		if child, err := c.child(); err == nil {
			_ = syscall.Kill(child, syscall.SIGKILL)
		}
	})
	return c
}

// child returns the PID that process 1 of the container has outside of it.
func (c container) child() (int, error) {
	parent := strconv.Itoa(c.PID())
	content, err := os.ReadFile(filepath.Join("/proc", parent, "task", parent, "children"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(content)))
}

func unlessPath(env []string) (rest []string) {
	for _, setting := range env {
		if !strings.HasPrefix(setting, "PATH=") {
			rest = append(rest, setting)
		}
	}
	return rest
}

// stop sends SIGTERM to process 1 of the container and returns its exit code.
func (c container) stop(t *testing.T) int {
	t.Helper()
	child, err := c.child()
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(child, syscall.SIGTERM))
	return c.Wait(patience)
}

// documentedRun is what a `docker run` of the document asks for.
type documentedRun struct {
	image    string
	network  string
	readOnly bool
	volumes  map[string]string
	env      []string
}

func parseRun(t *testing.T, line string) (r documentedRun) {
	t.Helper()
	words, found := strings.CutPrefix(line, "docker run ")
	require.True(t, found)
	r.volumes = map[string]string{}
	rest := strings.Fields(words)
	for len(rest) > 1 {
		switch rest[0] {
		case "--read-only":
			r.readOnly, rest = true, rest[1:]
		case "--network":
			r.network, rest = rest[1], rest[2:]
		case "--volume":
			from, to, _ := strings.Cut(rest[1], ":")
			r.volumes[to], rest = from, rest[2:]
		case "--env":
			r.env, rest = append(r.env, rest[1]), rest[2:]
		default:
			require.FailNow(t, "not known", rest[0])
		}
	}
	r.image = rest[0]
	return r
}

// volume is a folder that anyone can write to, as a volume of an engine is.
func volume(t *testing.T) string {
	t.Helper()
	// Not below the folder of the test, which other users must not enter.
	folder, err := os.MkdirTemp("", "volume")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	require.NoError(t, os.Chmod(folder, 0o777))
	return folder
}

func TestImages(t *testing.T) {
	beattest.NeedRoot(t, "unshare", "nsenter", "mount", "chroot", "ip")
	need(t, "buildah", "buildah")
	images := builder{t: t, folder: t.TempDir()}
	filebeatImage, wsreceiverImage, wscheckImage := images.build("filebeat-websocket"), images.build("wsreceiver"), images.build("wscheck")

	t.Run("have a user other than root, and no shell", func(t *testing.T) {
		for _, i := range []image{filebeatImage, wsreceiverImage, wscheckImage} {
			require.Equal(t, "1000:1000", i.config.User)
			for _, name := range []string{"bin", "sbin", "usr/bin/sh", "lib"} {
				require.NoFileExists(t, filepath.Join(i.root, name))
			}
		}
		require.Contains(t, filebeatImage.config.Volumes, "/usr/share/filebeat/data")
	})

	t.Run("have labels of OCI", func(t *testing.T) {
		for title, i := range map[string]image{"filebeat-websocket": filebeatImage, "wsreceiver": wsreceiverImage, "wscheck": wscheckImage} {
			labels := i.config.Labels
			require.Equal(t, title, labels["org.opencontainers.image.title"])
			require.Equal(t, built.Version, labels["org.opencontainers.image.version"])
			for _, name := range []string{"description", "vendor", "licenses", "revision"} {
				require.NotEmpty(t, labels["org.opencontainers.image."+name], name)
			}
		}
	})

	t.Run("have CA certificates where Go looks for them", func(t *testing.T) {
		for _, i := range []image{filebeatImage, wsreceiverImage, wscheckImage} {
			bundle := read(t, filepath.Join(i.root, "etc", "ssl", "certs", "ca-certificates.crt"))
			require.True(t, x509.NewCertPool().AppendCertsFromPEM([]byte(bundle)))
		}
	})

	network := beattest.StartProcess(t, program(t, "unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"))
	beattest.Eventually(t, patience, "the network is there", func() bool { return strings.Contains(network.Output(), "ready") })

	t.Run("ship as another user on a read-only root, and end with 0 on SIGTERM", func(t *testing.T) {
		documented := parseRun(t, commands(t, "run")[0])
		require.Equal(t, "filebeat-websocket", documented.image)
		require.True(t, documented.readOnly)
		require.Equal(t, "host", documented.network, "127.0.0.1 has to be the network of wsreceiver")
		records, data, logs := volume(t), volume(t), volume(t)
		wsreceiver := startContainer(t, network, wsreceiverImage, map[string]string{"/var/lib/wsreceiver": records}, nil,
			"--listen", "127.0.0.1:8080", "--out", "/var/lib/wsreceiver/records.ndjson")
		beattest.AppendLines(t, filepath.Join(logs, "app.log"), 1, 1000)
		require.Equal(t, map[string]string{"/usr/share/filebeat/data": "filebeat-data", "/var/log": "/var/log"}, documented.volumes)
		documented.volumes["/usr/share/filebeat/data"], documented.volumes["/var/log"] = data, logs
		filebeat := startContainer(t, network, filebeatImage, documented.volumes, documented.env)
		beattest.Eventually(t, patience, "all lines are there", func() bool {
			return len(numbers(filepath.Join(records, "records.ndjson"))) == 1000 || !filebeat.Running() || !wsreceiver.Running()
		})
		require.Len(t, numbers(filepath.Join(records, "records.ndjson")), 1000)
		wscheck := startContainer(t, network, wscheckImage, nil, nil, "ws://127.0.0.1:8080/ingest", "--only", "U,P")
		require.Zero(t, wscheck.Wait(patience), wscheck.Output())
		require.Zero(t, filebeat.stop(t), filebeat.Output())
		require.Zero(t, wsreceiver.stop(t), wsreceiver.Output())

		meta, err := os.Stat(filepath.Join(data, "meta.json"))
		require.NoError(t, err)
		owner, ok := meta.Sys().(*syscall.Stat_t)
		require.True(t, ok)
		require.Equal(t, uint32(1000), owner.Uid, "the user of the image writes")
		require.NoDirExists(t, filepath.Join(filebeatImage.root, "usr", "share", "filebeat", "data", "registry"), "the root is read-only")
	})

	data := map[string]string{"/usr/share/filebeat/data": volume(t)}
	t.Run("take a configuration that is mounted", func(t *testing.T) {
		own := volume(t)
		require.NoError(t, os.WriteFile(filepath.Join(own, "own.yml"), []byte("filebeat.inputs: [{type: stdin}]\noutput.discard: {}\n"), 0o644))
		process := startContainer(t, network, filebeatImage, map[string]string{"/own": own, "/usr/share/filebeat/data": data["/usr/share/filebeat/data"]}, nil,
			"test", "config", "-c", "/own/own.yml")
		require.Zero(t, process.Wait(patience), process.Output())
		require.Contains(t, process.Output(), "Config OK")
	})

	t.Run("know time zones", func(t *testing.T) {
		for zone, code := range map[string]int{"Asia/Tokyo": 0, "Asia/Nowhere": 1} {
			process := startContainer(t, network, filebeatImage, data, nil, "test", "config",
				"-E", "processors.0.timestamp.field=x", "-E", "processors.0.timestamp.layouts=[UNIX]", "-E", "processors.0.timestamp.timezone="+zone)
			require.Equal(t, code, process.Wait(patience), process.Output())
		}
	})

	t.Run("end with 1 and the name of what is wrong in the environment", func(t *testing.T) {
		process := startContainer(t, network, filebeatImage, data, []string{"WEBSOCKET_ACK=maybe"})
		require.Equal(t, 1, process.Wait(patience))
		require.Contains(t, process.Output(), "maybe")
	})
}
