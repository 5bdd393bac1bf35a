// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package browser

import (
	"cmp"
	"flag"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"filebeat-websocket/testing/beattest"
)

var update = flag.Bool("update", false, "make the pictures of docs/images")

// maxPictureBytes is how large a picture in a document may be.
const maxPictureBytes = 200 << 10

// picturesFor is how long lines come before the pictures are taken.
const picturesFor = 62 * time.Second

// TestPictures is the page in all its looks. Without -update it is a short one.
func TestPictures(t *testing.T) {
	folder, length := t.TempDir(), 3*time.Second
	if *update {
		folder, length = filepath.Join(beattest.Root(t), "docs", "images"), picturesFor
		require.NoError(t, beattest.Install("apt-get", "install", "-y", "--no-install-recommends", "fonts-inter", "fonts-jetbrains-mono"))
	}
	b, s := startBrowser(t), startServer(t)
	stop, done := make(chan struct{}), make(chan struct{})
	agents := []*agent{dial(t, s.ingest(), ""), dial(t, s.ingest(), ""), dial(t, s.ingest(), "")}
	go func() {
		defer close(done)
		trickle(agents, length, stop)
	}()
	defer func() {
		close(stop)
		<-done
	}()
	shots := []struct {
		name  string
		look  look
		steps func(p *page)
	}{
		{"tail-light", look{width: 1280, height: 800, scale: 1}, func(*page) {}},
		{"tail-dark", look{width: 1280, height: 800, scale: 1, dark: true}, func(p *page) {
			p.press("a")
			p.wait(`document.querySelectorAll('#agents-rows tr').length === 3`)
			// Not with the mouse, because the rows move while it aims.
			p.wait(`(() => { const row = document.querySelector('.row[data-level="error"]'); row?.click(); return Boolean(row); })()`)
		}},
		{"tail-search", look{width: 1280, height: 800, scale: 1, dark: true}, func(p *page) {
			p.press("/")
			p.write("payment")
			p.wait(`document.querySelectorAll('mark').length > 1`)
			p.wait(`document.querySelector('#events').textContent !== '0'`)
		}},
		{"tail-phone", look{width: 390, height: 780, scale: 2, touch: true}, func(*page) {}},
	}
	var windows []*page
	for _, shot := range shots {
		windows = append(windows, b.open(t, s.page(), shot.look))
	}
	<-time.After(length)
	for i, shot := range shots {
		p := windows[i]
		p.wait(`Boolean(document.querySelector('.row[data-level="error"]'))`)
		shot.steps(p)
		path := filepath.Join(folder, shot.name+".png")
		p.do("screenshot", nil, map[string]any{"path": path})
		p.unproblematic()
		squeeze(t, path)
	}
}

// trickle sends what a small shop does, with a spike towards the end of length.
func trickle(agents []*agent, length time.Duration, stop <-chan struct{}) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	spike := length * 17 / 20
	begin, n := time.Now(), 0
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		since := time.Since(begin)
		count := 2 + int(since.Seconds())%3
		if since > spike && since < spike+length/12 {
			count = 9
		}
		var records [3][][]byte
		for range count {
			n++
			records[n%3] = append(records[n%3], event(n))
		}
		for i, a := range agents {
			if len(records[i]) > 0 {
				a.send(records[i]...)
			}
		}
	}
}

// squeeze rewrites the picture with a palette of its 256 most used colours.
func squeeze(t *testing.T, path string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	picture, err := png.Decode(file)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	counts := map[color.RGBA]int{}
	bounds := picture.Bounds()
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			counts[color.RGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: 255}]++
		}
	}
	palette := squeezed(counts)
	small := image.NewPaletted(bounds, palette)
	draw.Draw(small, bounds, picture, bounds.Min, draw.Src)
	out, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(out, small))
	require.NoError(t, out.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(maxPictureBytes))
}

// squeezed returns the most used colours, without any that is close to an earlier one.
func squeezed(counts map[color.RGBA]int) color.Palette {
	type used struct {
		colour color.RGBA
		count  int
	}
	var all []used
	for colour, count := range counts {
		all = append(all, used{colour, count})
	}
	slices.SortFunc(all, func(a, b used) int { return cmp.Compare(b.count, a.count) })
	var palette color.Palette
	for _, one := range all {
		if len(palette) == 256 {
			break
		}
		if !slices.ContainsFunc(palette, func(known color.Color) bool { return near(known, one.colour) }) {
			palette = append(palette, one.colour)
		}
	}
	return palette
}

func near(a color.Color, b color.RGBA) bool {
	r, g, bl, _ := a.RGBA()
	distance := 0
	for _, d := range []int{int(r>>8) - int(b.R), int(g>>8) - int(b.G), int(bl>>8) - int(b.B)} {
		distance += d * d
	}
	return distance < 30
}
