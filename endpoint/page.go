package endpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
)

// maxPage bounds the report in bytes; reports usually have a few million.
const maxPage = 64 << 20

// report serves the run's page as it was when the endpoint was made, since the predictions are by the clusters of that time. It contains its own style,
// script and pictures and loads nothing else.
func (e *Endpoint) report(w http.ResponseWriter, r *http.Request) {
	if e.page == nil {
		e.turnAway(w, http.StatusNotFound, "the run has no report that can be shown: POST an image to this address")
		return
	}
	w.Header().Set("Content-Security-Policy", policy(e.page))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	r.Header.Del("Range") // it gets the whole page, so that no part of it is refused
	http.ServeContent(w, r, "", e.started, bytes.NewReader(e.page))
}

// readPage reads a regular file. It does not follow a link: a run folder from somebody else could point to any file of this machine.
func readPage(name string) ([]byte, error) {
	before, err := os.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() || before.Size() > maxPage {
		return nil, errors.New("not a regular file")
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if now, err := f.Stat(); err != nil || !os.SameFile(before, now) {
		return nil, errors.New("the file was replaced in the meantime")
	}
	return io.ReadAll(io.LimitReader(f, maxPage))
}

var inline = regexp.MustCompile(`(?s)<(style|script)[^>]*>(.*?)</(?:style|script)>`)

// policy allows the styles and scripts of a page, by their SHA-256, and pictures within it. Nothing is loaded from elsewhere, nothing
// injected on the way runs, and no other page may show it in a frame.
func policy(page []byte) string {
	sources := map[string][]string{}
	for _, found := range inline.FindAllSubmatch(page, -1) {
		sum := sha256.Sum256(found[2])
		sources[string(found[1])] = append(sources[string(found[1])], fmt.Sprintf("'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:])))
	}
	list := func(kind string) string {
		if len(sources[kind]) == 0 {
			return "'none'"
		}
		return strings.Join(sources[kind], " ")
	}
	return fmt.Sprintf("default-src 'none'; img-src data:; style-src %s; script-src %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", list("style"), list("script"))
}
