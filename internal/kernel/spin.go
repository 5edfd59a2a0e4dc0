package kernel

// Spin keeps the multiply-add units busy without touching memory and returns the number of floating-point operations done: each turn does
// one multiply-add per element of a tile. Benchmarks take its speed as the processor's peak.
func Spin(turns int) (operations float64) {
	active.spin(turns)
	return 2 * float64(active.tile.rows) * float64(active.tile.columns) * float64(turns)
}

func spinGeneric(turns int) {
	var sum [4][4]float32
	multiplyAdd(&sum, turns)
}

//go:noinline
func multiplyAdd(sum *[4][4]float32, turns int) {
	s, x := *sum, sum[0][0]
	for range turns {
		for r := range s {
			for c := range s[r] {
				s[r][c] += x * x
			}
		}
	}
	*sum = s
}
