// Package tampering makes damaged variants of files for tests: what somebody, or a bad disk, may have done to them. JSON files have each
// of their parts replaced, removed and repeated; files of any kind are cut short, continued and have bytes changed. A reader passes when it refuses each
// variant with a sentence or reads it for what it is, and none crashes it.
package tampering
