package pixels

import "runtime"

// allocated is the number of bytes that f allocates in total, including freed ones.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// The most that decoding may allocate: a constant, plus an amount per byte of the file, plus an amount per pixel up to MaxPixels.
// docs/reliability.md promises these bounds.
const (
	worstFixed   = 1 << 20
	worstOfFile  = 32
	worstOfPixel = 48
)
