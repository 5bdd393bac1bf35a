// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package websocket

import (
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/elastic/beats/v7/libbeat/beat"
	"github.com/elastic/beats/v7/libbeat/outputs/codec/json"
	conf "github.com/elastic/elastic-agent-libs/config"

	"filebeat-websocket/outputs/codec"
	"filebeat-websocket/outputs/websocket/internal/options"
)

// The documents at the root of the module, as seen from this folder.
const (
	root          = "../.."
	readmeFile    = root + "/README.md"
	settingsFile  = root + "/docs/configuration.md"
	referenceFile = root + "/filebeat.reference.yml"
	shortFile     = root + "/filebeat.yml"
)

// oneHost is the YAML of the one setting that has no default.
const oneHost = "hosts: [h]\n"

// documented is a setting as the code or a document has it.
type documented struct {
	key, alias   string
	defaultValue string // YAML, empty if the document gives none
	text         string // what the document says of it
	section      bool   // read by libbeat's library; its keys are not ours to list
	index        []int  // of the field in config, in the code only; nil for an option of a codec
}

// settingsOfTheCode walks the config struct. Nested structs give dotted keys.
func settingsOfTheCode() map[string]documented {
	found := map[string]documented{}
	var walk func(of reflect.Type, prefix string, index []int)
	walk = func(of reflect.Type, prefix string, index []int) {
		for field := range of.Fields() {
			key, options, _ := strings.Cut(field.Tag.Get("config"), ",")
			s := documented{
				key:     prefix + key,
				alias:   field.Tag.Get("alias"),
				section: options == "ucfg",
				index:   append(slices.Clone(index), field.Index...),
			}
			if key == "-" {
				continue
			}
			if field.Type.Kind() == reflect.Struct && !s.section {
				walk(field.Type, s.key+".", s.index)
				continue
			}
			found[s.key] = s
		}
	}
	walk(reflect.TypeFor[config](), "", nil)
	for name, ofCodec := range options.Defaults() {
		for _, key := range options.Places(name, ofCodec) {
			found[key] = documented{key: key}
		}
	}
	return found
}

// sectionOf returns the key of the section that key belongs to, or key itself.
func sectionOf(key string, code map[string]documented) string {
	if first, _, nested := strings.Cut(key, "."); nested && code[first].section {
		return first
	}
	return key
}

// settingsOfTheTables reads the tables of docs/configuration.md that have this
// header. The columns are separated by " | ", and code is in backquotes.
func settingsOfTheTables(t *testing.T) []documented {
	t.Helper()
	const header = "| key | alias | default | meaning |"
	var found []documented
	inTable := false
	for line := range strings.Lines(readDocument(t, settingsFile)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			inTable = false
			continue
		}
		if line == header || !inTable {
			inTable = line == header
			continue
		}
		if strings.HasPrefix(line, "|---") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		require.GreaterOrEqual(t, len(cells), 4, line)
		cell := func(i int) string { return strings.Trim(strings.TrimSpace(cells[i]), "`") }
		found = append(found, documented{
			key: cell(0), alias: cell(1), defaultValue: cell(2), text: strings.TrimSpace(strings.Join(cells[3:], "|")),
		})
	}
	return found
}

var (
	referenceKey   = regexp.MustCompile(`^  #?([a-z]\w*(?:\.\w+)*):\s*(.*)$`) // hosts is not commented out
	referenceAlias = regexp.MustCompile(`Alias: (\w+)\.`)
	// proseDefault finds the default in the prose before a key of the reference
	// file. Words such as "none" and "empty" say that there is none.
	proseDefault = regexp.MustCompile(`[Tt]he default is ([^\s,]+?)[.,]?(?:\s|$)`)
)

// settingsOfTheReference reads the keys of our section of the reference file,
// each with the prose before it.
func settingsOfTheReference(t *testing.T) []documented {
	t.Helper()
	var found []documented
	var prose []string
	for line := range strings.Lines(referenceSection(t)) {
		line = strings.TrimRight(line, "\n")
		if text, isProse := strings.CutPrefix(line, "  # "); isProse {
			prose = append(prose, text)
			continue
		}
		if match := referenceKey.FindStringSubmatch(line); match != nil {
			s := documented{key: match[1], defaultValue: match[2], text: strings.Join(prose, " ")}
			if alias := referenceAlias.FindStringSubmatch(s.text); alias != nil {
				s.alias = alias[1]
			}
			found = append(found, s)
		}
		if strings.TrimSpace(line) == "" {
			prose = nil
		}
	}
	return found
}

