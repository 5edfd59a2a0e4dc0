package pixels

import "runtime"

// allocated is the number of bytes that f allocates in all, freed ones too.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What decoding allocates, at the most: so many bytes, so many for each byte of the file, and so many for each pixel that MaxPixels lets
// through. docs/reliability.md promises it.
const (
	worstFixed   = 1 << 20
	worstOfFile  = 32
	worstOfPixel = 48
)
