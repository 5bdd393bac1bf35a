// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"filebeat-websocket/testing/beattest"
)

var (
	fence          = regexp.MustCompile("(?s)```(\\w+)\n(.*?)```")
	yamlFile       = regexp.MustCompile(`^# (build/kubernetes/overlays/[^\s,]+|values.yaml)(, more)?\n`)
	inDocs         = filepath.Join("docs", "kubernetes.md")
	manifestFolder = filepath.Join("build", "kubernetes")
)

// The overlays of the document are written beside the real ones, and then every
// command has to find what it names.
func TestDocsOfKubernetes(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(beattest.Root(t), inDocs))
	require.NoError(t, err)
	checkout := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(checkout, manifestFolder), os.DirFS(filepath.Join(beattest.Root(t), manifestFolder))))

	var commands, overlays []string
	for _, block := range fence.FindAllStringSubmatch(string(document), -1) {
		switch language, text := block[1], block[2]; language {
		case "yaml":
			if strings.HasPrefix(text, annotated) {
				continue // TestAnnotationsSayHowLogsAreRead
			}
			name := yamlFile.FindStringSubmatch(text)
			require.NotNil(t, name, "the first line says which file it is: %s", text)
			path := filepath.Join(checkout, name[1])
			if name[2] != "" { // in a copy of the overlay, so that it is tested with and without
				more := filepath.Join(filepath.Dir(filepath.Dir(path)), "more")
				require.NoError(t, os.CopyFS(more, os.DirFS(filepath.Dir(path))))
				path = filepath.Join(more, filepath.Base(path))
				content, err := os.ReadFile(path)
				require.NoError(t, err)
				text = string(content) + text
			}
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			if filepath.Base(path) == "kustomization.yaml" {
				overlays = append(overlays, filepath.Dir(path))
			}
		case "sh":
			commands = append(commands, strings.Split(strings.TrimSpace(text), "\n")...)
		default:
			require.FailNow(t, "a block in a language that this test does not know", language)
		}
	}
	require.Len(t, overlays, 3)
	for _, overlay := range []string{"mine", "more"} {
		require.NoError(t, os.WriteFile(filepath.Join(checkout, manifestFolder, "overlays", overlay, "token"), []byte("secret"), 0o600))
	}

	for _, overlay := range overlays {
		t.Run(filepath.Base(overlay), func(t *testing.T) {
			t.Parallel()
			manifests, _ := withoutMonitors(t, render(t, overlay))
			all, err := decode(manifests)
			require.NoError(t, err)
			given := map[string]map[string][]byte{}
			keys := map[string][]string{}
			if filepath.Base(overlay) == "given" {
				given["filebeat-websocket"], keys["filebeat-websocket"] = map[string][]byte{"token": []byte("secret")}, []string{"token"}
			} else {
				require.Equal(t, "secret", string(one[*corev1.Secret](t, all, "filebeat-websocket").Data["token"]))
			}
			if filepath.Base(overlay) == "more" {
				given, keys = tlsSecret(t, beattest.NewCA(t), "overlays/tls"), external["overlays/tls"]
			}
			require.Empty(t, problems(all, keys))
			output, err := testConfig(t, all, given)
			require.NoError(t, err, output)
		})
	}
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			requireCommand(t, checkout, command)
		})
	}
}

