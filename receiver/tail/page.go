// SPDX-FileCopyrightText: The filebeat-websocket authors
// SPDX-License-Identifier: Apache-2.0

package tail

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
)

//go:embed page
var embedded embed.FS

// contentSecurityPolicy lets the page load its own files and nothing else, and stops
// scripts from turning text into HTML.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// contentTypes are fixed here because the machine's own table may differ.
var contentTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// asset is a file that the page loads. None holds anything secret.
type asset struct {
	content     []byte
	contentType string
	etag        string
}

func loadAssets() map[string]asset {
	loaded := map[string]asset{}
	names, err := fs.Glob(embedded, "page/*")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	for _, name := range names {
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			continue // HTML is served only after a check of access
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			panic(err) // what is embedded can be read
		}
		sum := sha256.Sum256(content)
		loaded[path.Base(name)] = asset{content: content, contentType: contentType, etag: `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	return loaded
}

var (
	assets     = loadAssets()
	signInPage = template.Must(template.ParseFS(embedded, "page/signin.html"))
)

func (t *Tail) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", t.page)
	mux.HandleFunc("GET /tail/{file}", t.file)
	mux.HandleFunc("GET /tail/stream", t.stream)
	mux.HandleFunc("POST /tail/stream", t.stream)
	mux.HandleFunc("POST /tail/sign-in", t.visitors.signIn)
	mux.HandleFunc("POST /tail/sign-out", t.visitors.signOut)
	return secured(t.options.Guard.SameOriginPage(mux))
}

// secured sets the headers that every answer has.
func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "same-origin") // with no-referrer forms would come from the origin null
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// page is the live tail, or the form to sign in.
func (t *Tail) page(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if !t.visitors.allowed(r) {
		_ = signInPage.Execute(w, r.URL.Query().Get("sign-in")) // the browser is gone, if anything
		return
	}
	content, err := embedded.ReadFile("page/index.html")
	if err != nil {
		panic(err) // what is embedded can be read
	}
	_, _ = w.Write(content) // the browser is gone, if anything
}

func (t *Tail) file(w http.ResponseWriter, r *http.Request) {
	found, ok := assets[r.PathValue("file")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	header := w.Header()
	header.Set("Cache-Control", "no-cache") // kept, and asked for again with its ETag
	header.Set("ETag", found.etag)
	if r.Header.Get("If-None-Match") == found.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	header.Set("Content-Type", found.contentType)
	header.Set("Content-Length", fmt.Sprint(len(found.content)))
	_, _ = w.Write(found.content) // the browser is gone, if anything
}
