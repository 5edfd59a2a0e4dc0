package classify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A file names some of the clusters; what is no such file is refused with the line.
func TestNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "names.csv")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("cluster,name\n2,\"dogs, all\"\n0,\n")
	named, err := ReadNamed(file, 4)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]string{0: "", 2: "dogs, all"}, named); diff != "" {
		t.Error(diff)
	}
	names, err := ReadNames(file, 4)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"", "", "dogs, all", ""}, names); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{"0,a\n9,b\n": `line 2: cluster "9": want a number from 0 to 3`, "0,a\nb,c\n": `line 2: cluster "b"`, "1,a\n1,b\n": "line 2: cluster 1 is named a second time", "0\n": "wrong number of fields"} {
		write(text)
		if _, err := ReadNames(file, 4); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", text, err, want)
		}
	}
	if _, err := ReadNames(file+"-nowhere", 4); err == nil {
		t.Error("a file that is not there is read")
	}
}
