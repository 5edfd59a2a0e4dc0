package progress

import "fmt"

// Step says how far a stage has come.
type Step struct {
	Stage  string `json:"stage"` // "encode", "neighbours", "training", …
	Unit   string `json:"unit"`  // what Done and Total count: "images", "steps", …; "": the stage begins, or counts nothing
	Done   int64  `json:"done"`
	Total  int64  `json:"total"`  // less than 1 while it is not known
	Detail string `json:"detail"` // of the last step, such as "loss 1.2345"
}

// Hooks are told what goes on, one call at a time. The zero value is told nothing.
type Hooks struct {
	Step func(Step)
	// Begun hears the name of each stage as it begins: what took how long. There are more of them than have steps to count.
	Begun func(stage string)
	Note  func(text string) // what is worth knowing
	Warn  func(text string) // what should not be missed
}

// At tells a step.
func (h Hooks) At(s Step) {
	if h.Step != nil {
		h.Step(s)
	}
}

// Begin tells that a stage begins.
func (h Hooks) Begin(stage string) {
	if h.Begun != nil {
		h.Begun(stage)
	}
}

// Notef tells a note.
func (h Hooks) Notef(format string, args ...any) {
	if h.Note != nil {
		h.Note(fmt.Sprintf(format, args...))
	}
}

// Warnf tells a warning.
func (h Hooks) Warnf(format string, args ...any) {
	if h.Warn != nil {
		h.Warn(fmt.Sprintf(format, args...))
	}
}

// Stage gives a function that tells the steps of a stage, for work that counts without knowing what.
func (h Hooks) Stage(stage, unit string) func(done, total int) {
	return func(done, total int) {
		h.At(Step{Stage: stage, Unit: unit, Done: int64(done), Total: int64(total)})
	}
}

// Bytes is Stage for downloads, whose stages are named as they come.
func (h Hooks) Bytes(stage string, done, total int64) {
	h.At(Step{Stage: stage, Unit: "bytes", Done: done, Total: total})
}
