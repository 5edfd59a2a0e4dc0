//go:build slow

package main

import "testing"

// TestSlowScripts runs testdata/slow: scripts that need programs from elsewhere, or minutes.
func TestSlowScripts(t *testing.T) { runScripts(t, "testdata/slow") }
