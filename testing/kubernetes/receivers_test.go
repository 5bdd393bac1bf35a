// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"filebeat-websocket/testing/beattest"
)

// shutdownTime is what wsreceiver takes at most for its shutdown, after --shutdown-delay.
const shutdownTime = 10 * time.Second

// flagOf returns the value of a flag in the arguments of a container.
func flagOf(c corev1.Container, name string) string {
	for _, arg := range c.Args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

func durationOf(c corev1.Container, name string) time.Duration {
	duration, err := time.ParseDuration(flagOf(c, name))
	if err != nil {
		return 0
	}
	return duration
}

// scaleProblems are what does not fit together around a workload that has more than one
// pod: budgets, autoscalers and Ingresses that lead nowhere, and times against the flags.
func scaleProblems(all objects, given map[string][]string) []string {
	var found []string
	problem := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	workloads := pods(all)
	for _, object := range all {
		switch o := object.(type) {
		case *policyv1.PodDisruptionBudget:
			if !slices.ContainsFunc(workloads, func(w workload) bool {
				return o.Spec.Selector != nil && labels.SelectorFromSet(o.Spec.Selector.MatchLabels).Matches(labels.Set(w.labels))
			}) {
				problem("PodDisruptionBudget %s selects no pod", o.Name)
			}
		case *autoscalingv2.HorizontalPodAutoscaler:
			target := o.Spec.ScaleTargetRef.Kind + " " + o.Spec.ScaleTargetRef.Name
			if !slices.ContainsFunc(workloads, func(w workload) bool { return w.name == target }) {
				problem("HorizontalPodAutoscaler %s is for %s, which is not there", o.Name, target)
			}
			if o.Spec.MinReplicas == nil || *o.Spec.MinReplicas < 3 {
				problem("HorizontalPodAutoscaler %s has fewer than 3 replicas", o.Name)
			}
			for _, w := range workloads {
				window := o.Spec.Behavior.ScaleDown.StabilizationWindowSeconds
				if age := durationOf(w.spec.Containers[0], "max-connection-age"); w.name == target && (window == nil || time.Duration(*window)*time.Second < age*3/2) {
					problem("HorizontalPodAutoscaler %s decides before connections have spread: 1.5 times %v", o.Name, age)
				}
			}
		case *appsv1.Deployment:
			if rolling := o.Spec.Strategy.RollingUpdate; o.Spec.Replicas == nil && (rolling == nil || rolling.MaxUnavailable == nil || rolling.MaxUnavailable.IntValue() != 0) {
				problem("Deployment %s: a rollout takes receivers away before others are there", o.Name)
			}
		case *appsv1.StatefulSet:
			if !slices.ContainsFunc(all, func(other runtime.Object) bool {
				service, ok := other.(*corev1.Service)
				return ok && service.Name == o.Spec.ServiceName
			}) {
				problem("StatefulSet %s: the Service %s is not there", o.Name, o.Spec.ServiceName)
			}
		case *networkingv1.Ingress:
			found = append(found, ingressProblems(all, o, given)...)
		}
	}
	for _, w := range workloads {
		c := w.spec.Containers[0]
		if c.Name != "wsreceiver" {
			continue
		}
		grace := w.spec.TerminationGracePeriodSeconds
		if stop := durationOf(c, "shutdown-delay") + shutdownTime; grace != nil && time.Duration(*grace)*time.Second <= stop || grace == nil && stop >= 30*time.Second {
			problem("%s: terminationGracePeriodSeconds is not above %v", w, stop)
		}
		if probe := c.ReadinessProbe; probe != nil {
			notices := time.Duration(max(probe.FailureThreshold, 1)*probe.PeriodSeconds) * time.Second
			if delay := durationOf(c, "shutdown-delay"); delay != 0 && delay < 2*notices {
				problem("%s: --shutdown-delay is shorter than twice the %v in which the probe notices", w, notices)
			}
		}
	}
	return found
}

func ingressProblems(all objects, ingress *networkingv1.Ingress, given map[string][]string) []string {
	var found []string
	problem := func(format string, args ...any) {
		found = append(found, fmt.Sprintf("Ingress %s: ", ingress.Name)+fmt.Sprintf(format, args...))
	}
	for _, secured := range ingress.Spec.TLS {
		if _, ok := given[secured.SecretName]; !ok {
			problem("the Secret %s is not there", secured.SecretName)
		}
	}
	for _, rule := range ingress.Spec.Rules {
		for _, path := range rule.HTTP.Paths {
			backend := path.Backend.Service
			service := slices.IndexFunc(all, func(object runtime.Object) bool {
				service, ok := object.(*corev1.Service)
				return ok && service.Name == backend.Name && slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == backend.Port.Name })
			})
			if service < 0 {
				problem("the Service %s with the port %s is not there", backend.Name, backend.Port.Name)
			}
			for _, w := range pods(all) {
				if served := flagOf(w.spec.Containers[0], "path"); served != path.Path {
					problem("%s is not the path %s that receivers serve", path.Path, served)
				}
				age := durationOf(w.spec.Containers[0], "max-connection-age")
				for name, patience := range tunnelTimeouts(ingress) {
					if patience <= age {
						problem("%s cuts connections before --max-connection-age", name)
					}
				}
			}
		}
	}
	return found
}

