// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
)

// problems returns what is wrong with the manifests although they decode. given
// are Secrets that are made elsewhere, with their keys.
func problems(all objects, given map[string][]string) []string {
	var found []string
	for _, check := range []func(objects, map[string][]string) []string{
		namespaceProblems, volumeProblems, referenceProblems, roleProblems, selectorProblems, portProblems, policyProblems, rightsProblems, timeProblems, scaleProblems,
	} {
		found = append(found, check(all, given)...)
	}
	return found
}

func TestManifestsFitTogether(t *testing.T) {
	t.Parallel()
	for _, folder := range folders {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, problems(load(t, folder), external[folder]))
		})
	}
}

// Each check finds what it is meant to find.
func TestChecksFindWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	manifests := string(rendered(t, "overlays/demo"))
	for name, change := range map[string]struct{ from, to, problem string }{
		"an object in a namespace that is not made":   {"  name: wsreceiver\n  namespace: filebeat-websocket", "  name: wsreceiver\n  namespace: other", "namespace other"},
		"a mount without its volume":                  {"          name: containers\n", "          name: container\n", "mounts container, which is not a volume"},
		"a volume that nothing mounts":                {"      - name: credentials\n        secret:\n          defaultMode: 256", "      - name: token\n        secret:\n          defaultMode: 256", "volume token is not mounted"},
		"two mounts in one place":                     {"mountPath: /var/log/pods", "mountPath: /var/log/containers", "mounts two volumes at /var/log/containers"},
		"a Secret that is not there":                  {"secretName: filebeat-websocket", "secretName: filebeat-websocket-1", "secret filebeat-websocket-1"},
		"a key that is not in the ConfigMap":          {"key: hosts", "key: host", "no key host"},
		"an account that is not there":                {"serviceAccountName: filebeat-websocket", "serviceAccountName: filebeat", "account filebeat"},
		"a binding to a role that is not there":       {"  kind: ClusterRole\n  name: filebeat-websocket", "  kind: ClusterRole\n  name: filebeat", "role filebeat"},
		"a binding of an account that is not there":   {"- kind: ServiceAccount\n  name: filebeat-websocket", "- kind: ServiceAccount\n  name: filebeat", "account filebeat"},
		"a selector that misses its own pods":         {"      app.kubernetes.io/component: agent\n      app.kubernetes.io/name: filebeat-websocket\n  template", "      app.kubernetes.io/component: agents\n      app.kubernetes.io/name: filebeat-websocket\n  template", "selector"},
		"a Service that selects no pod":               {"  selector:\n    app.kubernetes.io/component: receiver", "  selector:\n    app.kubernetes.io/component: receivers", "selects no pod"},
		"a Service to a port that no container has":   {"targetPort: http", "targetPort: https", "port https"},
		"a probe of a port that the container lacks":  {"          httpGet:\n            path: /inputs/\n            port: http", "          httpGet:\n            path: /inputs/\n            port: 80", "port 80"},
		"a probe of a port that filebeat is not on":   {"containerPort: 5066", "containerPort: 5067", "http.port"},
		"a policy for pods that are not there":        {"  podSelector:\n    matchLabels:\n      app.kubernetes.io/component: agent", "  podSelector:\n    matchLabels:\n      app.kubernetes.io/component: agents", "no NetworkPolicy says who may ask"},
		"a policy that lets everyone in":              {"    - namespaceSelector:\n        matchLabels:\n          filebeat-websocket/metrics: allow", "    - namespaceSelector: {}", "lets everyone in"},
		"a policy for a port that is not there":       {"    ports:\n    - port: http\n", "    ports:\n    - port: https\n", "no container has the port https"},
		"a container that may gain rights":            {"allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "allowPrivilegeEscalation"},
		"a capability that is kept":                   {"            drop:\n            - ALL", "            add:\n            - SYS_PTRACE\n            drop:\n            - ALL", "capabilities"},
		"a root file system that can be written to":   {"readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRootFilesystem"},
		"the node's network":                          {"      enableServiceLinks: false", "      enableServiceLinks: false\n      hostNetwork: true", "hostNetwork"},
		"no seccomp profile":                          {"type: RuntimeDefault", "type: Unconfined", "seccompProfile"},
		"a folder of the node that can be written to": {"          name: pods\n          readOnly: true", "          name: pods", "can write to /var/log/pods"},
		"a token for a pod without a role":            {"automountServiceAccountToken: false\n      containers", "automountServiceAccountToken: true\n      containers", "automountServiceAccountToken"},
		"no limit of memory":                          {"            memory: 200Mi", "            cpu: 1", "memory"},
		"a kill before filebeat's stop is over":       {"terminationGracePeriodSeconds: 30", "terminationGracePeriodSeconds: 10", "terminationGracePeriodSeconds"},
		"a stop that takes longer than is given":      {"close_timeout: 5s", "close_timeout: 60s", "terminationGracePeriodSeconds"},
		"a rollout of all nodes at once":              {"maxUnavailable: 10%", "maxSurge: 0", "maxUnavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, manifests, change.from)
			all, err := decode([]byte(strings.Replace(manifests, change.from, change.to, 1)))
			require.NoError(t, err)
			require.Contains(t, strings.Join(problems(all, nil), "\n"), change.problem)
		})
	}
}

