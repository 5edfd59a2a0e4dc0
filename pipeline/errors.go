package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"iconic"
	"iconic/classify"
	"iconic/curation"
	"iconic/doctor"
	"iconic/duplicates"
	"iconic/extract"
	"iconic/extract/store"
	"iconic/features"
	"iconic/internal/atomicfile"
	"iconic/option"
	"iconic/prediction"
	"iconic/run"
	"iconic/sorting"
	"iconic/sweep"
)

// usageError marks an error that the user can fix by changing the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef is fmt.Errorf for usage errors: exit code 2.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// remedy says how to fix a library error from the command line; libraries don't know the flags.
type remedy struct {
	of    func(error) bool
	text  string // appended to the error; "" adds nothing
	usage bool   // a usage error
}

func sentinel(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func typed[T error](matches func(T) bool) func(error) bool {
	return func(err error) bool {
		var e T
		return errors.As(err, &e) && (matches == nil || matches(e))
	}
}

// storeFlag is a placeholder for the flag that gives a command its feature store.
const storeFlag = "--STORE"

// keptWords is a placeholder for what survives an interrupt of a command, and how to continue.
const keptWords = "--KEPT"

// storeFlags maps command paths to those flags; other commands use --out.
var storeFlags = map[string]string{"pipeline run": "--features"}

// remedies are tried in this order; the first match is used.
var remedies = []remedy{
	{typed[*sweep.RunError](nil), "", false},
	{sentinel(iconic.ErrNotADemo), ": choose an empty one with --out", true},
	{typed(func(e *run.ExistsError) bool {
		return e.Finished || e.Run == run.OtherRun || e.Run == run.UnreadableRun
	}), ": choose another one with --out, or remove it", true},
	{sentinel(run.ErrExists), ": continue it with --resume, choose another one with --out, or remove it", true},
	{typed(func(e *run.OtherError) bool { return !strings.HasPrefix(e.Other, "settings") }), ": repeat the original values, whose files must have the content that they had, to resume it, or choose another folder with --out", true},
	{typed[*run.OtherError](nil), ": repeat the original values to resume it, or choose another folder with --out", true},
	{typed[*curation.OtherRunError](nil), "; move the file away" + ignoreWords, false},
	{sentinel(curation.ErrDamaged), "; move the file away" + ignoreWords, false},
	{sentinel(run.ErrNoneLeft), "; use them as well with --no-curation", true},
	{sentinel(curation.ErrBusy), ": stop it first", false},
	{sentinel(run.ErrBusy), ": wait for it to finish, or choose another folder with --out", false},
	{typed((*run.FullError).TooLarge), ": allow larger files; " + keptWords, false},
	{typed[*run.FullError](nil), ": free some space; " + keptWords, false},
	{sentinel(run.ErrUnfinished), "; continue it with 'pipeline train --resume'", false},
	{sentinel(run.ErrNoScores), "; make them with 'pipeline train --resume'", false},
	{func(err error) bool { return sentinel(run.ErrClusters)(err) && typed[*sweep.SettingsError](nil)(err) }, ": give the number of clusters with --clusters", true},
	{sentinel(run.ErrClusters), ": give the number of clusters with --clusters" + estimateWords, true},
	{sentinel(run.ErrReference), ": choose another run for --reference", true},
	{typed(func(e *run.KeptError) bool { return e.Missing == run.FeaturesInput }), "; name them with --features, or remove the file to get a page without them", false},
	{typed(func(e *run.KeptError) bool { return e.Missing == run.ImagesInput }), "; name the images with --images, or remove the file to get a page without them", false},
	{typed(func(e *iconic.PreprocessingError) bool { return e.Field == "Crop" }), ": give the model's input size with --crop", true},
	{typed[*iconic.PreprocessingError](nil), ": give the mean and standard deviation that normalise each pixel, such as --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225", true},
	{sentinel(store.ErrParts), " with 'pipeline merge'", false},
	{sentinel(store.ErrNone), "; 'pipeline extract' makes one from images", false},
	{sentinel(store.ErrBusy), ": wait for it to finish, or choose another folder with " + storeFlag, false},
	{typed[*store.UnusableError](nil), "; or choose another folder with " + storeFlag, false},
	{typed[*store.EngineError](nil), ", or choose another folder with " + storeFlag, false},
	{typed[*doctor.FolderError](nil), "; choose another one with --out", false},
	{typed[*extract.SpaceError](nil), ", or choose a folder elsewhere with " + storeFlag, false},
	{sentinel(sweep.ErrUnfinished), ": run the same sweep without --report", false},
	{typed[*run.SettingsError](nil), "", true},
	{typed[*sweep.SettingsError](nil), "", true},
	{typed[*sweep.ListError](nil), "", true},
	{typed[*features.LabelsError](nil), "", true},
	{typed[*prediction.OptionsError](nil), "", true},
	{typed[*duplicates.OptionsError](nil), "", true},
	{sentinel(run.ErrNoImages), ": name the data set with --images", true},
	{sentinel(duplicates.ErrNoImages), ": name the data set with --images", true},
	{typed[*sorting.FolderError](nil), "", true},
	{typed[*sorting.EarlierError](nil), ": undo that sorting first with --undo, or choose another folder with --to", true},
	{sentinel(run.ErrUnnamed), ": leave out --images and --image-column", true},
	{typed[*prediction.PlaceError](nil), "; the line of each gives the reason", false},
	{sentinel(sorting.ErrOtherClusters), " with --to", true},
	{sentinel(sorting.ErrUnknownClusters), " with --to", true},
	{typed[*classify.EncoderError](nil), ": name its file with --model", true},
	{atomicfile.TooLarge, ": allow larger files; " + keptWords, false},
	{atomicfile.Full, ": free some space; " + keptWords, false},
	{sentinel(extract.ErrOtherEncoder), ": give the run's own encoder with --model, and --image-size, --output and --precision as in the original run", true},
}

// optionWords say how to set a library option from the command line. They complete the sentence of an option.Error.
var optionWords = map[string]string{
	"Correlation":   " (--correlation)",
	"Batch":         " (--batch-images)",
	"Crop":          ": give its size with --crop",
	"Data":          ": make the parts with 'pipeline extract --shard', or name the finished ones one by one",
	"Decoders":      " (--decode-threads)",
	"Dir":           ": give one with --out",
	"Edges":         ": give its edges with --graph edges.csv",
	"Exact":         ": leave out --exact, or give a store made from the images",
	"Features":      ": give their location with --features",
	"FeaturesOnly":  ": leave out --images, or --exact and --features-only",
	"Folder":        " (--to)",
	"Folders":       ": --copy-to and --link-to need image files",
	"Folders.Dir":   " (--copy-to, --link-to)",
	"Folders.Link":  ": use --copy-to instead of --link-to",
	"From":          " (--from)",
	"From or Token": " (--from; or the token as HF_TOKEN in the environment)",
	"Heads":         " (--attention-heads)",
	"ImageColumn":   " (--image-column)",
	"ImageSize":     " (--image-size)",
	"LabelColumn":   " (--label-column)",
	"Labels":        ": give a store with class folders, or --labels with a matrix",
	"LabelsChosen":  ": leave out --labels-from",
	"LabelsFrom":    " (--labels-from none)",
	"Images":        ": give their new location with --images",
	"Library":       ", or name it with --onnxruntime",
	"MaxBad":        " (--max-bad)",
	"MaxBytes":      " (--max-bytes)",
	"MaxPixels":     " (--max-pixels)",
	"Memory":        " (--memory)",
	"Method":        "; 'pipeline methods' lists those that there are",
	"Mode":          " (--copy, --link, --hardlink, --move)",
	"Out":           ": give one with --out",
	"Output":        " (--output)",
	"Places":        " (--places)",
	"Points":        " (--map-points)",
	"Part":          ": make them with 'pipeline extract --shard'",
	"Raw":           ": leave out --no-curation",
	"Provider":      "; --provider auto falls back to the CPU, and 'pipeline doctor' lists the providers that load",
	"Second":        ": name the second set with --second",
	"Splits":        " (--split)",
	"Strict":        "; without --strict it would be skipped",
	"Views":         ": extract with --views 2",
	"Threads":       " (--encoder-threads)",
	"Watch":         " (--watch)",
}

// estimates says that the command can find the number of clusters itself, if it can.
func estimates(command string) string {
	if command == "pipeline methods" {
		return ""
	}
	return ", or estimate it with --clusters auto"
}

// estimateWords is a placeholder for the other way to a number of clusters.
const estimateWords = "--ESTIMATE"

// ignoreWords is a placeholder for how a command goes on without the changes made by hand.
const ignoreWords = "--IGNORE"

// ignores says how the command goes on without the changes made by hand, if it can.
func ignores(command string) string {
	if command == "pipeline curate" {
		return ""
	}
	return ", or ignore it with --no-curation"
}

// commandWords are those of a command without an option's flag, by its path.
var commandWords = map[string]map[string]string{
	"pipeline demo": {
		"Edges":  ", and the demo makes none: choose another method, or try this one on your images with 'pipeline run --graph edges.csv'",
		"Second": ", and the demo makes no second one: choose another method, or try this one on your images with 'pipeline run --second'",
		"Views":  ", and the demo makes no others: choose another method, or try this one on your images with 'pipeline run --views 2'",
	},
	"pipeline run": {
		"Labels": ": give images whose folders or columns name their classes",
		"Views":  ": give --views 2",
	},
	"pipeline sweep": {
		"Edges":  ", and a sweep takes none: train it alone with 'pipeline train --graph edges.csv'",
		"Second": ", and a sweep takes no second one: train it alone with 'pipeline train --second'",
	},
}

// explained adds to an error of the command with this path how to fix it, and marks usage errors.
func explained(command string, err error) error {
	var o *option.Error
	if errors.As(err, &o) {
		err = fmt.Errorf("%w%s", err, cmp.Or(commandWords[command][o.Option], optionWords[o.Option]))
	}
	for _, r := range remedies {
		if !r.of(err) {
			continue
		}
		if r.text != "" {
			words := strings.NewReplacer(storeFlag, cmp.Or(storeFlags[command], "--out"), keptWords, keptBy(command), estimateWords, estimates(command), ignoreWords, ignores(command))
			err = fmt.Errorf("%w%s", err, words.Replace(r.text))
		}
		if r.usage {
			err = usageError{err}
		}
		return err
	}
	return err
}