// tunnelTimeouts are the annotations that say how long a connection may be silent; nginx
// has seconds, HAProxy units.
func tunnelTimeouts(ingress *networkingv1.Ingress) map[string]time.Duration {
	times := map[string]time.Duration{}
	for _, name := range []string{"nginx.ingress.kubernetes.io/proxy-read-timeout", "nginx.ingress.kubernetes.io/proxy-send-timeout"} {
		seconds, err := strconv.Atoi(ingress.Annotations[name])
		if err != nil {
			seconds = 0 // too short, like one that is missing
		}
		times[name] = time.Duration(seconds) * time.Second
	}
	for _, name := range []string{"haproxy.org/timeout-tunnel", "haproxy-ingress.github.io/timeout-tunnel"} {
		duration, err := time.ParseDuration(ingress.Annotations[name])
		if err != nil {
			duration = 0 // likewise
		}
		times[name] = duration
	}
	return times
}

func TestChecksFindWhatDoesNotFitAroundReceivers(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ folder, from, to, problem string }{
		"a budget for pods that are not there":     {"receivers", "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component: receiver", "  maxUnavailable: 1\n  selector:\n    matchLabels:\n      app.kubernetes.io/component: receivers", "PodDisruptionBudget wsreceiver selects no pod"},
		"an autoscaler for what is not there":      {"receivers", "    kind: Deployment\n    name: wsreceiver", "    kind: Deployment\n    name: receiver", "Deployment receiver, which is not there"},
		"an autoscaler that leaves one":            {"receivers", "minReplicas: 3", "minReplicas: 1", "fewer than 3"},
		"an autoscaler that decides too soon":      {"receivers", "stabilizationWindowSeconds: 1800", "stabilizationWindowSeconds: 300", "before connections have spread"},
		"a rollout that takes receivers away":      {"receivers", "maxUnavailable: 0", "maxUnavailable: 1", "takes receivers away"},
		"a kill before the shutdown is over":       {"receivers", "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 25", "terminationGracePeriodSeconds is not above 25s"},
		"a delay in which nobody notices":          {"receivers", "--shutdown-delay=15s", "--shutdown-delay=5s", "shorter than twice the 6s"},
		"an Ingress to a Service that isn't there": {"receivers", "          service:\n            name: wsreceiver", "          service:\n            name: receiver", "the Service receiver with the port http is not there"},
		"an Ingress to another path":               {"receivers", "path: /ingest", "path: /logs", "/logs is not the path /ingest"},
		"a certificate that is not there":          {"receivers", "secretName: wsreceiver-tls", "secretName: tls", "the Secret tls is not there"},
		"nginx cuts silent connections":            {"receivers", `proxy-read-timeout: "3600"`, `proxy-read-timeout: "60"`, "proxy-read-timeout cuts connections"},
		"HAProxy cuts silent connections":          {"receivers", "haproxy.org/timeout-tunnel: 1h", "haproxy.org/timeout-tunnel: 1m", "timeout-tunnel cuts connections"},
		"a StatefulSet without its Service":        {"receiver", "serviceName: wsreceiver", "serviceName: records", "the Service records is not there"},
		"a mount without its claim":                {"receiver", "        name: records\n", "        name: record\n", "mounts record, which is not a volume"},
		"a root file system that can be written":   {"receivers", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "readOnlyRootFilesystem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manifests := string(rendered(t, change.folder))
			require.Contains(t, manifests, change.from)
			all, err := decode([]byte(strings.Replace(manifests, change.from, change.to, 1)))
			require.NoError(t, err)
			require.Contains(t, strings.Join(problems(all, external[change.folder]), "\n"), change.problem)
		})
	}
}

// The flags of the manifests are those of the program.
func TestReceiversTakeTheirArguments(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"receiver", "receivers"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			all := load(t, folder)
			container := pods(all)[0].spec.Containers[0]
			var args []string
			for _, arg := range container.Args {
				for _, object := range all {
					if configMap, ok := object.(*corev1.ConfigMap); ok {
						arg = strings.ReplaceAll(arg, "$(WSRECEIVER_OUT)", configMap.Data["out"])
					}
				}
				args = append(args, arg)
			}
			output, err := exec.CommandContext(t.Context(), beattest.Binary(t, "wsreceiver"), append(args, "--version")...).CombinedOutput()
			require.NoError(t, err, string(output))
			_, ok := portOf(container, intstr.FromInt32(8080))
			require.True(t, ok)
			require.True(t, strings.HasSuffix(flagOf(container, "listen"), ":8080"))
		})
	}
}
