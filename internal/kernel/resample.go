package kernel

// WeightBits is the number of fractional bits of resampling weights, as in Pillow: what 8-bit pixels leave of 32 bits.
const WeightBits = 32 - 8 - 2

// ResampleRows is dst[i] = Σ_k weight[k]·src[k·stride+i], rounded and clipped to 8 bits: one row of a picture from len(weight) rows that
// are stride ≥ len(dst) bytes apart. The sums must fit into 32 bits. Every path gives the same bytes.
func ResampleRows(dst, src []uint8, stride int, weight []int32) {
	active.resampleRows(dst, src, stride, weight)
}

// ResamplePixels is dst[3i+c] = Σ_k weight[i·size+k]·src[3(first[i]+k)+c] for c < 3, rounded and clipped to 8 bits: len(first) pixels, each
// from size neighbours. Pixels beyond the end of src count as black. An even size is fast. Every path gives the same bytes.
func ResamplePixels(dst, src []uint8, first []int, weight []int32, size int) {
	active.resamplePixels(dst, src, first, weight, size)
}

// SumRows is dst[i] = Σ_k weight[k]·src[k·stride+i] in order of k, each product and each sum rounded: a row of a filtered picture. Every path
// gives the same bits.
func SumRows(dst, src []float32, stride int, weight []float32) {
	active.sumRows(dst, src, stride, weight)
}

const nearest = 1 << (WeightBits - 1) // added before truncation, so that it rounds

func resampleRowsGeneric(dst, src []uint8, stride int, weight []int32) {
	const atOnce = 256
	var room [atOnce]int32
	for len(dst) > 0 {
		sums := room[:min(len(dst), atOnce)]
		for i := range sums {
			sums[i] = nearest
		}
		k := 0
		for ; k+4 <= len(weight); k += 4 { // four rows at a time: the sums are loaded and stored a quarter as often
			w0, w1, w2, w3 := weight[k], weight[k+1], weight[k+2], weight[k+3]
			r0, r1 := src[k*stride:][:len(sums)], src[(k+1)*stride:][:len(sums)]
			r2, r3 := src[(k+2)*stride:][:len(sums)], src[(k+3)*stride:][:len(sums)]
			for i := range sums {
				sums[i] += w0*int32(r0[i]) + w1*int32(r1[i]) + w2*int32(r2[i]) + w3*int32(r3[i])
			}
		}
		for ; k < len(weight); k++ {
			for i, v := range src[k*stride:][:len(sums)] {
				sums[i] += weight[k] * int32(v)
			}
		}
		for i, v := range sums {
			dst[i] = Clip(v >> WeightBits)
		}
		if dst = dst[len(sums):]; len(dst) > 0 {
			src = src[len(sums):]
		}
	}
}

func resamplePixelsGeneric(dst, src []uint8, first []int, weight []int32, size int) {
	for i, at := range first {
		from := src[3*at:]
		weights := weight[i*size:][:min(size, len(from)/3)]
		r, g, b := int32(nearest), int32(nearest), int32(nearest)
		for _, w := range weights {
			r += w * int32(from[0])
			g += w * int32(from[1])
			b += w * int32(from[2])
			from = from[3:]
		}
		dst[3*i], dst[3*i+1], dst[3*i+2] = Clip(r>>WeightBits), Clip(g>>WeightBits), Clip(b>>WeightBits)
	}
}

func sumRowsGeneric(dst, src []float32, stride int, weight []float32) {
	clear(dst)
	for k, w := range weight {
		for i, v := range src[k*stride:][:len(dst)] {
			dst[i] += float32(w * v)
		}
	}
}

// Clip is the 8-bit level nearest to v.
func Clip(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}
