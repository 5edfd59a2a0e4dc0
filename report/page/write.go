package page

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/plural"
	"iconic/report"
)

// Summary counts the images of a page.
type Summary struct {
	Pictures int // requested
	Missing  int // could not be read, or are other images, and are shown as grey tiles
	Other    int // of those: are other images (ErrOther)
}

// ErrOther is in the chain of the error of Run.Picture for an image that is not the one of the item.
var ErrOther = errors.New("is another file than the one of which the features were made")

// Lacks says which pictures are missing and why, such as "2 of 30 pictures could not be read"; "" if none is.
func (s Summary) Lacks() string {
	var all []string
	of := fmt.Sprintf(" of %s ", plural.Of(s.Pictures, "picture", "pictures"))
	if n := s.Missing - s.Other; n > 0 {
		all = append(all, strconv.Itoa(n)+of+"could not be read")
	}
	if n := s.Other; n > 0 {
		all = append(all, strconv.Itoa(n)+of+plural.Word(n, "is another file than the one", "are other files than those")+" of which the features were made")
	}
	return strings.Join(all, ", and ")
}

// Grey is a warning of the pictures that are missing on a page, such as "the report"; "" if none is.
func (s Summary) Grey(page string) string {
	if s.Missing == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s grey on %s", s.Lacks(), plural.Word(s.Missing, "it is", "they are"), page)
}

// Write writes the page of one run.
func Write(ctx context.Context, w io.Writer, r Run) (Summary, error) {
	if err := r.check(); err != nil {
		return Summary{}, fmt.Errorf("report page: %w", err)
	}
	sheets := r.contactSheets()
	var s *sprites
	var summary Summary
	var style string
	if r.Picture != nil {
		var err error
		if s, err = makeSprites(ctx, r.pictured(sheets), r.Picture, r.Workers); err != nil {
			return Summary{}, fmt.Errorf("report page: %w", err)
		}
		summary = s.summary()
		style = s.style()
	}
	data, err := r.data(ctx, s)
	if err != nil {
		return summary, fmt.Errorf("report page: %w", err)
	}
	f, err := newFrame(r.Title, r.sections(), style)
	if err != nil {
		return summary, err
	}
	if f.Data, err = data.json(); err != nil {
		return summary, err
	}
	return summary, render(w, "run.html", r.view(f, sheets, s, data, summary))
}

func (r *Run) sections() []section {
	list := []section{{"scores", "Scores"}, {"calibration", "Calibration"}, {"clusters", "Clusters"}}
	if r.labelled() || r.Baseline != nil {
		list = append(list, section{"confusion", "Confusion"})
	}
	if r.Counted != nil {
		list = append(list, section{"counted", "Number of clusters"})
	}
	if r.mapped() {
		list = append(list, section{"map-section", "Map"})
	}
	list = append(list, section{"sheets-section", "Contact sheets"})
	if r.Found != nil {
		list = append(list, section{"found", "Duplicates"})
	}
	if r.Evaluation {
		return list
	}
	return append(list, section{"training", "Training"})
}

// mapped reports whether the page has a section for the map, be it to say why there is none.
func (r *Run) mapped() bool { return r.Map != nil || !r.Evaluation }

// runView is the data for run.html, with all text and charts ready.
type runView struct {
	frame
	Facts, Settings    []Setting
	Labelled           bool
	Supervised         bool
	Evaluation, Mapped bool

	ScoresLead  string
	Headline    []headline
	Scores      []scoreRow
	HasBaseline bool
	Intervals   bool // some score has one

	Reliability, Confidence, Sizes, Confusion template.HTML
	Reference                                 *Reference
	Bins                                      []report.Bin

	ClustersLead, SizesNote                               string
	ConfusionTitle, ConfusionLead, MistakesTitle, RowKind string
	Mistakes                                              []mistake

	HasMap            bool
	MapNote, MapWords string
	Colours           []option

	Counted *countedView

	SheetsLead string
	Sheets     []sheetView
	Found      *foundView

	TrainingLead string // in place of curves
	Curves       []template.HTML
}

