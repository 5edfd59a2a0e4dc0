// Package identity makes the keys by which finished work is found again: features, runs of a sweep, inputs of a training, rewritten
// models. A key is a hash of a value of all that the work depends on; the same value gives the same key, on any machine, and any
// other another.
package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digits is the length of a key, in hexadecimal digits: 64 bits.
const Digits = 16

// Key is the key of v, a value that encoding/json writes in full: exported fields alone count, and maps in the order of their keys.
// Keys of different kinds never meet. It fails on values that JSON has no form for.
func Key(kind string, v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("key of %s: %w", kind, err)
	}
	h := sha256.New()
	fmt.Fprintf(h, "iconic %s\n%s", kind, b) // a hash never fails
	return hex.EncodeToString(h.Sum(nil))[:Digits], nil
}
