package spelling

// Meant is the candidate of least edit distance to a name, "" where none is so near that it is likely to be meant: a third of the letters differ
// at most, and two may in any case.
func Meant(name string, candidates []string) string {
	best, at := max(2, len(name)/3)+1, ""
	for _, c := range candidates {
		if d := editDistance(name, c); d < best {
			best, at = d, c
		}
	}
	return at
}

// editDistance is Levenshtein's, by bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
