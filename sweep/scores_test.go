package sweep

import (
	"encoding/csv"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"iconic/report"
)

// The main score without labels is in sweep.csv, and the table for a terminal has the scores that do without, if no run has labels.
func TestScoresWithoutLabels(t *testing.T) {
	for _, labels := range []bool{true, false} {
		o := swept(t)
		o.Combinations = Grid(map[string][]string{"clusters": {"2", "3"}, "method": {"direction-mixture"}})
		if !labels {
			o.Sets[0].Labels, o.Sets[0].Classes = nil, nil
		}
		s := trained(t, o)
		f, err := os.Open(filepath.Join(o.Dir, "sweep.csv"))
		must(t, err)
		lines, err := csv.NewReader(f).ReadAll()
		must(t, err, f.Close())
		expected, accuracy := slices.Index(lines[0], "expected_accuracy"), slices.Index(lines[0], "accuracy")
		if expected < 0 || accuracy < 0 || len(lines) != 5 {
			t.Fatalf("%q", lines)
		}
		for i, line := range lines[1:] {
			want := float64(s.Jobs[i].Metrics.ExpectedAccuracy)
			if got, err := strconv.ParseFloat(line[expected], 64); err != nil || got != want || !(got > 0) {
				t.Errorf("expected_accuracy is %q, want %g", line[expected], want)
			}
			if (line[accuracy] != "") != labels {
				t.Errorf("accuracy is %q", line[accuracy])
			}
		}
		points, err := s.Points()
		must(t, err)
		want := []string{"clusters", "runs", "accuracy", "NMI", "ECE", "silhouette"}
		if !labels {
			want = []string{"clusters", "runs", "expected accuracy", "silhouette", "neighbours together", "mean confidence"}
		}
		for _, list := range [][][]string{s.Table(points), s.Table(s.SoFar())} {
			if len(list) != 3 || !slices.Equal(list[0], want) || slices.Contains(list[1], "-") || slices.Contains(list[2], "-") {
				t.Errorf("with labels %t: %q, want the columns %q", labels, list, want)
			}
		}
	}
}

func TestColumnsOfTheTableAreScores(t *testing.T) {
	for _, x := range csvScores() {
		if x.Why == "" {
			t.Errorf("sweep.csv has a column %q, which is no score", x.Key)
		}
	}
	if len(csvScores()) != len(report.Measures())-3+2 { // without many_to_one_accuracy, class_wise_ece and seed_agreement, with clusters_used and loss
		t.Error("sweep.csv lacks a score")
	}
}
