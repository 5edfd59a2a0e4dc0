package instead

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
	for content, want := range map[string]string{
		pointer:                             "it is a Git LFS pointer: download the file itself with 'git lfs pull'",
		"<!DOCTYPE html><title>Log in":      "it is a web page: ",
		"\xef\xbb\xbf\r\n <HTML lang='en'>": "it is a web page: ",
		"":                                  "",
		"PAR1":                              "",
		"a text about <html>":               "",
		"version 2":                         "",
	} {
		for _, err := range []error{Check([]byte(content)), CheckFile(bytes.NewReader([]byte(content)), int64(len(content)))} {
			var e *Error
			if want == "" && err != nil || want != "" && (!errors.As(err, &e) || !strings.HasPrefix(err.Error(), want)) {
				t.Errorf("%q: %v, want %q", content, err, want)
			}
		}
	}
}
