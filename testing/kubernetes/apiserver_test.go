// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"

	"filebeat-websocket/testing/beattest"
)

// apiServer serves pods, nodes and namespaces to clients that have the token, as far
// as a ClusterRole allows. It refuses other requests and keeps a list of them.
type apiServer struct {
	authority string // file
	token     string
	rules     []rbacv1.PolicyRule
	server    *httptest.Server
	closing   chan struct{}

	mutex   sync.Mutex
	events  []apiEvent    // the n-th has the resourceVersion n+1
	changed chan struct{} // closed when there is another event
	asked   []string      // "verb resource fieldSelector" of all requests
	refused []string      // those that the rules do not allow
}

type apiEvent struct {
	resource string // such as pods
	kind     string // ADDED, MODIFIED, DELETED
	object   runtime.Object
}

func startAPIServer(t *testing.T, role *rbacv1.ClusterRole) *apiServer {
	t.Helper()
	ca := beattest.NewCA(t)
	a := &apiServer{authority: ca.File, token: "token of the account", rules: role.Rules, closing: make(chan struct{}), changed: make(chan struct{})}
	a.server = httptest.NewUnstartedServer(http.HandlerFunc(a.serve))
	a.server.TLS = &tls.Config{Certificates: []tls.Certificate{*ca.Issue("127.0.0.1")}, MinVersion: tls.VersionTLS12}
	a.server.StartTLS()
	t.Cleanup(func() {
		close(a.closing)
		a.server.CloseClientConnections()
		a.server.Close()
	})
	return a
}

func (a *apiServer) addr() string { return a.server.Listener.Addr().String() }

// set adds an object, changes it, or deletes it.
func (a *apiServer) set(resource, kind string, object runtime.Object) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	object = object.DeepCopyObject()
	metaOf(object).SetResourceVersion(strconv.Itoa(len(a.events) + 1))
	a.events = append(a.events, apiEvent{resource, kind, object})
	close(a.changed)
	a.changed = make(chan struct{})
}

// requests returns the different requests, and which of them were refused.
func (a *apiServer) requests() (asked, refused []string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	asked = slices.Clone(a.asked)
	slices.Sort(asked)
	return slices.Compact(asked), slices.Clone(a.refused)
}

func (a *apiServer) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer "+a.token {
		http.Error(w, "no token, or another", http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if r.Method == http.MethodGet && r.URL.Path == "/version" { // allowed to everyone with a token
		answer(w, version.Info{Major: "1", Minor: "29", GitVersion: "v1.29.5"})
		return
	}
	verb, group, resource, namespace := attributes(r)
	if !a.allowed(verb, group, resource, r) || namespace != "" {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	selector, err := fields.ParseSelector(r.URL.Query().Get("fieldSelector"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch verb {
	case "list":
		a.list(w, resource, selector)
	case "watch":
		a.watch(w, r, resource, selector)
	default:
		http.Error(w, "not served here", http.StatusMethodNotAllowed)
	}
}

// attributes are what a role is matched with: those of /api/v1/RESOURCE[/NAME],
// /apis/GROUP/VERSION/RESOURCE[/NAME], and of both with namespaces/NAME before
// RESOURCE.
func attributes(r *http.Request) (verb, group, resource, namespace string) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "apis" && len(parts) > 1 {
		group, parts = parts[1], parts[1:]
	}
	parts = parts[min(2, len(parts)):]
	if len(parts) > 2 && parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}
	if len(parts) > 0 {
		resource = parts[0]
	}
	switch {
	case r.Method != http.MethodGet:
		verb = strings.ToLower(r.Method)
	case len(parts) > 1:
		verb = "get"
	case r.URL.Query().Get("watch") != "" && r.URL.Query().Get("watch") != "false":
		verb = "watch"
	default:
		verb = "list"
	}
	return verb, group, resource, namespace
}

func (a *apiServer) allowed(verb, group, resource string, r *http.Request) bool {
	ok := slices.ContainsFunc(a.rules, func(rule rbacv1.PolicyRule) bool {
		return slices.Contains(rule.Verbs, verb) && slices.Contains(rule.APIGroups, group) && slices.Contains(rule.Resources, resource)
	})
	a.mutex.Lock()
	defer a.mutex.Unlock()
	request := strings.TrimSpace(fmt.Sprintf("%s %s %s", verb, resource, r.URL.Query().Get("fieldSelector")))
	a.asked = append(a.asked, request)
	if !ok {
		a.refused = append(a.refused, request+" ("+r.URL.Path+")")
	}
	return ok
}

func (a *apiServer) list(w http.ResponseWriter, resource string, selector fields.Selector) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	byName := map[string]runtime.Object{}
	for _, event := range a.events {
		if event.resource != resource || !selector.Matches(selectable(event.object)) {
			continue
		}
		meta := metaOf(event.object)
		byName[meta.GetNamespace()+"/"+meta.GetName()] = event.object
		if event.kind == "DELETED" {
			delete(byName, meta.GetNamespace()+"/"+meta.GetName())
		}
	}
	items := []runtime.Object{}
	for _, object := range byName {
		items = append(items, object)
	}
	kind := map[string]string{"pods": "PodList", "nodes": "NodeList", "namespaces": "NamespaceList"}[resource]
	answer(w, map[string]any{
		"kind": kind, "apiVersion": "v1", "items": items,
		"metadata": metav1.ListMeta{ResourceVersion: strconv.Itoa(len(a.events))},
	})
}

