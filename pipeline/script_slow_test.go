//go:build slow

package main

import "testing"

// TestSlowScripts runs testdata/slow: scripts that need external programs or take minutes.
func TestSlowScripts(t *testing.T) { runScripts(t, "testdata/slow") }
