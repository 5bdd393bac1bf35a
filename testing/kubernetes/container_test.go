// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"filebeat-websocket/testing/beattest"
)

// container is a container of a rendered manifest, as a runtime would make it: the
// programs of its image in a read-only root file system, the volumes of the pod, the
// user, the variables, and no capabilities except the one to enter the root. It shares
// the network and the processes of the machine.
type container struct {
	n     *node
	pod   workload
	spec  corev1.Container
	image image
	root  string
	// volumes are the folders behind the pod's volumes, by name.
	volumes map[string]string
}

// newContainer makes the only container of a pod. Its volumes stay the same
// however often it is started.
func newContainer(n *node, pod workload) *container {
	n.t.Helper()
	beattest.NeedRoot(n.t, "unshare", "mount", "setpriv", "chroot", "env", "sh")
	require.Len(n.t, pod.spec.Containers, 1)
	c := &container{n: n, pod: pod, spec: pod.spec.Containers[0], root: n.t.TempDir(), volumes: map[string]string{}}
	c.image = imageOf(n.t, c.spec.Image)
	for _, volume := range pod.spec.Volumes {
		c.volumes[volume.Name] = c.folder(volume)
	}
	n.write(filepath.Join(c.root, "etc", "hosts"), n.hosts())
	// Filebeat does not start if the system has no name; the image has one.
	n.write(filepath.Join(c.root, "etc", "os-release"), "ID=scratch\nNAME=scratch\nVERSION_ID=1\n")
	return c
}

// folder makes the folder behind a volume, as the kubelet does.
func (c *container) folder(volume corev1.Volume) string {
	n := c.n
	n.t.Helper()
	group := 0
	if security := c.pod.spec.SecurityContext; security != nil && security.FSGroup != nil {
		group = int(*security.FSGroup)
	}
	switch {
	case volume.HostPath != nil:
		path := filepath.Join(n.dir, volume.HostPath.Path)
		if *volume.HostPath.Type == corev1.HostPathDirectoryOrCreate {
			require.NoError(n.t, os.MkdirAll(path, 0o755))
		}
		require.DirExists(n.t, path)
		return path
	case volume.ConfigMap != nil:
		return project(n.t, n.t.TempDir(), n.configMap(volume.ConfigMap.Name), volume.ConfigMap.DefaultMode, group)
	case volume.Secret != nil:
		return project(n.t, n.t.TempDir(), n.secret(volume.Secret.SecretName), volume.Secret.DefaultMode, group)
	case volume.EmptyDir != nil:
		path := n.t.TempDir()
		require.NoError(n.t, os.Chown(path, 0, group))
		require.NoError(n.t, os.Chmod(path, 0o777|os.ModeSetgid))
		return path
	}
	require.FailNow(n.t, "a volume of a kind that this test does not know", volume.Name)
	return ""
}