// referenceSection returns what stands under output.websocket in the reference
// file, as it stands there.
func referenceSection(t *testing.T) string {
	t.Helper()
	_, section, found := strings.Cut(readDocument(t, referenceFile), "\noutput.websocket:\n")
	require.True(t, found, "%s has no output.websocket", referenceFile)
	section, _, found = strings.Cut(section, "\n# ---")
	require.True(t, found, "the outputs of stock Filebeat follow")
	return section
}

// commentedOut finds an option; prose has a space behind the #.
var commentedOut = regexp.MustCompile(`(?m)^(\s*)#([a-z])`)

func readDocument(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// comparableConfig returns c without what libbeat's library reads and without the
// hosts, and with nil in the place of empty lists and maps.
func comparableConfig(c *config) config {
	var normalize func(value reflect.Value)
	normalize = func(value reflect.Value) {
		for i := range value.NumField() {
			field, kind := value.Field(i), value.Field(i).Kind()
			_, options, _ := strings.Cut(value.Type().Field(i).Tag.Get("config"), ",")
			switch {
			case options == "ucfg", (kind == reflect.Map || kind == reflect.Slice) && field.Len() == 0:
				field.SetZero()
			case kind == reflect.Struct:
				normalize(field)
			}
		}
	}
	same := *c
	same.Hosts = nil
	same.Options = options.All{}
	for name, ofCodec := range c.Options {
		copied := reflect.New(reflect.TypeOf(ofCodec).Elem())
		copied.Elem().Set(reflect.ValueOf(ofCodec).Elem())
		normalize(copied.Elem())
		same.Options[name], _ = reflect.TypeAssert[codec.Options](copied)
	}
	normalize(reflect.ValueOf(&same).Elem())
	return same
}

func TestDocsNameEverySetting(t *testing.T) {
	for name, read := range map[string]func(*testing.T) []documented{
		settingsFile:  settingsOfTheTables,
		referenceFile: settingsOfTheReference,
	} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			code := settingsOfTheCode()
			named := map[string]bool{}
			for _, s := range read(t) {
				key := sectionOf(s.key, code)
				require.Contains(t, code, key, "the code knows no such setting")
				require.True(t, code[key].section || !named[key], "%s is listed twice", key)
				require.Equal(t, code[key].alias, s.alias, "alias of %s", key)
				named[key] = true
			}
			for key := range code {
				require.True(t, named[key], "%s is missing", key)
			}
		})
	}
}

func TestDocsGiveTheDefaults(t *testing.T) {
	code := settingsOfTheCode()
	defaults := defaultConfig()
	want := comparableConfig(&defaults)
	for _, s := range settingsOfTheTables(t) {
		if sectionOf(s.key, code) != s.key || s.key == "hosts" {
			continue
		}
		t.Run(s.key, func(t *testing.T) {
			require.NotEmpty(t, s.defaultValue, "the table gives no default")
			for _, name := range []string{s.key, s.alias} {
				if name != "" {
					require.Equal(t, want, comparableConfig(mustReadConfig(t, oneHost+name+": "+s.defaultValue)))
				}
			}
		})
	}
}

// libbeat passes over a key of its codec that it does not know, so each is tried.
func TestDocsNameTheKeysOfLibbeatsJSONCodec(t *testing.T) {
	var named []string
	for _, s := range settingsOfTheTables(t) {
		if key, found := strings.CutPrefix(s.key, "codec.json."); found {
			named = append(named, key)
			var c json.Config
			require.NoError(t, configFrom(t, key+": true").Unpack(&c))
			require.NotZero(t, c, "libbeat does not read codec.json.%s", key)
			require.NoError(t, configFrom(t, key+": "+s.defaultValue).Unpack(&c))
			require.Zero(t, c, "default of codec.json.%s", key)
			require.Contains(t, referenceSection(t), "#"+key+": "+s.defaultValue+"\n")
		}
	}
	require.Len(t, named, reflect.TypeFor[json.Config]().NumField())
}

func TestReferenceFileUncommentedIsTheDefaults(t *testing.T) {
	defaults := defaultConfig()
	c := mustReadConfig(t, commentedOut.ReplaceAllString(referenceSection(t), "$1$2"))
	require.Equal(t, comparableConfig(&defaults), comparableConfig(c))
	_, err := c.wireFormat(beat.Info{})
	require.NoError(t, err, "the codec's section")

	for _, s := range settingsOfTheReference(t) {
		said := proseDefault.FindStringSubmatch(s.text)
		if said == nil || slices.Contains([]string{"none", "empty", "the", "those", "Filebeat's"}, said[1]) {
			continue
		}
		require.Equal(t, strings.Trim(s.defaultValue, `"'`), said[1], "prose about %s", s.key)
	}
}

