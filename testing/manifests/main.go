// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

// Command manifests reads what is shipped for other tools, with the libraries of these
// tools. It is a module of its own: their versions must not move those of the programs.
//
//	manifests helm CHART NAMESPACE [VALUES...]    the chart's objects, as YAML; VALUES are YAML files
//	manifests compose FILE [PROFILE...]           the services of the profiles, as JSON
//	manifests podmonitor < MANIFEST               nothing, or an error
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) >= 3 && args[0] == "helm":
		return helm(args[1], args[2], args[3:])
	case len(args) >= 2 && args[0] == "compose":
		return compose(args[1], args[2:])
	case len(args) == 1 && args[0] == "podmonitor":
		content, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return yaml.UnmarshalStrict(content, &monitoringv1.PodMonitor{})
	}
	return errors.New("usage: manifests helm|compose|podmonitor …")
}

// helm renders a chart as `helm template` does. The schema of the values is checked.
func helm(folder, namespace string, files []string) error {
	chart, err := loader.LoadDir(folder)
	if err != nil {
		return err
	}
	if err := chart.Validate(); err != nil {
		return err
	}
	values := map[string]any{}
	for _, file := range files {
		more, err := chartutil.ReadValuesFile(file)
		if err != nil {
			return err
		}
		values = chartutil.MergeTables(more, values)
	}
	options := chartutil.ReleaseOptions{Name: chart.Name(), Namespace: namespace, IsInstall: true, Revision: 1}
	all, err := chartutil.ToRenderValues(chart, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return err
	}
	rendered, err := engine.Engine{Strict: true}.Render(chart, all)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if filepath.Ext(name) == ".yaml" && strings.TrimSpace(rendered[name]) != "" {
			fmt.Printf("---\n# Source: %s\n%s\n", name, strings.TrimSpace(rendered[name]))
		}
	}
	return nil
}

// compose prints the services as `docker compose config` does.
func compose(file string, profiles []string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles(profiles), cli.WithOsEnv)
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(project)
}
