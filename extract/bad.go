package extract

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"slices"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/option"
)

// notAFile is the kind of a listed name that belongs to a folder, pipe, socket or device. In a folder such names are skipped, so in a list they
// do not count as bad images.
const notAFile = "not a regular file"

// kindOf sorts the reason why an image could not be used into one of a few kinds, for the final table.
func kindOf(err error) string {
	var broken *pixels.Error
	switch {
	case errors.As(err, &broken):
		return string(broken.Reason)
	case errors.Is(err, dataset.ErrNoImage):
		return "no image"
	case errors.Is(err, regular.ErrNotRegular):
		return notAFile
	case errors.Is(err, fs.ErrNotExist):
		return "vanished"
	case errors.Is(err, fs.ErrPermission):
		return "no permission"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "cut short while read"
	case errors.Is(err, dataset.ErrTooLarge), errors.Is(err, budget.ErrTooLarge):
		return "too large"
	}
	return "unreadable"
}

// ofContent reports whether the reason lies in the bytes of an image, not in the way to them.
func ofContent(err error) bool {
	var broken *pixels.Error
	return errors.As(err, &broken) || errors.Is(err, dataset.ErrNoImage)
}

// reasonOf is err in words, without the file's name, which is printed beside it.
func reasonOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// Skip counts a bad image among Skipped.
func (s *Summary) Skip(kind, path, reason string) {
	i := slices.IndexFunc(s.Skipped, func(k Skipped) bool { return k.Kind == kind })
	if i < 0 {
		i = len(s.Skipped)
		s.Skipped = append(s.Skipped, Skipped{Kind: kind, Example: path, Reason: reason})
	}
	s.Skipped[i].Count++
}

// Judge sorts Skipped, and fails with an option.Error about MaxBad if more than that share of Items were bad, or if it is not from 0 to 1. Names that are no files count only
// where there is nothing else.
func (s *Summary) Judge(maxBad float64) error {
	if err := CheckMaxBad(maxBad); err != nil {
		return err
	}
	slices.SortStableFunc(s.Skipped, func(a, b Skipped) int { return cmp.Compare(b.Count, a.Count) })
	kinds, bad, items := s.Skipped, s.Bad(), s.Items
	if i := slices.IndexFunc(kinds, func(k Skipped) bool { return k.Kind == notAFile }); i >= 0 && kinds[i].Count < items {
		bad -= kinds[i].Count
		items -= kinds[i].Count
		kinds = slices.Delete(slices.Clone(kinds), i, i+1)
	}
	if items > 0 && float64(bad) > maxBad*float64(items) {
		kept := ""
		if s.Store != "" && bad < s.Items {
			kept = "; the features of the others are kept in " + s.Store
		}
		return option.Errorf("MaxBad", "%d of %s %s bad, more than the allowed %g %% (most often: %s, such as %s)%s",
			bad, plural.Of(items, "image", "images"), plural.Word(bad, "is", "are"), 100*maxBad, kinds[0].Kind, kinds[0].Example, kept)
	}
	return nil
}
