package diskspace

import (
	"fmt"
	"path/filepath"
)

// Free is the number of bytes that this user may still write to the disk of a folder, or of its nearest existing ancestor.
func Free(folder string) (int64, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return 0, err
	}
	for {
		free, err := available(folder)
		if err == nil || folder == filepath.Dir(folder) {
			return free, err
		}
		folder = filepath.Dir(folder)
	}
}

// Words formats a number of bytes for people: "1.5 GB".
func Words(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v := float64(n)
	i := -1
	for v >= 1000 && i+1 < len(units) {
		v /= 1000
		i++
	}
	return fmt.Sprintf("%.1f %cB", v, units[i])
}
