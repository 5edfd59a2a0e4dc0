// Package budget shares out memory among those who decode other people's files.
//
// A Budget is a number of bytes. Whoever is about to allocate takes what the file's header promises (pixels.Cost, or the
// Content-Length of a request) before it does so, and gives it back afterwards:
//
//	if err := b.Take(ctx, need); err != nil { … } // waits until there is room, or ctx ends
//	defer b.Give(need)
//
// A service that would rather refuse than wait uses TryTake, and answers 429 when it reports false. What exceeds the whole budget
// is an error that wraps ErrTooLarge: waiting would not help.
//
// Default is the budget of a process that was told nothing: half of what Machine finds, which is the memory of the machine or the
// limit of its control groups (v1 or v2), whichever is smaller. Check refuses more than Machine, and Size reads "2GB" from a flag. SetRuntimeLimit gives the same number to
// the garbage collector; only a command does so, never a library.
package budget
