// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package installtest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

// installed are files of the packages, with mode and owner.
var installed = map[string]string{
	"/usr/bin/filebeat":                          "755 root root",
	"/usr/share/filebeat/bin/filebeat":           "755 root root",
	"/usr/share/filebeat/LICENSE.txt":            "644 root root",
	"/usr/share/filebeat/NOTICE.txt":             "644 root root",
	"/usr/share/filebeat/README.md":              "644 root root",
	"/usr/share/filebeat/.build_hash.txt":        "644 root root",
	"/usr/share/filebeat/kibana":                 "755 root root",
	"/usr/share/filebeat/module/nginx":           "755 root root",
	"/usr/lib/systemd/system/filebeat.service":   "644 root root",
	"/etc/filebeat/filebeat.yml":                 "600 root root",
	"/etc/filebeat/filebeat.reference.yml":       "644 root root",
	"/etc/filebeat/fields.yml":                   "644 root root",
	"/etc/filebeat/modules.d/nginx.yml.disabled": "644 root root",
	"/var/lib/filebeat":                          "750 root root",
	"/var/log/filebeat":                          "750 root root",

	"/usr/bin/wsreceiver":                        "755 root root",
	"/usr/bin/wscheck":                           "755 root root",
	"/usr/share/wsreceiver/NOTICE.txt":           "644 root root",
	"/usr/lib/systemd/system/wsreceiver.service": "644 root root",
	"/etc/wsreceiver/wsreceiver.conf":            "644 root root",
}

// format is a kind of package: how it is installed and removed.
type format struct {
	name                    string
	filebeat, wsreceiver    string // patterns in build/dist
	install, upgrade, erase []string
	// kept is where a changed filebeat.yml is after the removal.
	kept string
}

var formats = []format{
	{
		name:     "deb",
		filebeat: "filebeat-websocket-*-amd64.deb", wsreceiver: "wsreceiver-*-amd64.deb",
		install: []string{"dpkg", "--install"}, upgrade: []string{"dpkg", "--install"}, erase: []string{"dpkg", "--remove"},
		kept: "/etc/filebeat/filebeat.yml",
	},
	{
		name:     "rpm",
		filebeat: "filebeat-websocket-*-x86_64.rpm", wsreceiver: "wsreceiver-*-x86_64.rpm",
		// The base of this machine is Debian, which does not use rpms.
		install: []string{"rpm", "--force-debian", "--nodeps", "--install"}, upgrade: []string{"rpm", "--force-debian", "--nodeps", "--upgrade"},
		erase: []string{"rpm", "--erase"},
		kept:  "/etc/filebeat/filebeat.yml.rpmsave",
	},
}

const (
	nginxModule = "- module: nginx\n  access:\n    enabled: true\n    var.paths: [/var/log/access-of-nginx.txt]\n"
	nginxLine   = `192.0.2.1 - - [05/Feb/2021:22:17:09 +0000] "GET / HTTP/1.1" 200 5 "-" "test"` + "\n"
)

