//go:build slow

package iconic_test

const everyVariant = 3
