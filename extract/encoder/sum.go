package encoder

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
)

// Sum is the SHA-256 of a model: of its file, and of the file beside it, <name>.data or <name>_data, in which
// exporters keep the weights of large models.
func Sum(name string) (string, error) {
	hash := sha256.New()
	for i, part := range []string{name, name + ".data", name + "_data"} {
		r, err := os.Open(part)
		if i > 0 && os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("model: %w", err)
		}
		_, err = io.Copy(hash, r)
		r.Close()
		if err != nil {
			return "", fmt.Errorf("model %s: %w", part, err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
