package progress

import "fmt"

// Step says how far a stage has progressed.
type Step struct {
	Stage  string `json:"stage"` // "encode", "neighbours", "training", …
	Unit   string `json:"unit"`  // unit of Done and Total: "images", "steps", …; "": the stage begins, or counts nothing
	Done   int64  `json:"done"`
	Total  int64  `json:"total"`  // less than 1 if unknown
	Detail string `json:"detail"` // detail of the last step, such as "loss 1.2345"
}

// Hooks receive reports, one call at a time: notes, findings and warnings on the goroutine of the call that they were given for, where a panic in one can be
// recovered; steps and stages perhaps on another, where it cannot. The zero value ignores them.
type Hooks struct {
	Step func(Step)
	// Begun is called with the name of each stage as it begins, so that stages can be timed. Some stages have no steps to count.
	Begun func(stage string)
	Note  func(text string) // a message worth knowing
	Found func(text string) // what a training found, which its results say as well
	Warn  func(text string) // a message that must not be missed
}

// At reports a step.
func (h Hooks) At(s Step) {
	if h.Step != nil {
		h.Step(s)
	}
}

// Begin reports the beginning of a stage.
func (h Hooks) Begin(stage string) {
	if h.Begun != nil {
		h.Begun(stage)
	}
}

// Notef reports a note.
func (h Hooks) Notef(format string, args ...any) {
	if h.Note != nil {
		h.Note(fmt.Sprintf(format, args...))
	}
}

// Finding reports what was found.
func (h Hooks) Finding(text string) {
	if h.Found != nil {
		h.Found(text)
	}
}

// Warnf reports a warning.
func (h Hooks) Warnf(format string, args ...any) {
	if h.Warn != nil {
		h.Warn(fmt.Sprintf(format, args...))
	}
}

// Stage returns a function that reports the steps of a stage, for work that only knows counts.
func (h Hooks) Stage(stage, unit string) func(done, total int) {
	return func(done, total int) {
		h.At(Step{Stage: stage, Unit: unit, Done: int64(done), Total: int64(total)})
	}
}

// Bytes is Stage for downloads, whose stage names are not known in advance.
func (h Hooks) Bytes(stage string, done, total int64) {
	h.At(Step{Stage: stage, Unit: "bytes", Done: done, Total: total})
}
