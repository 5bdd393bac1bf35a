// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package release

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// Beats is the module that a Beat is built from.
const Beats = "github.com/elastic/beats/v7"

// leftOut are the replaces of Beats that a go.mod must not repeat: `go mod tidy`
// can't resolve what they name, and no package of ours is reached through them.
var leftOut = map[string]bool{"github.com/google/gopacket": true}

// PinBeats returns ours, a go.mod, with the given version of Beats and with the
// replaces of theirs, the go.mod of that version. Replaces hold in a main module
// only, so it has to repeat them. Replaces of ours that theirs lacks are removed,
// but for those that name a folder, which theirs can't have.
func PinBeats(ours, theirs []byte, version string) ([]byte, error) {
	file, err := modfile.Parse("go.mod", ours, nil)
	if err != nil {
		return nil, err
	}
	from, err := modfile.Parse("go.mod of Beats", theirs, nil)
	if err != nil {
		return nil, err
	}
	if from.Module == nil || from.Module.Mod.Path != Beats {
		return nil, fmt.Errorf("that go.mod is not the one of %s", Beats)
	}
	if err := module.Check(Beats, version); err != nil {
		return nil, err
	}
	if err := file.AddRequire(Beats, version); err != nil {
		return nil, err
	}

	wanted := map[module.Version]module.Version{}
	for _, replace := range from.Replace {
		if !leftOut[replace.Old.Path] && !modfile.IsDirectoryPath(replace.New.Path) {
			wanted[replace.Old] = replace.New
		}
	}
	var problems []error
	for _, replace := range file.Replace {
		if _, keep := wanted[replace.Old]; !keep && !modfile.IsDirectoryPath(replace.New.Path) {
			problems = append(problems, file.DropReplace(replace.Old.Path, replace.Old.Version))
		}
	}
	// In their order, so that new ones do not come in a different one each time.
	for _, replace := range from.Replace {
		if to, ok := wanted[replace.Old]; ok {
			problems = append(problems, file.AddReplace(replace.Old.Path, replace.Old.Version, to.Path, to.Version))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	file.Cleanup()
	gatherReplaces(file.Syntax)
	file.SortBlocks()
	return file.Format()
}

// gatherReplaces moves replaces that stand alone into the first block of them.
// modfile adds none to a block that has a comment above it.
func gatherReplaces(syntax *modfile.FileSyntax) {
	isReplace := func(tokens []string) bool { return len(tokens) > 0 && tokens[0] == "replace" }
	var block *modfile.LineBlock
	for _, statement := range syntax.Stmt {
		if b, ok := statement.(*modfile.LineBlock); ok && block == nil && isReplace(b.Token) {
			block = b
		}
	}
	if block == nil {
		return
	}
	syntax.Stmt = slices.DeleteFunc(syntax.Stmt, func(statement modfile.Expr) bool {
		line, ok := statement.(*modfile.Line)
		if !ok || !isReplace(line.Token) {
			return false
		}
		line.Token, line.InBlock = line.Token[1:], true
		block.Line = append(block.Line, line)
		return true
	})
}
