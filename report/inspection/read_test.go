package inspection

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Written tables can be read; other files are refused with the line.
func TestTablesAreRead(t *testing.T) {
	f := &Findings{
		Groups: []Group{{{Image: 0}, {Image: 2, Exact: true}, {Image: 1, Distance: 0.01}}},
		Unlike: []Outlier{{Image: 1, Distance: 0.5}}, Elsewhere: []Stray{{Image: 2, Cluster: 4, Share: 0.9}},
	}
	n := Names{Paths: []string{"a,b.png", "c\r\n\"d\".png", "=e.png"}, Cluster: []int{0, 1, 2}, Safe: true}
	var duplicates, outliers bytes.Buffer
	_, err := f.WriteDuplicates(&duplicates, n)
	_, err2 := f.WriteOutliers(&outliers, n)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	twice, err := ReadDuplicates(&duplicates)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]DuplicateLine{{1, KindFirst, "a,b.png"}, {1, KindExact, "'=e.png"}, {1, KindNear, "c\r\n\"d\".png"}}, twice); diff != "" {
		t.Error(diff)
	}
	others, err := ReadOutliers(&outliers)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]OutlierLine{{KindUnlike, "c\r\n\"d\".png", -1}, {KindElsewhere, "'=e.png", 4}}, others); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"": "empty", "group,path\n1,a\n": `no column "kind"`, "group,kind,path\n1,first,a\nx,exact,b\n": "line 3: group \"x\"", "group,kind,path\n1,first\n": "wrong number of fields",
	} {
		if _, err := ReadDuplicates(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v does not say %q", text, err, want)
		}
	}
	if _, err := ReadOutliers(strings.NewReader("kind,path,neighbours_cluster\nunlike,a,x\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("a cluster that is not a number: %v", err)
	}
}