func TestDocsSayWhatIsNotSupportedYet(t *testing.T) {
	code := settingsOfTheCode()
	for name, settings := range map[string][]documented{
		settingsFile:  settingsOfTheTables(t),
		referenceFile: settingsOfTheReference(t),
	} {
		for _, s := range settings {
			key := sectionOf(s.key, code)
			says := strings.HasPrefix(s.text, "not supported yet") || strings.Contains(s.text, "Not supported yet")
			require.Equal(t, isUnsupported(code[key]), says, "%s: whether %s is not supported yet", name, s.key)
		}
	}
}

// isUnsupported reports whether the code refuses a setting as soon as it is not
// its default. Lists and sections are taken for supported.
func isUnsupported(s documented) bool {
	if s.index == nil {
		return false
	}
	c := defaultConfig()
	c.Hosts = []string{"h"}
	switch field := reflect.ValueOf(&c).Elem().FieldByIndex(s.index); {
	case field.Type() == reflect.TypeFor[time.Duration]():
		field.SetInt(field.Int() + int64(time.Hour))
	case field.Kind() == reflect.Bool:
		field.SetBool(!field.Bool())
	case field.Kind() == reflect.String:
		field.SetString(field.String() + "x")
	case field.CanInt():
		field.SetInt(field.Int() + minimumBytes)
	}
	err := c.Validate()
	return err != nil && strings.Contains(err.Error(), "output.websocket."+s.key+": is not supported yet")
}

// documents returns the Markdown files of the module.
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, folder := range []string{root, root + "/docs", root + "/docs/decisions", "."} {
		files, err := filepath.Glob(folder + "/*.md")
		require.NoError(t, err)
		found = append(found, files...)
	}
	require.Contains(t, found, filepath.Clean(readmeFile))
	return found
}

// outputSection returns what stands under output.websocket in a whole
// filebeat.yml, nil if nothing does.
func outputSection(t *testing.T, yaml string) *conf.C {
	t.Helper()
	whole := configFrom(t, yaml)
	if !whole.HasField("output") {
		return nil
	}
	outputs, err := whole.Child("output", -1)
	require.NoError(t, err)
	if !outputs.HasField(outputName) {
		return nil
	}
	section, err := outputs.Child(outputName, -1)
	require.NoError(t, err)
	return section
}

func TestShippedConfigurationIsValid(t *testing.T) {
	_, err := readConfig(outputSection(t, readDocument(t, shortFile)))
	require.NoError(t, err)
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

func TestExamplesInTheDocsAreValid(t *testing.T) {
	t.Setenv("INGEST_TOKEN", "an example reads it")
	examples := 0
	for _, path := range documents(t) {
		for _, block := range yamlBlock.FindAllStringSubmatch(readDocument(t, path), -1) {
			section := outputSection(t, block[1])
			if section == nil {
				continue
			}
			examples++
			_, err := readConfig(section)
			require.NoError(t, err, "%s:\n%s", path, block[1])
		}
	}
	require.Positive(t, examples)
}

var mageCommand = regexp.MustCompile(`go tool mage (\w+)`)

func TestCommandsInTheDocsAreTargets(t *testing.T) {
	for _, command := range []string{"go tool mage demo", "go tool mage test"} {
		require.Contains(t, readDocument(t, readmeFile), command)
	}
	targets := strings.ToLower(readDocument(t, root+"/magefile.go"))
	for _, path := range documents(t) {
		for _, command := range mageCommand.FindAllStringSubmatch(readDocument(t, path), -1) {
			require.Contains(t, targets, "\nfunc "+strings.ToLower(command[1])+"(", "%s: %s", path, command[0])
		}
	}
}

var (
	namedTest = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
)

func TestTestsNamedInTheDocsAreThere(t *testing.T) {
	known := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), ".") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, match := range testFunc.FindAllStringSubmatch(string(content), -1) {
			known[match[1]] = true
		}
		return err
	})
	require.NoError(t, err)
	for _, path := range documents(t) {
		for _, match := range namedTest.FindAllStringSubmatch(readDocument(t, path), -1) {
			require.True(t, known[match[1]], "%s: there is no %s", path, match[1])
		}
	}
}

var localLink = regexp.MustCompile(`\]\(([^):#]+)\)`)

func TestLinksInTheDocsLeadSomewhere(t *testing.T) {
	for _, path := range documents(t) {
		for _, link := range localLink.FindAllStringSubmatch(readDocument(t, path), -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(path), link[1]))
			require.NoError(t, err, path)
		}
	}
}
