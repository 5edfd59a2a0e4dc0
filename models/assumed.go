package models

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"iconic/models/vit"
	"iconic/models/weights"
)

// assume records which parts of the preprocessing are those of the published encoders although the file f is none of theirs, and does not
// state its own.
func (m *Model) assume(f *weights.File, cache string) {
	m.Classifier = classifier(f)
	if m.Classifier == "" && isPublished(f.Name, m.SHA256, *m.Architecture, pulledSums(cache)) {
		return
	}
	for _, key := range []string{"resize", "mean", "std"} {
		if _, stated := f.Metadata[key]; !stated {
			m.Assumed = append(m.Assumed, key)
		}
	}
}

// isPublished reports whether a file of weights is that of an encoder in the registry: by its shape, and its checksum or its name. pulled are the checksums of those that were pulled.
func isPublished(file, sum string, a vit.Architecture, pulled []string) bool {
	return slices.ContainsFunc(Registry(), func(e Encoder) bool {
		known := slices.Contains(pulled, sum) || e.SHA256Prefix != "" && strings.HasPrefix(sum, e.SHA256Prefix)
		return e.Architecture == a && (known || e.names(file))
	})
}

// pulledSums are the checksums of the weights that were pulled.
func pulledSums(cache string) []string {
	folder, err := cacheFolder(cache)
	if err != nil {
		return nil // storing the import will report it
	}
	locks, err := readLocks(folder)
	if err != nil {
		return nil // the next pull reports it
	}
	var sums []string
	for l := range maps.Values(locks) {
		sums = append(sums, l.SHA256)
	}
	return sums
}

// names reports whether a file has an official name: that of the official project, also with something behind it, as browsers add, or the
// encoder's own or that of its repository, for the file or for its folder.
func (e Encoder) names(file string) bool {
	official, _, _ := strings.Cut(path.Base(e.URL), "_pretrain")
	base := filepath.Base(file)
	if strings.HasPrefix(base, official+"_pretrain") {
		return true
	}
	full, err := filepath.Abs(file)
	if err != nil {
		full = file
	}
	all := []string{official, e.Name, path.Base(e.Repository)}
	if slices.Contains(all, strings.TrimSuffix(base, filepath.Ext(base))) || slices.Contains(all, filepath.Base(filepath.Dir(full))) {
		return true
	}
	// the transformers library's cache: models--facebook--dinov2-small/snapshots/COMMIT/model.safetensors
	return slices.Contains(strings.Split(filepath.ToSlash(full), "/"), "models--"+strings.ReplaceAll(e.Repository, "/", "--"))
}

// classifier is the name of a file's matrix from features to classes, which the files of the published encoders do not have; "" if there is
// none. The heads of DINO's training, which are networks, are none.
func classifier(f *weights.File) string {
	for _, t := range f.Tensors {
		part, ok := strings.CutSuffix(t.Name, ".weight")
		if last := part[strings.LastIndexByte(part, '.')+1:]; ok && len(t.Shape) == 2 && slices.Contains([]string{"head", "classifier", "fc", "linear_head", "linear_classifier"}, last) {
			return t.Name
		}
	}
	return ""
}