// namespaceProblems are objects in namespaces that do not exist, and names or
// labels that are missing.
func namespaceProblems(all objects, _ map[string][]string) []string {
	var found []string
	made := map[string]bool{}
	for _, object := range all {
		if namespace, ok := object.(*corev1.Namespace); ok {
			made[namespace.Name] = true
		}
	}
	seen := map[string]bool{}
	for _, object := range all {
		meta := metaOf(object)
		id := fmt.Sprintf("%T %s/%s", object, meta.GetNamespace(), meta.GetName())
		if seen[id] {
			found = append(found, id+" is there twice")
		}
		seen[id] = true
		if meta.GetNamespace() == "" == isNamespaced(object) {
			found = append(found, id+" has a namespace, or has none, against its kind")
		}
		if namespace := meta.GetNamespace(); namespace != "" && !made[namespace] {
			found = append(found, fmt.Sprintf("%s is in the namespace %s, which is not made", id, namespace))
		}
		if meta.GetLabels()["app.kubernetes.io/part-of"] == "" {
			found = append(found, id+" has no label app.kubernetes.io/part-of")
		}
	}
	return found
}

// volumeProblems are mounts and volumes without each other.
func volumeProblems(all objects, _ map[string][]string) []string {
	var found []string
	for _, pod := range pods(all) {
		mounted := map[string]bool{}
		for _, volume := range pod.spec.Volumes {
			mounted[volume.Name] = false
		}
		for _, c := range pod.spec.Containers {
			places := map[string]bool{}
			for _, mount := range c.VolumeMounts {
				if _, ok := mounted[mount.Name]; !ok {
					found = append(found, fmt.Sprintf("%s mounts %s, which is not a volume", pod, mount.Name))
				}
				mounted[mount.Name] = true
				if places[mount.MountPath] {
					found = append(found, fmt.Sprintf("%s mounts two volumes at %s", pod, mount.MountPath))
				}
				places[mount.MountPath] = true
			}
		}
		for _, name := range slices.Sorted(maps.Keys(mounted)) {
			if !mounted[name] {
				found = append(found, fmt.Sprintf("%s: volume %s is not mounted", pod, name))
			}
		}
	}
	return found
}

// referenceProblems are names of ConfigMaps, Secrets and accounts, and keys in
// them, that do not exist.
func referenceProblems(all objects, given map[string][]string) []string {
	keys, accounts := map[string][]string{}, map[string]bool{}
	for name, list := range given {
		keys["secret "+name] = list
	}
	for _, object := range all {
		switch object := object.(type) {
		case *corev1.ConfigMap:
			keys["configMap "+object.Name] = slices.Collect(maps.Keys(object.Data))
		case *corev1.Secret:
			keys["secret "+object.Name] = slices.Collect(maps.Keys(object.Data))
		case *corev1.ServiceAccount:
			accounts[object.Name] = true
		}
	}
	var found []string
	need := func(pod workload, reference string, wanted ...string) {
		have, ok := keys[reference]
		if !ok {
			found = append(found, fmt.Sprintf("%s needs %s, which does not exist", pod, reference))
			return
		}
		for _, key := range wanted {
			if !slices.Contains(have, key) {
				found = append(found, fmt.Sprintf("%s: %s has no key %s", pod, reference, key))
			}
		}
	}
	for _, pod := range pods(all) {
		if name := pod.spec.ServiceAccountName; name != "" && !accounts[name] {
			found = append(found, fmt.Sprintf("%s needs the account %s, which does not exist", pod, name))
		}
		for _, volume := range pod.spec.Volumes {
			switch {
			case volume.ConfigMap != nil:
				need(pod, "configMap "+volume.ConfigMap.Name, paths(volume.ConfigMap.Items)...)
			case volume.Secret != nil:
				need(pod, "secret "+volume.Secret.SecretName, paths(volume.Secret.Items)...)
			}
		}
		for _, c := range pod.spec.Containers {
			for _, variable := range c.Env {
				switch from := variable.ValueFrom; {
				case from == nil:
				case from.ConfigMapKeyRef != nil:
					need(pod, "configMap "+from.ConfigMapKeyRef.Name, from.ConfigMapKeyRef.Key)
				case from.SecretKeyRef != nil:
					need(pod, "secret "+from.SecretKeyRef.Name, from.SecretKeyRef.Key)
				}
			}
		}
	}
	return found
}

func paths(items []corev1.KeyToPath) []string {
	var keys []string
	for _, item := range items {
		keys = append(keys, item.Key)
	}
	return keys
}
