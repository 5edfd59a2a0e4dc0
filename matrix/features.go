package matrix

// Features is a matrix of Len rows of Dim numbers that may lie on disk. Block copies rows lo to hi−1 into dst, Gather the listed rows, row
// after row. Several goroutines may call both at once.
type Features interface {
	Len() int
	Dim() int
	Block(dst []float32, lo, hi int) error
	Gather(dst []float32, rows []int32) error
}
