// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"filebeat-websocket/receiver/verify"
)

const (
	progressDelay    = time.Second // shorter work needs no bar
	progressInterval = 200 * time.Millisecond
	progressWidth    = 30
	clearLine        = "\r\x1b[K"
)

// progressBar shows how far work has got, on a terminal.
type progressBar struct {
	mutex   sync.Mutex // guards what is written
	to      io.Writer
	stop    chan struct{}
	stopped chan struct{}
}

// showProgress begins a bar if to is a terminal.
func showProgress(p *verify.Progress, to io.Writer) *progressBar {
	file, ok := to.(*os.File)
	if !ok {
		return &progressBar{}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progressBar{}
	}
	b := &progressBar{to: to, stop: make(chan struct{}), stopped: make(chan struct{})}
	go b.draw(p)
	return b
}

func (b *progressBar) draw(p *verify.Progress) {
	defer close(b.stopped)
	begun := time.Now()
	ticks := time.NewTicker(progressInterval)
	defer ticks.Stop()
	for {
		select {
		case <-b.stop:
			return
		case now := <-ticks.C:
			if took := now.Sub(begun); took > progressDelay {
				b.mutex.Lock()
				_, _ = io.WriteString(b.to, clearLine+progressText(p, took))
				b.mutex.Unlock()
			}
		}
	}
}

func progressText(p *verify.Progress, took time.Duration) string {
	done, total := p.Bytes()
	share := min(1, float64(done)/float64(max(1, total)))
	filled := int(share * progressWidth)
	text := fmt.Sprintf("[%s%s] %3.0f %%, %s of %s", strings.Repeat("=", filled), strings.Repeat(" ", progressWidth-filled),
		100*share, humanize.IBytes(uint64(done)), humanize.IBytes(uint64(total)))
	if share > 0.02 {
		left := time.Duration(float64(took) * (1 - share) / share)
		text += fmt.Sprintf(", %v left", left.Round(time.Second))
	}
	return text
}

// end removes the bar.
func (b *progressBar) end() {
	if b.stop != nil {
		close(b.stop)
		<-b.stopped
		_, _ = io.WriteString(b.to, clearLine)
	}
}

// over writes text in place of the bar, which comes again below it.
func (b *progressBar) over(write func()) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.stop != nil {
		_, _ = io.WriteString(b.to, clearLine)
	}
	write()
}
