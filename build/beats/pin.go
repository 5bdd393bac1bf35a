// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package beats

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// leftOut are the replaces of Beats that our go.mod must not repeat: `go mod tidy`
// cannot resolve what they name, and none of our packages needs them.
var leftOut = map[string]bool{"github.com/google/gopacket": true}

// pin returns ours, a go.mod, with the given version of Beats and the replaces of theirs,
// the go.mod of that version. Replaces work in the main module only, so ours has to repeat
// them. It loses the replaces that theirs lacks, except those that name a folder, which
// theirs cannot have.
func pin(ours, theirs []byte, version string) ([]byte, error) {
	file, err := modfile.Parse("go.mod", ours, nil)
	if err != nil {
		return nil, err
	}
	from, err := modfile.Parse("go.mod of Beats", theirs, nil)
	if err != nil {
		return nil, err
	}
	if from.Module == nil || from.Module.Mod.Path != Module {
		return nil, fmt.Errorf("this go.mod does not belong to %s", Module)
	}
	if err := module.Check(Module, version); err != nil {
		return nil, err
	}
	if err := file.AddRequire(Module, version); err != nil {
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
	// In the order of theirs, so that the same input gives the same file.
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

// gatherReplaces moves replaces that stand alone into the first block of replaces:
// modfile adds nothing to a block that has a comment above it.
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