type option struct{ Value, Name string }

type sheetView struct {
	Cluster, Size            int
	MeanConfidence, Accuracy string
	Name, Mark, Summary      string
	Strips                   []strip
}

type strip struct {
	Name  string
	Tiles []tile
}

type tile struct {
	Classes, Words string
	Number         int
}

func (r *Run) view(f frame, sheets []sheet, s *sprites, d *pageData, summary Summary) *runView {
	v := &runView{frame: f, Facts: r.Facts, Settings: r.Settings, Labelled: r.labelled(), Reference: r.Reference}
	v.Supervised, v.Evaluation, v.Mapped = r.Supervised, r.Evaluation, r.mapped()
	v.scores(r.Metrics)
	var wrong func(int) bool
	if r.labelled() {
		v.Bins = r.Metrics.Reliability
		v.Reliability = reliability(v.Bins, r.Reference)
		wrong = r.wrong
	}
	v.Confidence = counts(r.Confidence, wrong, "Histogram of confidence")
	v.clusterSizes(r)
	v.confusion(r)
	v.Counted = r.Counted.view()
	v.mapView(r)
	v.contactSheets(r, sheets, s, d, summary)
	v.Found = r.foundView(s, d)
	v.curves(r.History)
	return v
}

func (v *runView) clusterSizes(r *Run) {
	m := r.Metrics
	var bars []sizeBar
	dead, large := 0, 0
	for c, size := range m.ClusterSizes {
		if size == 0 && slices.Contains(m.Merged, c) {
			continue
		}
		bar := sizeBar{cluster: c, size: size}
		if name := r.nameOf(c); name != "" {
			bar.name = " (" + name + ")"
		}
		bars = append(bars, bar)
		switch mark(size, m.N, m.Existing()) {
		case "dead":
			dead++
		case "oversized":
			large++
		}
	}
	v.Sizes = sizes(bars, m.N)
	v.ClustersLead = fmt.Sprintf("%d of %s images; the effective number of clusters, by the entropy of their sizes, is %s.", m.ClustersUsed, plural.Of(m.Existing(), "cluster", "clusters")+plural.Word(m.ClustersUsed, " contains", " contain"), decimals(m.EffectiveClusters, 1))
	v.SizesNote = sizesNote(dead, large)
	if m.ClustersUsed <= 1 {
		v.ClustersLead += " All images are in one cluster: the clustering has collapsed. The method's default settings, or another method, may help."
	}
}

// sizesNote counts the clusters that are marked in the chart of sizes.
func sizesNote(dead, large int) string {
	note, holding := "No cluster is dead", plural.Of(large, "holds", "hold")
	if dead > 0 {
		note = plural.Of(dead, "cluster is dead", "clusters are dead") + " (×)"
	}
	if large == 0 {
		holding = "none holds"
	}
	return fmt.Sprintf("%s, and %s more than %d times %s share.", note, holding, oversized, plural.Word(max(large, 1), "its", "their"))
}

