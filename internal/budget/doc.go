// Package budget shares memory among goroutines that decode untrusted files.
//
// A Budget is a number of bytes. Whoever is about to allocate first takes what the file's header calls for (pixels.Cost, or the
// Content-Length of a request), and gives it back afterwards:
//
//	if err := b.Take(ctx, need); err != nil { … } // waits until the bytes are free, or ctx ends
//	defer b.Give(need)
//
// A service that would rather refuse than wait uses TryTake, and answers 429 if it returns false. A request for more than the whole budget
// is an error that wraps ErrTooLarge: waiting would not help.
//
// Default is the budget of a process without settings: half of Machine, which is the memory of the machine or the limit of its control
// groups (v1 or v2), whichever is smaller. Check refuses more than Machine, and Size reads "2GB" from a flag. SetRuntimeLimit passes the
// same number to the garbage collector; only a command calls it, never a library.
package budget
