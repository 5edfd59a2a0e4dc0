package page

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io"
	"strconv"
	"strings"

	"iconic/report"
)

//go:embed *.html style.css app.js
var files embed.FS

//go:embed style.css
var stylesheet []byte

// Stylesheet is the style of all pages, for other pages that should look the same. It must not be modified.
func Stylesheet() []byte { return stylesheet }

var templates = template.Must(template.ParseFS(files, "*.html"))

// frame is the part that all pages share.
type frame struct {
	Title    string
	Sections []section
	Style    template.CSS
	Script   template.JS
	Data     template.JS
	Policy   string
}

type section struct{ ID, Name string }

// newFrame combines the style sheet, with additions for the page, and the script, and allows them by hash.
func newFrame(title string, sections []section, style string) (frame, error) {
	css, err := files.ReadFile("style.css")
	if err != nil {
		return frame{}, err
	}
	script, err := files.ReadFile("app.js")
	if err != nil {
		return frame{}, err
	}
	whole := string(css) + style
	return frame{
		Title:    title,
		Sections: sections,
		Style:    template.CSS(whole),
		Script:   template.JS(script),
		Policy: "default-src 'none'; img-src data:; style-src '" + hash(whole) + "'; script-src '" + hash(string(script)) +
			"'; base-uri 'none'; form-action 'none'",
	}, nil
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func render(w io.Writer, name string, view any) error {
	return templates.ExecuteTemplate(w, name, view)
}

// Three formats a score with three decimals, or – if it is undefined.
func (frame) Three(x report.Number) string { return decimals(x, 3) }

// Percent formats a share as a percentage.
func (frame) Percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + " %" }

func decimals(x report.Number, digits int) string {
	if !x.Defined() {
		return "–"
	}
	return minus(strconv.FormatFloat(float64(x), 'f', digits, 64))
}

// minus replaces the sign of a negative number by a true minus sign, and removes the sign of one that was rounded to zero.
func minus(number string) string {
	return strings.Replace(report.Unsigned(number), "-", "−", 1)
}
