package spelling

// Meant returns the candidate with the smallest edit distance to name, or "" if none is close enough: at most a third of the letters may
// differ, and two in any case.
func Meant(name string, candidates []string) string {
	best, at := max(2, len(name)/3)+1, ""
	for _, c := range candidates {
		if d := editDistance(name, c); d < best {
			best, at = d, c
		}
	}
	return at
}

// editDistance is the Levenshtein distance in bytes.
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