func TestPackagesInstallShipUpgradeAndLeave(t *testing.T) {
	need(t, "rpm", "rpm")
	need(t, "systemd-analyze", "systemd")
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) {
			m := newMachine(t)
			on := func(verb []string, what ...string) string {
				return run(t, m.command(append(slices.Clip(verb), what...)...))
			}

			on(f.install, "/mnt/"+filepath.Base(dist(t, f.filebeat)), "/mnt/"+filepath.Base(dist(t, f.wsreceiver)))
			require.Equal(t, []string{"daemon-reload", "daemon-reload"}, m.systemctl(), "an installation starts nothing")
			for path, want := range installed {
				require.Equal(t, want, m.stat(path), path)
			}
			require.Empty(t, m.shell("systemd-analyze verify --man=no /usr/lib/systemd/system/filebeat.service /usr/lib/systemd/system/wsreceiver.service"))
			require.Contains(t, m.shell("wsreceiver --version"), version(t))
			require.Contains(t, m.shell("wscheck --version"), version(t))
			require.Contains(t, m.shell("filebeat test config"), "Config OK")
			require.Contains(t, m.shell("filebeat modules enable nginx && filebeat modules list"), "Enabled:\nnginx\n")
			m.shell("filebeat export template | grep -q ingress_controller") // of the module nginx, in fields.yml too
			m.shell("grep -q ingress_controller /etc/filebeat/fields.yml")

			m.write("/etc/filebeat/modules.d/nginx.yml", nginxModule, 0o644)
			m.write("/var/log/access-of-nginx.txt", nginxLine, 0o644)
			wsreceiver, filebeat := m.startService("wsreceiver"), m.startService("filebeat")
			m.ship(filebeat, 1, 1000)
			beattest.Eventually(t, patience, "the line of the module is there", func() bool {
				return strings.Contains(m.records(), `"dataset":"nginx.access"`)
			})
			require.Zero(t, filebeat.Stop())

			m.shell("echo 'name: changed' >> /etc/filebeat/filebeat.yml")
			next := m.repackaged("filebeat-websocket", f.name, "99.0.0")
			on(f.upgrade, next)
			require.Equal(t, []string{"daemon-reload", "try-restart filebeat.service"}, m.systemctl(), "an upgrade restarts what runs")
			require.Contains(t, m.read("/etc/filebeat/filebeat.yml"), "name: changed")
			require.True(t, m.has("/etc/filebeat/modules.d/nginx.yml"))
			filebeat = m.startService("filebeat")
			m.ship(filebeat, 1001, 1100)
			require.Contains(t, m.records(), `"name":"changed"`)
			require.Zero(t, filebeat.Stop())
			require.Zero(t, wsreceiver.Stop())

			on(f.erase, "filebeat-websocket")
			require.Equal(t, []string{"disable --now filebeat.service", "daemon-reload"}, m.systemctl())
			require.False(t, m.has("/usr/share/filebeat/bin/filebeat"))
			require.False(t, m.has("/usr/lib/systemd/system/filebeat.service"))
			require.Contains(t, m.read(f.kept), "name: changed", "a changed configuration stays")
			require.True(t, m.has("/var/lib/filebeat/registry"), "the registry stays")
			on(f.erase, "wsreceiver")
			require.Equal(t, []string{"disable --now wsreceiver.service", "daemon-reload"}, m.systemctl())
			require.False(t, m.has("/usr/bin/wsreceiver"))
			if f.name != "deb" {
				return
			}
			m.shell("touch /etc/filebeat/ca.pem")
			require.Contains(t, m.shell("dpkg --purge filebeat-websocket"), "stay in /var/lib/filebeat")
			require.Equal(t, "ca.pem\n", m.shell("ls /etc/filebeat"), "a purge takes what is of the package")
			require.True(t, m.has("/var/lib/filebeat/registry"), "the registry stays even then")
		})
	}
}

// elastics stands for Elastic's package: its name, files, conffiles and what it does when it
// is removed.
const elastics = `mkdir -p /tmp/filebeat/DEBIAN /tmp/filebeat/etc/filebeat/modules.d /tmp/filebeat/usr/share/filebeat/bin /tmp/filebeat/var/lib/filebeat
cd /tmp/filebeat
printf 'Package: filebeat\nVersion: 8.15.0\nArchitecture: all\nMaintainer: none\nDescription: stands for that of Elastic\n' > DEBIAN/control
printf '/etc/filebeat/filebeat.yml\n/etc/filebeat/modules.d/nginx.yml.disabled\n' > DEBIAN/conffiles
printf '#!/bin/sh\nsystemctl --no-reload disable filebeat.service\nsystemctl stop filebeat.service\n' > DEBIAN/prerm
chmod 0755 DEBIAN/prerm
echo 'filebeat.inputs: [{type: filestream, id: app, paths: [/var/log/app.log]}]' > etc/filebeat/filebeat.yml
echo 'output.elasticsearch.hosts: ["localhost:9200"]' >> etc/filebeat/filebeat.yml
echo '- module: nginx' > etc/filebeat/modules.d/nginx.yml.disabled
echo fields > etc/filebeat/fields.yml
echo program > usr/share/filebeat/bin/filebeat
dpkg-deb --build /tmp/filebeat /tmp/filebeat.deb
dpkg --install /tmp/filebeat.deb`

