// Package tampering makes damaged variants of files for tests, as a person or a failing disk might. In JSON files, every part is replaced,
// removed and repeated; files of any kind are truncated, extended and have bytes changed. A reader passes if it refuses each variant with
// an error or reads it correctly, and none crashes it.
package tampering