// commandForms are the commands of the document, each with what makes sure that it
// finds what it names; named[0] is the whole command.
var commandForms = map[*regexp.Regexp]func(t *testing.T, checkout string, named []string){
	regexp.MustCompile(`^docker build -f (\S+) -t (\S+)(?: --target \S+)? \.$`): func(t *testing.T, _ string, named []string) {
		dockerfile, err := os.ReadFile(filepath.Join(beattest.Root(t), named[1]))
		require.NoError(t, err)
		require.Contains(t, string(dockerfile), "\n#   "+named[0]+"\n", "the command that the Dockerfile names")
		require.NotEmpty(t, imageOf(t, named[2]).entrypoint)
	},
	regexp.MustCompile(`^kubectl (?:apply|diff|delete) -k (\S+)$`): func(t *testing.T, checkout string, named []string) {
		_, err := decode(render(t, filepath.Join(checkout, named[1])))
		require.NoError(t, err)
	},
	regexp.MustCompile(`^kubectl apply -f (\S+)$`): func(t *testing.T, checkout string, named []string) {
		content, err := os.ReadFile(filepath.Join(checkout, named[1]))
		require.NoError(t, err)
		all, err := decode(content)
		require.NoError(t, err)
		require.NotEmpty(t, all)
	},
	regexp.MustCompile(`^kubectl -n (\S+) rollout (?:status|restart|undo) daemonset/(\S+)$`): func(t *testing.T, _ string, named []string) {
		require.Equal(t, named[1], one[*appsv1.DaemonSet](t, load(t, "base"), named[2]).Namespace)
	},
	regexp.MustCompile(`^kubectl (?:create|delete) namespace filebeat-websocket$`): func(*testing.T, string, []string) {},
	regexp.MustCompile(`^kubectl label namespace (\S+) (pod-security\S+)=(\S+)$`): func(t *testing.T, _ string, named []string) {
		require.Equal(t, named[3], one[*corev1.Namespace](t, load(t, "base"), named[1]).Labels[named[2]])
	},
	regexp.MustCompile(`^helm install (\S+) (\S+) --namespace (\S+) --values (\S+)$`): func(t *testing.T, checkout string, named []string) {
		manifests, complaints := foreign(t, nil, nil, "helm", named[2], named[3], filepath.Join(checkout, named[4]))
		require.Empty(t, complaints)
		rest, _ := withoutMonitors(t, manifests)
		all, err := decode(rest)
		require.NoError(t, err)
		require.Equal(t, named[3], one[*appsv1.DaemonSet](t, all, named[1]).Namespace)
	},
	regexp.MustCompile(`^helm uninstall filebeat-websocket --namespace filebeat-websocket$`): func(*testing.T, string, []string) {},
	regexp.MustCompile(`^kubectl label namespace \S+ ((filebeat-websocket|wsreceiver)/\S+)=(\S+)$`): func(t *testing.T, _ string, named []string) {
		folder := map[string]string{"filebeat-websocket": "base", "wsreceiver": "receivers"}[named[2]]
		from := one[*networkingv1.NetworkPolicy](t, load(t, folder), named[2]).Spec.Ingress[0].From
		require.Equal(t, map[string]string{named[1]: named[3]}, from[0].NamespaceSelector.MatchLabels)
	},
	regexp.MustCompile(`^kubectl -n (\S+) rollout status deployment/(\S+)$`): func(t *testing.T, _ string, named []string) {
		require.Equal(t, named[1], one[*appsv1.Deployment](t, load(t, "receivers"), named[2]).Namespace)
	},
	regexp.MustCompile(`^kubectl -n (\S+) rollout status statefulset/(\S+)$`): func(t *testing.T, _ string, named []string) {
		require.Equal(t, named[1], one[*appsv1.StatefulSet](t, load(t, "receiver"), named[2]).Namespace)
	},
	regexp.MustCompile(`^kubectl -n (\S+) port-forward service/(\S+) (8080)$`): func(t *testing.T, _ string, named []string) {
		service := one[*corev1.Service](t, load(t, "overlays/demo"), named[2])
		require.Equal(t, named[1], service.Namespace)
		require.Equal(t, named[3], fmt.Sprint(service.Spec.Ports[0].Port))
	},
	regexp.MustCompile(`^kubectl -n (\S+) create secret generic (\S+) (.*)$`): func(t *testing.T, _ string, named []string) {
		var files []string
		for _, key := range external["overlays/tls"][named[2]] {
			files = append(files, "--from-file="+key)
		}
		require.Equal(t, strings.Join(files, " "), named[3])
	},
}

// annotated is the first line of the annotations in the document.
const annotated = "# a pod, or the template of a Deployment\n"

// documentedAnnotations returns them.
func documentedAnnotations(t *testing.T) map[string]string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(beattest.Root(t), inDocs))
	require.NoError(t, err)
	var pod corev1.Pod
	_, after, found := strings.Cut(string(document), annotated)
	require.True(t, found)
	text, _, _ := strings.Cut(after, "```")
	require.NoError(t, yaml.UnmarshalStrict([]byte(text), &pod))
	return pod.Annotations
}

func requireCommand(t *testing.T, checkout, command string) {
	t.Helper()
	for form, check := range commandForms {
		if named := form.FindStringSubmatch(command); named != nil {
			check(t, checkout, named)
			return
		}
	}
	require.FailNow(t, "a command of a form that this test does not know")
}