// project fills a folder as the kubelet does: the files are links, through a link
// to a folder that is replaced at once, to files of that folder.
func project(t *testing.T, folder string, data map[string][]byte, mode *int32, group int) string {
	t.Helper()
	require.NotNil(t, mode, "defaultMode")
	require.NoError(t, os.Chmod(folder, 0o755))
	generation, err := os.MkdirTemp(folder, "..generation")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(generation, 0o755))
	for name, content := range data {
		path := filepath.Join(generation, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		require.NoError(t, os.Chown(path, 0, group))
		require.NoError(t, os.Chmod(path, os.FileMode(*mode)))
		if _, err := os.Lstat(filepath.Join(folder, name)); err != nil {
			require.NoError(t, os.Symlink(filepath.Join("..data", name), filepath.Join(folder, name)))
		}
	}
	require.NoError(t, os.Symlink(filepath.Base(generation), filepath.Join(folder, "..data_tmp")))
	require.NoError(t, os.Rename(filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data")))
	return folder
}

// update is what happens to the volume when its Secret changes.
func (c *container) update(volume string, data map[string][]byte) {
	c.n.t.Helper()
	for _, v := range c.pod.spec.Volumes {
		if v.Name == volume {
			project(c.n.t, c.volumes[volume], data, v.Secret.DefaultMode, int(deref(c.pod.spec.SecurityContext.FSGroup)))
		}
	}
}

func deref(number *int64) int64 {
	if number == nil {
		return 0
	}
	return *number
}

// start starts the container's command with arguments in the place of those of
// the manifest, if there are any.
func (c *container) start(args ...string) *beattest.Process {
	c.n.t.Helper()
	return beattest.StartProcess(c.n.t, c.command(args...))
}

func (c *container) command(args ...string) *exec.Cmd {
	t := c.n.t
	t.Helper()
	require.Empty(t, c.spec.Command, "the image's entrypoint is used")
	if len(args) == 0 {
		args = c.spec.Args
	}
	var script strings.Builder
	step := func(command string, operands ...string) {
		fmt.Fprintf(&script, "%s '%s'\n", command, strings.Join(operands, "' '"))
	}
	bind := func(from, to string, readOnly bool) {
		to = filepath.Join(c.root, to)
		step("mount --bind", from, to)
		if readOnly {
			step("mount -o remount,bind,ro", to)
		}
	}
	script.WriteString("set -e\n")
	bind(c.root, "/", false)
	c.place(c.image.entrypoint[0], true)
	bind(c.image.binary, c.image.entrypoint[0], true)
	for _, system := range []string{"/proc", "/sys", "/dev"} {
		c.place(system, false)
		step("mount --rbind", system, filepath.Join(c.root, system))
	}
	for _, mount := range c.spec.VolumeMounts {
		c.place(mount.MountPath, false)
		bind(c.volumes[mount.Name], mount.MountPath, mount.ReadOnly)
	}
	if *c.pod.spec.AutomountServiceAccountToken {
		c.place(accountFolder, false)
		bind(c.n.account, accountFolder, true)
	}
	if *c.spec.SecurityContext.ReadOnlyRootFilesystem {
		step("mount -o remount,bind,ro", c.root)
	}
	script.WriteString(`exec "$@"`)

	command := append([]string{"unshare", "--mount", "sh", "-c", script.String(), "sh"}, c.enter()...)
	command = append(append(command, c.image.entrypoint...), args...)
	return exec.CommandContext(context.WithoutCancel(t.Context()), command[0], command[1:]...)
}

// accountFolder is where pods have the token of their account.
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

// place makes the folder, or the file, that something is mounted over.
func (c *container) place(path string, file bool) {
	path = filepath.Join(c.root, path)
	if !file {
		require.NoError(c.n.t, os.MkdirAll(path, 0o755))
		return
	}
	c.n.write(path, "")
}

// enter are the programs that drop the variables, rights and root of the machine.
// They are named by their paths, because the variables have a PATH of their own.
func (c *container) enter() []string {
	t := c.n.t
	path := func(program string) string {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		return path
	}
	command := append([]string{path("env"), "-i"}, c.env()...)
	security := c.pod.spec.SecurityContext
	user, group := deref(security.RunAsUser), deref(security.RunAsGroup)
	keep, change := "-all,+sys_chroot", []string{}
	if user != 0 { // the change of user gives up the capabilities for it
		keep += ",+setuid,+setgid"
		change = append(change, fmt.Sprintf("--userspec=%d:%d", user, group), fmt.Sprintf("--groups=%d", deref(security.FSGroup)))
	}
	command = append(command, path("setpriv"), fmt.Sprintf("--regid=%d", group), "--clear-groups", "--bounding-set="+keep, "--inh-caps=-all")
	if !*c.spec.SecurityContext.AllowPrivilegeEscalation {
		command = append(command, "--no-new-privs")
	}
	return append(append(append(command, "--", path("chroot")), change...), c.root)
}

// env are the variables: those of the image, of the manifest, and of every pod.
func (c *container) env() []string {
	n := c.n
	env := append([]string{}, c.image.env...)
	env = append(env, "KUBERNETES_SERVICE_HOST="+n.apiHost, "KUBERNETES_SERVICE_PORT="+n.apiPort, "HOSTNAME=pod")
	// What the runtime's control group says, and filebeat makes of it.
	env = append(env, fmt.Sprintf("GOMEMLIMIT=%d", c.spec.Resources.Limits.Memory().Value()*8/10))
	for _, variable := range c.spec.Env {
		value := variable.Value
		if from := variable.ValueFrom; from != nil {
			switch {
			case from.ConfigMapKeyRef != nil:
				value = string(n.configMap(from.ConfigMapKeyRef.Name)[from.ConfigMapKeyRef.Key])
			case from.FieldRef != nil:
				field, ok := map[string]string{"spec.nodeName": nodeName, "status.podIP": n.ip}[from.FieldRef.FieldPath]
				require.True(n.t, ok, from.FieldRef.FieldPath)
				value = field
			default:
				require.FailNow(n.t, "a variable of a kind that this test does not know", variable.Name)
			}
		}
		env = append(env, variable.Name+"="+value)
	}
	return env
}

// probe sends the request of the kubelet and returns the status of the response.
func (c *container) probe(probe *corev1.Probe) (status int, err error) {
	c.n.t.Helper()
	port, ok := portOf(c.spec, probe.HTTPGet.Port)
	require.True(c.n.t, ok)
	return c.n.get(fmt.Sprintf("http://%s:%d%s", c.n.ip, port, probe.HTTPGet.Path), nil)
}
