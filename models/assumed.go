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
	if isPublished(f.Name, m.SHA256, m.Classifier, *m.Architecture, pulledSums(cache)) {
		return
	}
	for _, key := range []string{"resize", "mean", "std"} {
		if _, stated := f.Metadata[key]; !stated {
			m.Assumed = append(m.Assumed, key)
		}
	}
}

// isPublished reports whether a file of weights is that of an encoder in the registry: by its shape, and its checksum or its name. With a classifier, "" for none,
// only the name of a repository that has one counts. pulled are the checksums of those that were pulled.
func isPublished(file, sum, classifier string, a vit.Architecture, pulled []string) bool {
	return slices.ContainsFunc(Registry(), func(e Encoder) bool {
		known := slices.Contains(pulled, sum) || e.SHA256Prefix != "" && strings.HasPrefix(sum, e.SHA256Prefix) || e.names(file)
		return e.Architecture == a && (known && classifier == "" || e.probes(file))
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
	return called(file, official, e.Name, e.Repository)
}

// probes reports whether a file has the name of the repository with the encoder as it is behind a linear classifier, a probe, which DINOv2 has.
func (e Encoder) probes(file string) bool {
	return e.Architecture.Family == vit.DINOv2 && called(file, e.Repository+"-imagenet1k-1-layer")
}

// called reports whether a file or its folder has one of the names, or the last part of one. The cache of the transformers library has whole ones:
// models--facebook--dinov2-small/snapshots/COMMIT/model.safetensors.
func called(file string, names ...string) bool {
	full, err := filepath.Abs(file)
	if err != nil {
		full = file
	}
	stem := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	parts := strings.Split(filepath.ToSlash(full), "/")
	return slices.ContainsFunc(names, func(name string) bool {
		last := path.Base(name)
		return last == stem || last == filepath.Base(filepath.Dir(full)) || slices.Contains(parts, "models--"+strings.ReplaceAll(name, "/", "--"))
	})
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
