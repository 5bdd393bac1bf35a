// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// policyProblems are DaemonSets whose ports are open to every pod, and policies
// that lead nowhere. Ports of Deployments are there for others.
func policyProblems(all objects, _ map[string][]string) []string {
	var found []string
	guarded := map[string]bool{}
	for _, object := range all {
		policy, ok := object.(*networkingv1.NetworkPolicy)
		if !ok {
			continue
		}
		if !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			found = append(found, fmt.Sprintf("NetworkPolicy %s is not for Ingress", policy.Name))
		}
		selected := slices.DeleteFunc(pods(all), func(pod workload) bool {
			return !labels.SelectorFromSet(policy.Spec.PodSelector.MatchLabels).Matches(labels.Set(pod.labels))
		})
		if len(selected) != 1 || emptySelector(&policy.Spec.PodSelector) {
			found = append(found, fmt.Sprintf("NetworkPolicy %s selects no pod, or more than one kind", policy.Name))
			continue
		}
		guarded[selected[0].name] = true
		for _, rule := range policy.Spec.Ingress {
			found = append(found, ruleProblems(policy.Name, rule, selected[0])...)
		}
	}
	for _, pod := range pods(all) {
		open := slices.ContainsFunc(pod.spec.Containers, func(c corev1.Container) bool { return len(c.Ports) > 0 })
		if open && strings.HasPrefix(pod.name, "DaemonSet ") && !guarded[pod.name] {
			found = append(found, fmt.Sprintf("%s: no NetworkPolicy says who may ask its port", pod))
		}
	}
	return found
}

// ruleProblems are a rule that lets everyone in, or to ports that are not there.
func ruleProblems(name string, rule networkingv1.NetworkPolicyIngressRule, pod workload) []string {
	var found []string
	everyone := len(rule.From) == 0 || slices.ContainsFunc(rule.From, func(peer networkingv1.NetworkPolicyPeer) bool {
		return peer.IPBlock == nil && emptySelector(peer.NamespaceSelector)
	})
	if everyone {
		found = append(found, fmt.Sprintf("NetworkPolicy %s lets everyone in", name))
	}
	if len(rule.Ports) == 0 {
		found = append(found, fmt.Sprintf("NetworkPolicy %s names no port", name))
	}
	for _, port := range rule.Ports {
		known := port.Port != nil && slices.ContainsFunc(pod.spec.Containers, func(c corev1.Container) bool {
			_, ok := portOf(c, *port.Port)
			return ok
		})
		if !known {
			found = append(found, fmt.Sprintf("NetworkPolicy %s: no container has the port %s", name, port.Port))
		}
	}
	return found
}

// emptySelector reports whether a selector names nothing, and so selects all.
func emptySelector(selector *metav1.LabelSelector) bool {
	return selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0
}
