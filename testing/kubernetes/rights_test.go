// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"fmt"
	"slices"
	"time"

	conf "github.com/elastic/elastic-agent-libs/config"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// workload is what makes pods: a DaemonSet, a Deployment or a StatefulSet.
type workload struct {
	name     string
	selector *metav1.LabelSelector
	labels   map[string]string
	spec     corev1.PodSpec
}

func (w workload) String() string { return w.name }

// pods returns the templates of all pods.
func pods(all objects) []workload {
	var found []workload
	for _, object := range all {
		switch o := object.(type) {
		case *appsv1.DaemonSet:
			found = append(found, workload{"DaemonSet " + o.Name, o.Spec.Selector, o.Spec.Template.Labels, o.Spec.Template.Spec})
		case *appsv1.Deployment:
			found = append(found, workload{"Deployment " + o.Name, o.Spec.Selector, o.Spec.Template.Labels, o.Spec.Template.Spec})
		case *appsv1.StatefulSet:
			spec := *o.Spec.Template.Spec.DeepCopy()
			for _, claim := range o.Spec.VolumeClaimTemplates {
				spec.Volumes = append(spec.Volumes, corev1.Volume{Name: claim.Name})
			}
			found = append(found, workload{"StatefulSet " + o.Name, o.Spec.Selector, o.Spec.Template.Labels, spec})
		}
	}
	return found
}

func metaOf(object runtime.Object) metav1.Object {
	accessor, err := meta.Accessor(object)
	if err != nil {
		panic(err) // what the decoder returns has metadata
	}
	return accessor
}

func nameOf(object runtime.Object) string { return metaOf(object).GetName() }

func isNamespaced(object runtime.Object) bool {
	switch object.(type) {
	case *corev1.Namespace, *rbacv1.ClusterRole, *rbacv1.ClusterRoleBinding:
		return false
	}
	return true
}

// roleProblems are bindings to nothing, or of nobody.
func roleProblems(all objects, _ map[string][]string) []string {
	roles, accounts := map[string]bool{}, map[string]bool{}
	for _, object := range all {
		switch o := object.(type) {
		case *rbacv1.ClusterRole:
			roles[o.Name] = true
		case *corev1.ServiceAccount:
			accounts[o.Namespace+"/"+o.Name] = true
		}
	}
	var found []string
	for _, binding := range bindings(all) {
		if binding.RoleRef.Kind != "ClusterRole" || !roles[binding.RoleRef.Name] {
			found = append(found, fmt.Sprintf("binding %s: the role %s does not exist", binding.Name, binding.RoleRef.Name))
		}
		for _, subject := range binding.Subjects {
			if subject.Kind != "ServiceAccount" || !accounts[subject.Namespace+"/"+subject.Name] {
				found = append(found, fmt.Sprintf("binding %s: the account %s does not exist in %s", binding.Name, subject.Name, subject.Namespace))
			}
		}
	}
	return found
}

func bindings(all objects) []*rbacv1.ClusterRoleBinding {
	var found []*rbacv1.ClusterRoleBinding
	for _, object := range all {
		if binding, ok := object.(*rbacv1.ClusterRoleBinding); ok {
			found = append(found, binding)
		}
	}
	return found
}

// selectorProblems are selectors that do not match their pods.
func selectorProblems(all objects, _ map[string][]string) []string {
	var found []string
	for _, pod := range pods(all) {
		selector, err := metav1.LabelSelectorAsSelector(pod.selector)
		if err != nil || selector.Empty() || !selector.Matches(labels.Set(pod.labels)) {
			found = append(found, fmt.Sprintf("%s: its selector does not match its template's labels", pod))
		}
	}
	return found
}

// portProblems are Services and probes that lead nowhere.
func portProblems(all objects, _ map[string][]string) []string {
	var found []string
	for _, object := range all {
		service, ok := object.(*corev1.Service)
		if !ok {
			continue
		}
		selected := slices.DeleteFunc(pods(all), func(pod workload) bool {
			return !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(pod.labels))
		})
		if len(selected) != 1 {
			found = append(found, fmt.Sprintf("Service %s selects no pod, or more than one kind", service.Name))
			continue
		}
		for _, port := range service.Spec.Ports {
			if !slices.ContainsFunc(selected[0].spec.Containers, func(c corev1.Container) bool { _, ok := portOf(c, port.TargetPort); return ok }) {
				found = append(found, fmt.Sprintf("Service %s: no container has the port %s", service.Name, port.TargetPort.String()))
			}
		}
	}
	for _, pod := range pods(all) {
		for _, c := range pod.spec.Containers {
			for _, probe := range []*corev1.Probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
				if probe == nil || probe.HTTPGet == nil {
					continue
				}
				if _, ok := portOf(c, probe.HTTPGet.Port); !ok {
					found = append(found, fmt.Sprintf("%s: a probe asks the port %s, which the container does not have", pod, probe.HTTPGet.Port.String()))
				}
			}
		}
	}
	return found
}