func (v *runView) confusion(r *Run) {
	columnName := func(c int) string {
		if name := r.nameOf(c); name != "" {
			return strconv.Itoa(c) + " " + name
		}
		return strconv.Itoa(c)
	}
	switch {
	case r.labelled():
		rowOf := r.Metrics.Matching.ClassOfCluster
		t := confusion(r.Labels, r.Cluster, r.Metrics.Labelled.Classes, rowOf, r.Metrics.Merged, columnName, "class")
		v.Confusion, v.RowKind = t.draw(), "class"
		v.ConfusionTitle, v.MistakesTitle = "Confusion", "Most frequent mistakes"
		v.ConfusionLead = fmt.Sprintf("True classes in rows and clusters in columns, ordered by the matching, which was fitted on %s: correct assignments are on the diagonal. Shade shows the share of the row.", v.fittedOn(r.Metrics))
		order := t.order
		v.Mistakes = t.mistakes(12, func(row, column int) bool { return rowOf[order[column]] == row }, r.called)
	case r.Baseline != nil:
		k := max(slices.Max(r.Baseline)+1, r.Metrics.Existing())
		names := make([]string, k)
		for b := range names {
			names[b] = strconv.Itoa(b)
		}
		rowOf, err := report.Match(r.Cluster, r.Baseline, r.Metrics.Clusters, k)
		if err != nil {
			return // too many clusters to match: the page omits this section
		}
		t := confusion(r.Baseline, r.Cluster, names, rowOf, r.Metrics.Merged, columnName, "k-means cluster")
		v.Confusion, v.RowKind = t.draw(), "k-means cluster"
		v.ConfusionTitle, v.MistakesTitle = "Against k-means", "Where the two differ most"
		v.ConfusionLead = "Clusters of k-means in rows and of this run in columns, matched to each other: agreement is on the diagonal. Shade shows the share of the row."
		order := t.order
		v.Mistakes = t.mistakes(12, func(row, column int) bool { return rowOf[order[column]] == row }, r.called)
	}
}

func (v *runView) mapView(r *Run) {
	if r.Map == nil || len(r.Map.Rows) == 0 {
		v.MapNote = "There is no map: the features were not available when this page was made."
		if r.Map != nil && r.Map.Note != "" {
			v.MapNote = r.Map.Note
		}
		return
	}
	v.HasMap = true
	v.MapNote = r.Map.Note
	v.MapWords = fmt.Sprintf("Map of %s in %s. Arrow keys move between points.", items(len(r.Map.Rows)), plural.Of(r.Metrics.ClustersUsed, "cluster", "clusters"))
	v.Colours = []option{{"cluster", "cluster"}}
	if r.labelled() {
		v.Colours = append(v.Colours, option{"class", "true class"}, option{"wrong", "correct or wrong"})
	}
	v.Colours = append(v.Colours, option{"confidence", "confidence"})
}

func (v *runView) contactSheets(r *Run, sheets []sheet, s *sprites, d *pageData, summary Summary) {
	words := []string{"The most and the least certain images of each cluster."}
	if r.labelled() {
		words[0] = "The most and the least certain images of each cluster, and the most certain of its wrongly assigned images."
	}
	if r.Picture == nil {
		words = append(words, "No images are shown: they were not available when this page was made.")
	} else {
		words = append(words, "Select an image to see its neighbours.")
	}
	if n := summary.Missing - summary.Other; n > 0 {
		words = append(words, fmt.Sprintf("%d of %s could not be read and are shown as grey tiles.", n, items(summary.Pictures)))
	}
	if n := summary.Other; n > 0 {
		words = append(words, fmt.Sprintf("%d of %s are other files than those of which the features were made, and are shown as grey tiles.", n, items(summary.Pictures)))
	}
	v.SheetsLead = strings.Join(words, " ")
	confidence, right, labelled := r.clusterMeans()
	for _, sh := range sheets {
		c := sh.cluster
		size := r.Metrics.ClusterSizes[c]
		view := sheetView{
			Cluster: c, Size: size, Name: r.called(c),
			Mark:           mark(size, r.Metrics.N, r.Metrics.Existing()),
			MeanConfidence: decimals(report.Number(confidence[c]), 4), Accuracy: "0",
			Summary: fmt.Sprintf("%s, confidence %.2f", items(size), confidence[c]),
		}
		if r.nameOf(c) == "" && r.labelled() {
			view.Name += " · no name"
		}
		if labelled[c] > 0 {
			share := float64(right[c]) / float64(labelled[c])
			view.Accuracy = decimals(report.Number(share), 4)
			view.Summary += fmt.Sprintf(", %.0f %% correct", 100*share)
			view.Summary += r.naming(c)
		}
		if s != nil {
			view.add("Most certain", sh.sure, r, s, d)
			view.add("Least certain", sh.unsure, r, s, d)
			view.add("Wrong", sh.miss, r, s, d)
		}
		v.Sheets = append(v.Sheets, view)
	}
}