// The state that a change of the package used to leave half-configured: changed conffiles, no
// terminal.
func TestPackageTakesThePlaceOfElastics(t *testing.T) {
	const status = `dpkg-query --show --showformat='${Package} ${db:Status-Status}\n' filebeat filebeat-websocket`
	deb := "/mnt/" + filepath.Base(dist(t, "filebeat-websocket-*-amd64.deb"))
	for name, install := range map[string]string{
		"apt":  "apt-get install --yes " + deb + " < /dev/null",
		"dpkg": "dpkg --install " + deb + " < /dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.shell(elastics)
			m.shell("echo 'name: mine' >> /etc/filebeat/filebeat.yml")
			m.shell("mv /etc/filebeat/modules.d/nginx.yml.disabled /etc/filebeat/modules.d/nginx.yml && echo '  access: {enabled: true}' >> /etc/filebeat/modules.d/nginx.yml")
			m.shell("dpkg --fsys-tarfile " + deb + " | tar --extract --to-stdout ./usr/share/filebeat/bin/filebeat > /tmp/program && chmod 0755 /tmp/program")
			m.shell("mkdir /var/lib/filebeat/registry")
			for _, keystore := range []string{"keystore create", "echo secret | keystore add TOKEN --stdin"} {
				m.shell(strings.Replace(keystore, "keystore", "/tmp/program -c /etc/filebeat/filebeat.yml --path.home /tmp --path.data /var/lib/filebeat keystore", 1))
			}
			m.shell(install)

			require.Equal(t, "filebeat config-files\nfilebeat-websocket installed\n", m.shell(status))
			require.Empty(t, m.shell("dpkg --audit"))
			require.Contains(t, m.read("/etc/filebeat/filebeat.yml"), "name: mine")
			require.Contains(t, m.read("/etc/filebeat/modules.d/nginx.yml"), "access")
			require.False(t, m.has("/etc/filebeat/modules.d/nginx.yml.disabled"), "a module is enabled or disabled, not both")
			require.True(t, m.has("/etc/filebeat/modules.d/apache.yml.disabled"))
			require.Contains(t, m.shell("filebeat keystore list"), "TOKEN")
			require.Contains(t, m.shell("filebeat test config"), "Config OK")
			if name == "dpkg" {
				return
			}
			// And back.
			m.shell("apt-get install --yes /tmp/filebeat.deb < /dev/null")
			require.Equal(t, "filebeat installed\nfilebeat-websocket config-files\n", m.shell(status))
			m.shell("dpkg --purge filebeat-websocket")
			require.Contains(t, m.read("/etc/filebeat/filebeat.yml"), "name: mine", "it is that of Elastic's package again")
		})
	}

	need(t, "rpm", "rpm")
	require.Equal(t, "filebeat", strings.TrimSpace(run(t, command(t, "rpm", "--query", "--package", "--conflicts", dist(t, "filebeat-websocket-*-x86_64.rpm")))))
}

// One word finds both packages.
func TestASearchForTheNameFindsBothPackages(t *testing.T) {
	for _, pattern := range []string{"filebeat-websocket-*-amd64.deb", "wsreceiver-*-amd64.deb"} {
		require.Contains(t, run(t, command(t, "dpkg-deb", "--field", dist(t, pattern), "Package", "Description")), "filebeat-websocket")
	}
}

// repackaged packs what build/dist was packed from with another version, and
// returns its path on the machine.
func (m *machine) repackaged(name, packager, number string) string {
	m.t.Helper()
	root := beattest.Root(m.t)
	packagers, err := filepath.Glob(filepath.Join(root, ".cache", "nfpm-*", "nfpm"))
	require.NoError(m.t, err)
	require.NotEmpty(m.t, packagers, "nfpm; install it with: go tool mage package -platforms=linux/amd64")
	path := "/opt/next." + packager
	packaging := command(m.t, packagers[len(packagers)-1], "package", "--config=build/package/"+name+".yaml", "--packager="+packager, "--target="+m.path(path))
	packaging.Dir = root
	packaging.Env = append(os.Environ(), "ARCH=amd64", "VERSION="+number, "STAGE="+filepath.Join(root, ".cache", "package", "linux-amd64"))
	run(m.t, packaging)
	return path
}