// portOf returns the number of a container's port.
func portOf(c corev1.Container, port intstr.IntOrString) (int32, bool) {
	for _, p := range c.Ports {
		if port.Type == intstr.String && p.Name == port.StrVal || port.Type == intstr.Int && p.ContainerPort == port.IntVal {
			return p.ContainerPort, true
		}
	}
	return 0, false
}

// writable are the folders of the node that a pod may write to.
var writable = []string{"/var/lib/filebeat-websocket"}

// rightsProblems are rights beyond what is needed.
func rightsProblems(all objects, _ map[string][]string) []string {
	var found []string
	bound := map[string]bool{}
	for _, binding := range bindings(all) {
		for _, subject := range binding.Subjects {
			bound[subject.Name] = true
		}
	}
	for _, pod := range pods(all) {
		problem := func(format string, args ...any) { found = append(found, pod.name+": "+fmt.Sprintf(format, args...)) }
		spec := pod.spec
		if spec.HostNetwork || spec.HostPID || spec.HostIPC {
			problem("hostNetwork, hostPID or hostIPC")
		}
		if token := spec.AutomountServiceAccountToken; token == nil || *token != bound[spec.ServiceAccountName] {
			problem("automountServiceAccountToken is to be true for an account with a role, and false for others")
		}
		if spec.SecurityContext == nil || spec.SecurityContext.SeccompProfile == nil || spec.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			problem("seccompProfile is not RuntimeDefault")
		}
		hostPaths := map[string]string{}
		for _, volume := range spec.Volumes {
			if volume.HostPath != nil {
				hostPaths[volume.Name] = volume.HostPath.Path
			}
		}
		for _, c := range spec.Containers {
			security := c.SecurityContext
			if security == nil {
				problem("no securityContext")
				continue
			}
			if security.AllowPrivilegeEscalation == nil || *security.AllowPrivilegeEscalation || security.Privileged == nil || *security.Privileged {
				problem("allowPrivilegeEscalation or privileged")
			}
			if c := security.Capabilities; c == nil || len(c.Add) > 0 || !slices.Equal(c.Drop, []corev1.Capability{"ALL"}) {
				problem("capabilities are not dropped, or some are added")
			}
			if security.ReadOnlyRootFilesystem == nil || !*security.ReadOnlyRootFilesystem {
				problem("readOnlyRootFilesystem is not set")
			}
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Memory().IsZero() {
				problem("no limit of, or no request for memory")
			}
			for _, mount := range c.VolumeMounts {
				if path := hostPaths[mount.Name]; path != "" && !mount.ReadOnly && !slices.Contains(writable, path) {
					problem("can write to %s of the node", path)
				}
			}
		}
	}
	return found
}

// timeProblems are a stop that the kubelet would cut short, and what else the
// DaemonSet says that filebeat.yml has to agree with.
func timeProblems(all objects, _ map[string][]string) []string {
	var found []string
	for _, object := range all {
		set, ok := object.(*appsv1.DaemonSet)
		if !ok {
			continue
		}
		if update := set.Spec.UpdateStrategy.RollingUpdate; update == nil || update.MaxUnavailable == nil {
			found = append(found, "DaemonSet: no maxUnavailable")
		}
		settings, err := shutdownSettings(all)
		if err != nil {
			found = append(found, "filebeat.yml: "+err.Error())
			continue
		}
		grace := set.Spec.Template.Spec.TerminationGracePeriodSeconds
		if stop := settings.Output.CloseTimeout + settings.ShutdownTimeout; grace == nil || time.Duration(*grace)*time.Second <= stop {
			found = append(found, fmt.Sprintf("DaemonSet: terminationGracePeriodSeconds is not above %v", stop))
		}
		if port, ok := portOf(set.Spec.Template.Spec.Containers[0], intstr.FromString("http")); !ok || port != settings.Port {
			found = append(found, fmt.Sprintf("DaemonSet: port %d is not filebeat.yml's http.port %d", port, settings.Port))
		}
	}
	return found
}

// agentSettings are the settings of filebeat.yml that the DaemonSet depends on.
type agentSettings struct {
	Output struct {
		CloseTimeout time.Duration `config:"close_timeout" validate:"required"`
	} `config:"output.websocket"`
	ShutdownTimeout time.Duration `config:"filebeat.shutdown_timeout" validate:"required"`
	Port            int32         `config:"http.port" validate:"required"`
}

func shutdownSettings(all objects) (settings agentSettings, err error) {
	for _, object := range all {
		if configMap, ok := object.(*corev1.ConfigMap); ok {
			parsed, err := conf.NewConfigWithYAML([]byte(configMap.Data["filebeat.yml"]), "filebeat.yml")
			if err != nil {
				return settings, err
			}
			return settings, parsed.Unpack(&settings)
		}
	}
	return settings, fmt.Errorf("no ConfigMap")
}
