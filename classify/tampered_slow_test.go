//go:build slow

package classify

const everyVariant = 3
