package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"iconic"
	"iconic/classify"
	"iconic/curation"
	"iconic/duplicates"
	"iconic/extract"
	"iconic/extract/store"
	"iconic/features"
	"iconic/option"
	"iconic/prediction"
	"iconic/run"
	"iconic/sorting"
	"iconic/sweep"
)

// usageError marks an error that the user can mend by calling the command differently.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef is fmt.Errorf for wrong use: exit code 2.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// remedy is what the command line can do about an error that a library tells apart; libraries know of no flags.
type remedy struct {
	of    func(error) bool
	text  string // the rest of the sentence; "" adds nothing
	usage bool   // the call was wrong
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

// storeFlag stands for the flag by which a command is told where the feature store lies.
const storeFlag = "--STORE"

// storeFlags are those flags, by the path of the command; --out where it is not among them.
var storeFlags = map[string]string{"pipeline run": "--features"}

// remedies are looked through in this order; the first that fits is taken.
var remedies = []remedy{
	{sentinel(iconic.ErrNotADemo), ": choose an empty one with --out", true},
	{sentinel(run.ErrExists), ": choose another one with --out, remove it, or go on with --resume", true},
	{typed[*run.OtherError](nil), ": give the same to resume it, or choose another folder with --out", true},
	{typed[*curation.OtherRunError](nil), "; move the file away, or go without it with --no-curation", false},
	{sentinel(curation.ErrDamaged), "; go without it with --no-curation", false},
	{sentinel(curation.ErrBusy), ": end it first", false},
	{sentinel(run.ErrBusy), ": wait for it, or choose another folder with --out", false},
	{sentinel(run.ErrUnfinished), "; go on with 'pipeline train --resume'", false},
	{sentinel(run.ErrNoScores), "; train again with 'pipeline train'", false},
	{func(err error) bool { return sentinel(run.ErrClusters)(err) && typed[*sweep.SettingsError](nil)(err) }, ": give the number of groups with --clusters", true},
	{sentinel(run.ErrClusters), ": give the number of groups with --clusters, or let --clusters auto find one", true},
	{sentinel(run.ErrReference), ": choose another run for --reference", true},
	{typed(func(e *run.KeptError) bool { return e.Missing == run.FeaturesInput }), "; name them with --features, or remove the file for a page without", false},
	{typed(func(e *run.KeptError) bool { return e.Missing == run.ImagesInput }), "; name the images with --images, or remove the file for a page without", false},
	{typed(func(e *iconic.PreprocessingError) bool { return e.Field == "Crop" }), ": give the model's input size with --crop", true},
	{typed[*iconic.PreprocessingError](nil), ": give what is taken from each pixel and what it is divided by, as --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225", true},
	{sentinel(store.ErrNone), "; 'pipeline extract' makes one of images", false},
	{sentinel(store.ErrBusy), ": wait for it, or choose another folder with " + storeFlag, false},
	{typed[*store.UnusableError](nil), "; or choose another folder with " + storeFlag, false},
	{typed[*store.EngineError](nil), ", or choose another folder with " + storeFlag, false},
	{typed[*extract.SpaceError](nil), ", or choose a folder elsewhere with " + storeFlag, false},
	{sentinel(sweep.ErrUnfinished), ": run the same sweep without --report", false},
	{typed[*run.SettingsError](nil), "", true},
	{typed[*sweep.ListError](nil), "", true},
	{typed[*features.LabelsError](nil), "", true},
	{typed[*prediction.OptionsError](nil), "", true},
	{typed[*duplicates.OptionsError](nil), "", true},
	{sentinel(run.ErrNoImages), ": name the data set with --images", true},
	{typed[*sorting.FolderError](nil), "", true},
	{typed[*prediction.PlaceError](nil), "; each has the reason in its line", false},
	{typed[*classify.EncoderError](nil), ": name its file with --model", true},
	{sentinel(extract.ErrOtherEncoder), ": give the run's own with --model, and --image-size, --output and --precision as they were then", true},
}

// optionWords say how an option of a library is given to the command. They end the sentence of an option.Error.
var optionWords = map[string]string{
	"Correlation":   " (--correlation)",
	"Crop":          ": give its size with --crop",
	"Data":          ": name it after RUN",
	"Edges":         ": give its edges with --graph edges.csv",
	"Features":      ": say where they are with --features",
	"FeaturesOnly":  ": leave --images out, or --exact and --features-only",
	"Folders":       ": --copy-to and --link-to are for the files of images",
	"Folders.Dir":   " (--copy-to, --link-to)",
	"Folders.Link":  ": use --copy-to instead of --link-to",
	"From":          " (--from)",
	"From or Token": " (--from; or the token as HF_TOKEN in the environment)",
	"Heads":         " (--attention-heads)",
	"ImageColumn":   " (--image-column)",
	"ImageSize":     " (--image-size)",
	"LabelColumn":   " (--label-column)",
	"Labels":        ": give a store with class folders, or --labels with a matrix",
	"LabelsFrom":    " (--labels-from none)",
	"Images":        ": say where they are now with --images",
	"Library":       ", or name it with --onnxruntime",
	"MaxBad":        " (--max-bad)",
	"Method":        "; 'pipeline methods' lists those that there are",
	"Output":        " (--output)",
	"Part":          ": make them with 'pipeline extract --shard'",
	"Parts":         ": make them with 'pipeline extract --shard', or name those that are there one by one",
	"Provider":      "; --provider auto falls back to the processor, and 'pipeline doctor' lists what loads",
	"Second":        ": name the other with --second",
	"Splits":        " (--split)",
	"Strict":        "; without --strict it would be skipped",
	"Views":         ": extract with --views 2",
	"Watch":         " (--watch)",
}

// explained is an error as the command of that path tells it: with what can be done about it, and marked where the call was wrong.
func explained(command string, err error) error {
	var o *option.Error
	if errors.As(err, &o) {
		err = fmt.Errorf("%w%s", err, optionWords[o.Option])
	}
	for _, r := range remedies {
		if !r.of(err) {
			continue
		}
		if r.text != "" {
			err = fmt.Errorf("%w%s", err, strings.ReplaceAll(r.text, storeFlag, cmp.Or(storeFlags[command], "--out")))
		}
		if r.usage {
			err = usageError{err}
		}
		return err
	}
	return err
}
