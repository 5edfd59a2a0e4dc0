package matrix

// Features is a matrix of Len rows of Dim numbers that may lie on disk. Block copies rows lo to hi, Gather those named,
// into dst, row after row. Both may be called by several goroutines at once.
type Features interface {
	Len() int
	Dim() int
	Block(dst []float32, lo, hi int) error
	Gather(dst []float32, rows []int32) error
}
