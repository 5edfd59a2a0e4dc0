package encoder

import (
	"context"
	"fmt"

	"iconic/internal/onnxfiles"
)

// Sum is the SHA-256 of a model: of its file and of all files that hold its external data, whatever their names are.
func Sum(name string) (string, error) {
	sum, _, err := onnxfiles.Sum(context.Background(), name)
	if err != nil {
		return "", fmt.Errorf("model: %w", err)
	}
	return sum, nil
}