func (a *apiServer) watch(w http.ResponseWriter, r *http.Request, resource string, selector fields.Selector) {
	next, err := strconv.Atoi(r.URL.Query().Get("resourceVersion"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	for {
		a.mutex.Lock()
		events, changed := a.events[min(next, len(a.events)):], a.changed
		a.mutex.Unlock()
		next += len(events)
		for _, event := range events {
			if event.resource == resource && selector.Matches(selectable(event.object)) {
				answer(w, map[string]any{"type": event.kind, "object": event.object})
			}
		}
		_ = http.NewResponseController(w).Flush() // an error is the end of the request
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		case <-a.closing:
			return
		}
	}
}

func answer(w http.ResponseWriter, value any) {
	_ = json.NewEncoder(w).Encode(value) // an error is the end of the request
}

// selectable are the fields that requests select by.
func selectable(object runtime.Object) fields.Set {
	set := fields.Set{"metadata.name": nameOf(object)}
	if pod, ok := object.(*corev1.Pod); ok {
		set["spec.nodeName"] = pod.Spec.NodeName
	}
	return set
}

func TestAPIServerRefusesWhatTheRoleDoesNotAllow(t *testing.T) {
	t.Parallel()
	role := one[*rbacv1.ClusterRole](t, load(t, "base"), "filebeat-websocket")
	for request, allowed := range map[string]bool{
		"GET /api/v1/pods":                                             true,
		"GET /api/v1/pods?watch=true":                                  true,
		"GET /api/v1/nodes":                                            true,
		"GET /api/v1/namespaces?watch=1":                               true,
		"GET /api/v1/namespaces/default":                               false,
		"GET /api/v1/namespaces/default/pods/web-0":                    false,
		"GET /api/v1/secrets":                                          false,
		"GET /apis/apps/v1/replicasets":                                false,
		"GET /apis/batch/v1/namespaces/default/jobs":                   false,
		"DELETE /api/v1/namespaces/default/pods/a":                     false,
		"POST /api/v1/namespaces/default/pods":                         false,
		"GET /api/v1/namespaces/kube-system/configmaps/kubeadm-config": false,
	} {
		t.Run(request, func(t *testing.T) {
			t.Parallel()
			method, target, _ := strings.Cut(request, " ")
			a := &apiServer{rules: role.Rules}
			r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
			verb, group, resource, _ := attributes(r)
			require.Equal(t, allowed, a.allowed(verb, group, resource, r))
		})
	}
}