// called is a cluster's number with its name, if it has one.
func (r *Run) called(c int) string {
	if name := r.nameOf(c); name != "" {
		return fmt.Sprintf("Cluster %d · %s", c, name)
	}
	return fmt.Sprintf("Cluster %d", c)
}

// naming says how well a cluster's most frequent class describes it, and which other class the matching assigns to it, if any.
func (r *Run) naming(c int) string {
	if c >= len(r.Metrics.Names) {
		return ""
	}
	n := r.Metrics.Names[c]
	if n.Name != "" && n.Class == r.classOf(c) {
		return "" // the name is the matched class
	}
	words := fmt.Sprintf("; %.0f %% %s", 100*float64(n.Share), r.className(n.Class))
	if n.Name == "" {
		words += ", too few for a name"
	}
	switch matched := r.classOf(c); {
	case matched == n.Class || n.Class == report.NoLabel:
	case matched == report.NoLabel:
		words += "; matched to no class"
	default:
		words += "; matched to " + r.className(matched) + " for accuracy"
	}
	return words
}

// add appends a strip of the items that have a tile.
func (v *sheetView) add(name string, list []int, r *Run, s *sprites, d *pageData) {
	if tiles := r.tiles(list, s, d); len(tiles) > 0 {
		v.Strips = append(v.Strips, strip{name, tiles})
	}
}

// tiles returns the tiles of the items that have one.
func (r *Run) tiles(list []int, s *sprites, d *pageData) []tile {
	var tiles []tile
	for _, i := range list {
		number, known := d.number[i]
		if !known {
			continue
		}
		words := fmt.Sprintf("%s, confidence %.3f", shortened(r.Paths[i], 80), r.Confidence[i])
		if r.labelled() && r.Labels[i] != report.NoLabel {
			words += ", label " + r.className(r.Labels[i])
		}
		tiles = append(tiles, tile{s.classes(i), words, number})
	}
	return tiles
}

// clusterMeans returns the mean confidence of each cluster, and how many of its labelled items are correct.
func (r *Run) clusterMeans() (confidence []float64, right, labelled []int) {
	confidence, right, labelled = make([]float64, r.Metrics.Clusters), make([]int, r.Metrics.Clusters), make([]int, r.Metrics.Clusters)
	for i, c := range r.Cluster {
		confidence[c] += r.Confidence[i]
		if r.labelled() && r.Labels[i] != report.NoLabel {
			labelled[c]++
			if !r.wrong(i) {
				right[c]++
			}
		}
	}
	for c, size := range r.Metrics.ClusterSizes {
		if size > 0 {
			confidence[c] /= float64(size)
		}
	}
	return confidence, right, labelled
}

func (v *runView) curves(history []Epoch) {
	var epochs []int
	var losses, rates []float64
	for _, e := range history {
		if math.IsNaN(e.Loss) || math.IsInf(e.Loss, 0) {
			continue
		}
		epochs, losses, rates = append(epochs, e.Epoch), append(losses, e.Loss), append(rates, e.Rate)
	}
	switch len(epochs) {
	case 0:
		v.TrainingLead = "This run has no training history."
		return
	case 1:
		v.TrainingLead = fmt.Sprintf("Only the loss of the final clustering was recorded: %s.", minus(fmt.Sprintf("%.5g", losses[0])))
		return
	}
	v.Curves = append(v.Curves, curve("loss", epochs, losses))
	if slices.Max(rates) > 0 {
		v.Curves = append(v.Curves, curve("learning rate", epochs, rates))
	}
}
